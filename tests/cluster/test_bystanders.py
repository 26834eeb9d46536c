"""On a real cluster: what is done to one guest is felt by no other on its bridge."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from lxml import etree

from hactl.lab.lab import Lab
from tests.cluster.labs import Eventually

pytestmark = pytest.mark.cluster

GUESTS = ("g1", "g2", "g3")
TOPOLOGY = """\
cluster: {name: NAME, token: 1s, dc_deadtime: 2s}
nodes:
  node1: {links: [10.77.1.1, 10.77.2.1], fencing: {power: {plug: node1}}}
  node2: {links: [10.77.1.2, 10.77.2.2], fencing: {power: {plug: node2}}}
  node3: {links: [10.77.1.3, 10.77.2.3], fencing: {power: {plug: node3}}}
fencing: {devices: {power: {agent: fence_lab, socket: /lab/power.sock}}}
networks: {lan: {kind: bridge, bridge: br-by}}
raw:
"""
# A marker in place of a guest, with the very constraints that a guest has.
GUEST = """\
  - {kind: primitive, id: G, agent: "ocf:pacemaker:Dummy", meta: {allow-migrate: "true"}}
  - {kind: order, first: lan, then: G, strength: Optional, symmetrical: false}
  - {kind: order, first: G, then: lan, first_action: stop, then_action: stop,
     strength: KIND, symmetrical: false}
  - {kind: colocation, resource: G, with: lan, score: INFINITY}
"""


@pytest.fixture
def here(lab: Lab) -> Here:
    return Here(lab)


@pytest.mark.timeout(420)
def test_what_is_done_to_one_guest_is_felt_by_no_other(here: Here) -> None:
    here.apply("Serialize")
    before = here.starts()
    assert {name for name, _ in before} == {*GUESTS, "lan-bridge"}
    for switch, value in (("is-managed", "false"), ("maintenance", "true")):
        here.meta("g1", switch, value)
        assert here.starts() == before, switch
        here.meta("g1", switch, "")
        assert here.starts() == before, f"{switch} no longer"
    here.meta("g1", "target-role", "Stopped")
    assert others(here.starts()) == others(before)
    assert {name for name, _ in before} - {name for name, _ in here.starts()} == {"g1"}
    here.meta("g1", "target-role", "")
    (node,) = {node for name, node in before if name == "g2"}
    here.sh(f"crm_standby -N {node} -v on")
    after = here.starts()
    times = here.times(node)
    here.sh(f"crm_standby -N {node} -D")
    assert not {name for name, there in after if there == node}
    stays = {place: call for place, call in before.items() if place[1] != node}
    assert others(stays).items() <= others(after).items()
    assert times["g2", "stop"] <= times["lan-bridge", "stop"]
    assert [c for (name, _), c in after.items() if name == "g2" and c.startswith("migrate_from")]


@pytest.mark.timeout(240)
def test_with_the_order_of_before_all_others_stop(here: Here, eventually: Eventually) -> None:
    """The test above would find it out."""
    here.apply("Mandatory")
    here.told("crm_resource -r g1 -m -p is-managed -v false")
    eventually(lambda: not {"g2", "g3"} & {name for name, _ in here.starts()}, "they stop", 60)
    here.meta("g1", "is-managed", "")


def others(starts: dict[tuple[str, str], str]) -> dict[tuple[str, str], str]:
    return {place: call for place, call in starts.items() if place[0] != "g1"}


class Here:
    """The lab, seen from node1."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab

    def sh(self, command: str) -> str:
        said = self.told(command)
        self.rest()
        return said

    def told(self, command: str) -> str:
        done = self.lab.exec("node1", "sh", "-c", command)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def rest(self) -> None:
        done = self.lab.exec("node1", "crm_resource", "--wait", "--timeout", "90s")
        assert done.returncode == 0, done.stdout + done.stderr

    def apply(self, kind: str) -> None:
        guests = "".join(GUEST.replace("G,", f"{g},").replace(": G", f": {g}") for g in GUESTS)
        text = TOPOLOGY.replace("NAME", self.lab.name) + guests.replace("KIND", kind)
        self.lab.write("node1", "/run/t.yaml", text.encode())
        done = self.lab.exec("node1", "hactl", "apply", "/run/t.yaml", "--allow-disruption")
        assert done.returncode == 0, done.stdout + done.stderr
        self.rest()

    def meta(self, name: str, switch: str, value: str) -> None:
        what = f"-p {switch} -v {value}" if value else f"-d {switch}"
        self.sh(f"crm_resource -r {name} -m {what}")

    def records(self) -> Iterator[tuple[str, str, etree._Element]]:
        """Yield resource, node and each thing that was done to it there."""
        cib = etree.fromstring(self.lab.exec("node1", "cibadmin", "-Q").stdout.encode())
        for state in cib.iterfind("status/node_state"):
            for resource in state.iter("lrm_resource"):
                if resource.get("class") != "stonith":
                    for record in resource:
                        yield resource.get("id", ""), state.get("uname", ""), record

    def starts(self) -> dict[tuple[str, str], str]:
        """Return what runs where, each with when it was started or came there."""
        return {
            (name, node): f"{record.get('operation')} {record.get('last-rc-change')}"
            for name, node, record in self.records()
            if record.get("operation") in ("start", "migrate_from") and record.get("rc-code") == "0"
        }

    def times(self, node: str) -> dict[tuple[str, str], int]:
        """Return when what was done on a node."""
        return {
            (name, record.get("operation", "")): int(record.get("last-rc-change", "0"))
            for name, where, record in self.records()
            if where == node
        }
