"""A drill of a device that lies, and a drill that is killed: neither leaves harm behind."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest

from hactl.fencing.drill.marks import MARK
from hactl.lab.lab import Lab
from tests.cluster.drilled import TARGET, drill, forget_proofs, furnish, proofs, topology
from tests.cluster.labs import Eventually, repair
from tests.cluster.lying_devices import BLIND, spread

pytestmark = [pytest.mark.cluster, pytest.mark.extended]


@pytest.fixture
def drilled(lab: Lab) -> Iterator[Lab]:
    forget_proofs(lab)
    yield lab
    lab.exec("node1", "hactl", "fence", "mend")
    lab.power(TARGET, "reboot")
    for node in lab.nodes:
        lab.exec(node, "rm", "-f", "/usr/sbin/fence_blind")
    repair(lab)


def test_a_device_that_lies_is_found_out_and_the_node_is_really_fenced(drilled: Lab) -> None:
    spread(drilled, "fence_blind", BLIND)
    furnish(drilled, bmc="fence_blind")
    code, made, said = drill(drilled)
    assert code == 1, said
    liar, true = made["levels"]
    assert "bmc said that node3 is off, and it was alive at that moment" in liar["failure"]
    assert liar["notes"] == ["node3 was fenced by its other levels"]
    assert true["proven"], true
    assert proofs(drilled) == {1: "never", 2: "proven"}
    assert MARK not in topology(drilled)


def test_a_drill_that_is_killed_is_tidied_up_after(drilled: Lab, eventually: Eventually) -> None:
    furnish(drilled, delay="8s")
    before, there = topology(drilled), copies(drilled)
    pid = begun(drilled, eventually)
    drilled.exec("node1", "kill", "-KILL", pid)
    eventually(lambda: topology(drilled) == before, "the levels are as before", 15)
    assert "drill of" not in problems(drilled)
    eventually(lambda: copies(drilled) <= there, "no copy of the CIB is left")


def test_what_a_dead_machine_leaves_is_seen_and_mended_by_the_next_drill(
    drilled: Lab, eventually: Eventually
) -> None:
    """The guard is dead as well: as if the node that called the drill had lost its power."""
    furnish(drilled, delay="8s")
    before = topology(drilled)
    pid = begun(drilled, eventually)
    began = time.time()
    guard = drilled.exec("node1", "pgrep", "-f", "hactl.live.fencing.guard").stdout.split()
    drilled.exec("node1", "kill", "-KILL", pid, *guard)
    eventually(lambda: fenced_since(drilled, began), "the order is carried out")
    drilled.wait_formed(60)
    assert MARK in topology(drilled)
    assert "a drill of node3, begun by node1" in problems(drilled)

    elsewhere = drilled.exec("node2", "hactl", "fence", "drill", TARGET, "--yes")
    assert "say `hactl fence mend`" in elsewhere.stderr
    code, made, said = drill(drilled, "--level", "1")
    assert (code, made.get("proven")) == (0, True), said
    assert topology(drilled) == before


def fenced_since(lab: Lab, began: float) -> bool:
    """Whether the power switch was used; the node itself may be back between two looks."""
    uses = (use for use in lab.history() if use["time"] > began and use["node"] == TARGET)
    return any(use["action"] in ("off", "reboot") for use in uses)


def begun(lab: Lab, eventually: Eventually) -> str:
    """Begin a drill of level 2; the pid of hactl, when level 1 is set aside and the order given."""
    script = f"hactl fence drill {TARGET} --level 2 --yes >/tmp/drill 2>&1 & echo $!"
    pid = lab.exec("node1", "sh", "-c", script).stdout.strip()
    ordered = ("pgrep", "-x", "stonith_admin")
    eventually(lambda: lab.exec("node1", *ordered).returncode == 0, "the order is given")
    assert MARK in topology(lab)
    return pid


def copies(lab: Lab) -> set[str]:
    return set(lab.exec("node1", "sh", "-c", "ls -d /tmp/hactl-*").stdout.split())


def problems(lab: Lab) -> str:
    said = lab.exec("node1", "hactl", "status", "--format", "json").stdout
    return "\n".join(json.loads(said)["problems"])
