"""A cluster is at rest when the DC is idle and its scheduler has nothing left to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from lxml import etree

from hactl.live.pacemaker import Pacemaker
from hactl.live.runner import Result, Runner
from hactl.live.settle import QUIET, Clock, Settled, Unsettled, settle
from tests.hactl.cibs import cib, text

NODES = '<cluster_status><nodes><node name="node1"/></nodes></cluster_status>'
NOTHING = f"<pacemaker-result>{NODES}<actions/></pacemaker-result>"
START = (
    f'<pacemaker-result>{NODES}<actions><rsc_action action="start" resource="web1" node="node1"/>'
    "</actions></pacemaker-result>"
)
BLOCKED = START.replace('node="node1"', 'node="node1" blocked="true"')


def test_an_idle_cluster_with_nothing_to_do_is_at_rest() -> None:
    assert wait(Cluster()).cib.get("epoch") == "10"


def test_a_busy_dc_is_waited_for() -> None:
    cluster = Cluster(states=["S_TRANSITION_ENGINE", "S_POLICY_ENGINE", "S_IDLE"])
    wait(cluster)
    assert cluster.states == ["S_IDLE"]


def test_an_idle_dc_that_has_not_seen_the_commit_yet_is_waited_for() -> None:
    cluster = Cluster(foreseen=[START, START, NOTHING])
    wait(cluster)
    assert cluster.foreseen == [NOTHING]


def test_what_the_cluster_cannot_do_is_not_waited_for() -> None:
    assert wait(Cluster(foreseen=[BLOCKED])).transition.actions


def test_a_cluster_that_stays_idle_is_believed_more_than_our_own_scheduler() -> None:
    cluster = Cluster(foreseen=[START])
    wait(cluster)
    assert cluster.time > QUIET


def test_a_slow_simulation_is_no_sign_of_a_quiet_cluster() -> None:
    cluster = Cluster(foreseen=[START, START, NOTHING], simulating=QUIET + 1)
    wait(cluster)
    assert cluster.foreseen == [NOTHING]


def test_a_cluster_that_stays_busy_is_given_up_after_the_timeout() -> None:
    with pytest.raises(Unsettled, match="still busy after 60 s"):
        wait(Cluster(states=["S_TRANSITION_ENGINE"]))


def test_an_operation_under_way_is_waited_for() -> None:
    live = cib()
    resources = live.find("status/node_state/lrm/lrm_resources")
    assert resources is not None
    resource = etree.SubElement(resources, "lrm_resource", id="web1")
    etree.SubElement(resource, "lrm_rsc_op", {"operation": "migrate_to", "op-status": "-1"})
    cluster = Cluster(cib=text(live))
    with pytest.raises(Unsettled):
        wait(cluster)
    assert "migrate_to web1" in cluster.told


@dataclass
class Cluster:
    """A scripted cluster: what it says next, the last thing again and again."""

    states: list[str] = field(default_factory=lambda: ["S_IDLE"])
    foreseen: list[str] = field(default_factory=lambda: [NOTHING])
    cib: str = field(default_factory=lambda: text(cib()))
    time: float = 0.0
    simulating: float = 0.0
    told: list[str] = field(default_factory=list)

    def answer(self, argv: Sequence[str]) -> str:
        if argv[0] == "cibadmin":
            return self.cib
        if argv[0] == "crmadmin":
            assert argv[-1] == "--status=node1", "the DC is asked"
            return f'<r><crmd state="{following(self.states)}"/></r>'
        self.time += self.simulating
        return f"<transition_graph/>{following(self.foreseen)}"

    def pass_time(self, seconds: float) -> None:
        self.time += seconds


@dataclass(frozen=True)
class Scripted(Runner):
    cluster: Cluster = field(default_factory=Cluster)

    def run(self, argv: Sequence[str], stdin: bytes = b"", timeout: float = 30.0) -> Result:  # noqa: ARG002
        return Result(0, self.cluster.answer(argv).encode(), b"")


def following(script: list[str]) -> str:
    return script.pop(0) if len(script) > 1 else script[0]


def wait(cluster: Cluster) -> Settled:
    scripted = Scripted({}, cluster)
    clock = Clock(lambda: cluster.time, cluster.pass_time)
    return settle(Pacemaker(scripted), scripted, 60, cluster.told.append, clock)
