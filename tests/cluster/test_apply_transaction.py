"""An apply of several commits on a real cluster: what fails, who edits meanwhile, and its death."""

from __future__ import annotations

import threading

import pytest

from hactl.lab.lab import Lab, Result
from tests.cluster.applying import BASE, PAIR, Here
from tests.cluster.labs import Eventually

pytestmark = pytest.mark.cluster

FOLDER = "/usr/lib/ocf/resource.d/hactl-test"
# Neither starts nor stops, and says so; a probe finds nothing.
BROKEN = """\
#!/bin/sh
case "$1" in
meta-data) echo '<resource-agent name="Broken"><version>1.0</version><parameters/><actions>' \
  '<action name="start" timeout="20"/><action name="stop" timeout="20"/>' \
  '<action name="monitor" timeout="20" interval="10"/></actions></resource-agent>' ;;
monitor) exit 7 ;;
*) exit 1 ;;
esac
"""
BAD = "  - {kind: primitive, id: bad, agent: 'ocf:hactl-test:Broken'}\n"
# Every operation takes 5 s, and neither start nor stop is given as much; killed, it leaves
# something behind that its probe stumbles over.
WORSE = """\
  - {kind: primitive, id: bad, agent: "ocf:pacemaker:Dummy",
     params: {state: /run/bad, op_sleep: "5"},
     operations: [{name: start, timeout: 2s}, {name: stop, timeout: 2s}]}
"""


@pytest.fixture
def broken(here: Here) -> Here:
    """The lab with an agent that neither starts nor stops."""
    for node in ("node1", "node2", "node3"):
        here.lab.exec(node, "mkdir", "-p", FOLDER)
        here.lab.write(node, f"{FOLDER}/Broken", BROKEN.encode())
        assert here.lab.exec(node, "chmod", "755", f"{FOLDER}/Broken").returncode == 0
    return here


def test_what_is_new_and_neither_starts_nor_stops_fences_nobody_and_is_taken_back(
    broken: Here,
) -> None:
    before, configured = fencings(broken), broken.configuration()
    applied = broken.apply(BASE + BAD)
    assert applied.returncode == 1, applied.stdout + applied.stderr
    taken_back = "did not go as predicted, so the configuration was taken back"
    assert taken_back in applied.stderr, applied.stderr
    assert "bad: stop on " in applied.stderr
    assert fencings(broken) == before
    assert without_refresh(broken.configuration()) == without_refresh(configured)
    assert broken.lab.exec("node1", "hactl", "status").returncode == 0


def test_without_the_trial_it_fences_a_node(broken: Here, eventually: Eventually) -> None:
    """The detector fires: the same resource, made by pcs."""
    before = fencings(broken)
    broken.sh("pcs resource create bad ocf:hactl-test:Broken --force")
    eventually(lambda: fencings(broken) > before, "a node is fenced", within=60)


def test_what_cannot_even_be_probed_stays_blocked_and_is_named(here: Here) -> None:
    before = fencings(here)
    applied = here.apply(BASE + WORSE)
    assert applied.returncode == 1, applied.stdout + applied.stderr
    assert "bad cannot be stopped: removed, it would fence" in applied.stderr
    assert "bad kept from running" in applied.stderr
    assert fencings(here) == before
    said = here.lab.exec("node2", "hactl", "status").stdout
    assert "bad is kept from running" in said
    for node in ("node1", "node2", "node3"):
        here.lab.exec(node, "/bin/sh", "-c", "rm -f /run/bad*")
    here.sh("crm_resource --cleanup --resource bad --node node3")


def test_an_edit_between_the_two_commits_is_kept_and_what_was_stopped_runs_again(
    here: Here, eventually: Eventually
) -> None:
    assert here.apply(BASE + PAIR).returncode == 0
    changed = BASE.replace("/run/still", "/run/still-2")
    with Apply(here, changed) as apply:
        eventually(lambda: held(here), "web and disk are stopped first", within=60)
        here.sh("pcs resource update still state=/run/by-hand")
    assert apply.result.returncode == 1
    said = apply.result.stderr
    assert "somebody else changed still in the meantime" in said
    assert "all that was written has been taken back" in said
    assert "/run/by-hand" in here.configuration() and not held(here)
    eventually(lambda: here.sh("ls /run/web /run/disk"), "both run again", within=30)


@pytest.mark.parametrize("topology", [BASE, BASE + PAIR], ids=["new", "old"])
def test_what_a_killed_apply_left_is_named_and_healed_by_the_next(
    here: Here, eventually: Eventually, topology: str
) -> None:
    assert here.apply(BASE + PAIR).returncode == 0
    with Apply(here, BASE) as apply:
        eventually(lambda: held(here), "web and disk are stopped first", within=60)
        here.sh("kill -9 $(cat /run/apply.pid)")
    assert apply.result.returncode != 0
    status = here.lab.exec("node2", "hactl", "status")
    assert status.returncode == 1
    assert "web is kept from running, because it was to be removed" in status.stdout
    healed = here.apply(topology)
    assert healed.returncode == 0, healed.stdout + healed.stderr
    assert not held(here)
    assert ('id="web"' in here.configuration()) is ("id: web" in topology)
    assert here.lab.exec("node1", "hactl", "status").returncode == 0


def test_ctrl_c_says_what_has_been_written(here: Here, eventually: Eventually) -> None:
    assert here.apply(BASE + PAIR).returncode == 0
    with Apply(here, BASE) as apply:
        eventually(lambda: held(here), "web and disk are stopped first", within=60)
        here.sh("kill -INT $(cat /run/apply.pid)")
    assert apply.result.returncode == 130
    assert "interrupted; so far disk, web kept from running" in apply.result.stderr
    assert here.lab.exec("node1", "hactl", "mend").returncode == 0
    eventually(lambda: here.sh("ls /run/web /run/disk"), "both run again", within=30)


class Apply(threading.Thread):
    """An apply under way on node1; its process is in /run/apply.pid."""

    def __init__(self, here: Here, topology: str) -> None:
        super().__init__()
        self.lab: Lab = here.lab
        self.result = Result(0, "", "")
        self.lab.write("node1", "/run/t.yaml", here.named(topology))

    def run(self) -> None:
        words = "echo $$ > /run/apply.pid; exec hactl apply /run/t.yaml --allow-disruption"
        self.result = self.lab.exec("node1", "/bin/sh", "-c", words)

    def __enter__(self) -> Apply:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.join(120)


def held(here: Here) -> bool:
    return "hactl-temporary-" in here.configuration()


def fencings(here: Here) -> int:
    said = here.sh("stonith_admin --history '*' --output-as=xml")
    return said.count('action="reboot"') + said.count('action="off"')


def without_refresh(configuration: str) -> list[str]:
    return sorted(line for line in configuration.splitlines() if "last-lrm-refresh" not in line)
