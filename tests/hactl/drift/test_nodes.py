"""What was collected on the nodes: each planted difference is found and named, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from hactl.drift.nodes import Facts, Intended, drifts
from hactl.live.collect import collect
from hactl.live.runner import Runner

Said = dict[str, Any]

SAID: Said = {
    "files": {
        "/etc/corosync/corosync.conf": "aa",
        "/etc/corosync/authkey": "bb",
        "/web1.xml": "cc",
    },
    "versions": {"kernel": "6.1", "qemu": "7.2", "libvirt": "9.0", "pacemaker": "2.1.5"},
    "clock": 100.0,
    "cpu": {"model": "EPYC", "features": "dd"},
    "memory": {"total": 8000, "available": 4000},
    "bridges": {"br-lan": ["eth2", "tap0"]},
    "mounts": {"/srv/vms": True},
    "agents": "ee",
}
MEANT = Intended(
    ports={"br-lan": ("eth2",)},
    mounts=("/srv/vms",),
    memory={"node1": 8 << 30, "node2": 8 << 30, "node3": 8 << 30},
)


def found(plant: Callable[[Said], None], *, nodes: int = 3) -> list[str]:
    facts = {f"node{n}": Facts(deepcopy(SAID), 99.9, 100.1) for n in range(1, nodes + 1)}
    plant(facts["node3" if nodes > 2 else "node2"].said)  # type: ignore[arg-type]
    return [str(drift) for drift in drifts(facts, MEANT)]


def test_where_all_is_alike_there_is_nothing() -> None:
    assert found(lambda _: None) == []


@pytest.mark.parametrize(
    ("plant", "says"),
    [
        (
            lambda said: said["files"].update({"/web1.xml": "ff"}),
            "node3: /web1.xml is ff, most nodes have cc",
        ),
        (
            lambda said: said["cpu"].update(model="Xeon"),
            "node3: CPU model is Xeon, most nodes have EPYC",
        ),
        (
            lambda said: said["cpu"].update(features="00"),
            "node3: CPU features is 00, most nodes have dd",
        ),
        (
            lambda said: said.update(agents="old"),
            "node3: agents of hactl is old, most nodes have ee",
        ),
        (
            lambda said: said["versions"].update(libvirt="8.0"),
            "node3: version of libvirt is 8.0, most nodes have 9.0",
        ),
        (
            lambda said: said["bridges"].update({"br-lan": []}),
            "node3: eth2 is not a port of the bridge br-lan",
        ),
        (
            lambda said: said["bridges"].update({"br-lan": None}),
            "node3: there is no bridge br-lan",
        ),
        (
            lambda said: said["mounts"].update({"/srv/vms": False}),
            "node3: nothing is mounted on /srv/vms",
        ),
        (
            lambda said: said.update(clock=105.1),
            "node3: its clock is 5.0 s ahead of this node's",
        ),
        (lambda said: said.update(clock=94.9), "node3: its clock is 5.0 s behind this node's"),
        (
            lambda said: said["memory"].update(total=4000),
            "node3: has 4000 MiB of memory, the topology says 8192",
        ),
    ],
)
def test_each_difference_is_named(plant: Callable[[Said], None], says: str) -> None:
    assert found(plant) == [says]


def test_of_two_nodes_nobody_says_which_is_right() -> None:
    assert found(lambda said: said.update(agents="old"), nodes=2) == [
        "node1: agents of hactl is ee, no majority has one value",
        "node2: agents of hactl is old, no majority has one value",
    ]


def test_a_slow_answer_is_not_a_wrong_clock() -> None:
    assert list(drifts({"node1": Facts(SAID, 90.0, 110.0)}, Intended())) == []


def test_the_collector_runs_under_a_bare_python_and_a_silent_node_is_named(tmp_path: Path) -> None:
    definition = tmp_path / "web1.xml"
    firmware = tmp_path / "code.fd"
    definition.write_text(f"<domain><os><loader>{firmware}</loader></os></domain>")
    firmware.write_text("x")
    meant = Intended(files=(str(definition),), ports={"none0": ()}, mounts=("/proc", "/nowhere"))
    seen = collect(Runner(), "here", ["/bin/false", "{node}"], ["here", "there", "-odd"], meant)
    assert set(seen.silent) == {"there", "-odd"}
    said = seen.found["here"].said
    assert said["unfinished"] == ""
    assert said["bridges"] == {"none0": None}
    assert said["mounts"] == {"/proc": True, "/nowhere": False}
    assert len(said["files"][str(definition)]) == len(said["files"][str(firmware)]) == 12
    assert [str(d) for d in drifts(seen.found, meant)] == [
        "here: there is no bridge none0",
        "here: nothing is mounted on /nowhere",
    ]
