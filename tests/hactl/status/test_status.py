"""The cluster in an operator's terms: what is wrong is said, and nothing is called well unseen."""

from __future__ import annotations

import click
import pytest
from lxml import etree

from hactl.fencing.configuration import fencing
from hactl.fencing.drill.levels import fingerprint, levels_of
from hactl.fencing.drill.marks import begin
from hactl.fencing.drill.proofs import Proof, record
from hactl.report.status import document, lasted, text
from hactl.status.read import status
from hactl.status.values import State, Status
from tests.hactl.cibs import cib, clone, dummy, dummy_text
from tests.hactl.cibs import text as xml
from tests.hactl.contracts import violations
from tests.hactl.fencing.sites import site

NODE = (
    '<node name="node{0}" id="{0}" online="true" is_dc="{1}" resources_running="1" type="member"/>'
)
NODES = NODE.format(1, "true") + NODE.format(2, "false") + NODE.format(3, "false")


def test_a_healthy_cluster_has_no_problem() -> None:
    found = seen(runs("web1", "node1"), xml(dummy("web1")))
    assert found.problems == ()
    assert found.resources[0].kind == "guest"
    assert found.resources[0].nodes == ("node1",)
    assert "Everything is as it should be." in click.unstyle(text(found, 0))


@pytest.mark.parametrize(
    ("resource", "state", "problem"),
    [
        ('active="true" failed="true"', State.FAILED, "web1 is failed"),
        ('active="true" blocked="true"', State.BLOCKED, "web1 is blocked"),
        ('active="false"', State.STOPPED, "web1 is stopped"),
        ('active="false" target_role="Stopped"', State.DISABLED, None),
        ('active="true" managed="false"', State.UNMANAGED, None),
        ('active="false" pending="Starting"', State.BUSY, None),
    ],
)
def test_each_state_is_told(resource: str, state: State, problem: str | None) -> None:
    found = seen(f'<resource id="web1" {resource}/>', xml(dummy("web1")))
    assert found.resources[0].state is state
    assert found.problems == ((problem,) if problem else ())


def test_a_guest_crm_mon_does_not_mention_is_not_called_running() -> None:
    assert seen("", xml(dummy("web1"))).problems == ("web1 is stopped",)


@pytest.mark.parametrize(
    ("attributes", "state", "problem"),
    [
        ('online="true" standby="true"', "standby", False),
        ('online="true" maintenance="true"', "maintenance", False),
        ('online="false"', "offline", True),
        ('online="false" unclean="true"', "unclean", True),
        ('online="true" pending="true"', "pending", True),
        ('online="false" standby="true"', "offline", True),
    ],
)
def test_each_state_of_a_node_is_told(attributes: str, state: str, problem: bool) -> None:
    found = seen(nodes=f'<node name="node2" {attributes}/>')
    assert found.nodes[0].state == state
    assert found.problems == ((f"node2 is {state}",) if problem else ())


def test_a_dc_that_is_gone_is_no_dc() -> None:
    """After a fencing the survivors may keep a DC that is offline: nobody decides anything."""
    found = seen(nodes=NODES.replace('online="true" is_dc="true"', 'online="false" is_dc="true"'))
    assert found.problems == (
        "node1 is said to be the DC and is offline: nobody decides anything",
        "node1 is offline",
    )


def test_a_clone_on_some_nodes_is_partial_and_on_all_running() -> None:
    lan = xml(clone("lan", dummy("lan-i")))
    some = runs("lan-i", "node1") + '<resource id="lan-i" active="false"/>'
    assert seen(f'<clone id="lan">{some}</clone>', lan).resources[0].state is State.PARTIAL
    all_three = "".join(runs("lan-i", f"node{n}") for n in (1, 2, 3))
    everywhere = seen(f'<clone id="lan">{all_three}</clone>', lan).resources[0]
    assert everywhere.state is State.RUNNING
    assert everywhere.nodes == ("node1", "node2", "node3")


def test_where_a_clone_is_promoted_is_told_and_that_it_is_nowhere() -> None:
    pair = etree.fromstring(xml(clone("san", dummy("san-i"), "gateway")))
    meta = '<meta_attributes id="m"><nvpair id="p" name="promotable" value="true"/>'
    meta += '<nvpair id="x" name="clone-max" value="2"/></meta_attributes>'
    pair.insert(0, etree.fromstring(meta))
    both = runs("san-i", "node1", "Promoted") + runs("san-i", "node2", "Unpromoted")
    found = seen(f'<clone id="san">{both}</clone>', xml(pair))
    assert (found.resources[0].state, found.problems) == (State.RUNNING, ())
    assert "san  running on node1 (promoted), node2" in click.unstyle(text(found, now=0.0))
    assert document(found)["resources"][0]["promoted"] == ["node1"]
    none = seen(f'<clone id="san">{both.replace("Promoted", "Unpromoted")}</clone>', xml(pair))
    assert none.problems == ("san is promoted nowhere",)


def test_a_foreign_resource_is_told_as_such() -> None:
    assert seen(runs("shop", "node1"), dummy_text("shop")).resources[0].kind == "resource"


def test_what_is_active_and_no_longer_configured_is_shown() -> None:
    (orphan,) = seen(runs("ghost", "node2")).resources
    assert (orphan.id, orphan.nodes) == ("ghost", ("node2",))


def test_lost_quorum_a_missing_dc_and_disabled_fencing_are_problems() -> None:
    found = seen(dc="", options='stonith-enabled="false"')
    assert [problem.partition(":")[0] for problem in found.problems] == [
        "no DC",
        "no quorum",
        "fencing is disabled",
    ]


def test_the_last_fencing_of_a_node_counts() -> None:
    event = '<fence_event action="reboot" target="node2" status="{}" completed="{}"/>'
    history = event.format("failed", "2") + event.format("success", "1")
    failed = seen(more=f"<fence_history>{history}</fence_history>")
    assert failed.problems == ("fencing node2 (reboot): failed",)
    history = event.format("success", "2") + event.format("failed", "1")
    assert seen(more=f"<fence_history>{history}</fence_history>").problems == ()


def test_failures_are_counted_and_told_with_their_reason() -> None:
    more = """
      <node_history><node name="node1"><resource_history id="web1" fail-count="2"/></node>
        <node name="node2"><resource_history id="web1" fail-count="INFINITY"/></node></node_history>
      <failures><failure op_key="web1_migrate_to_0" node="node1" exitstatus="error"
        exitreason="no &amp;apos;space&amp;apos;" last-rc-change="today"/></failures>"""
    found = seen(runs("web1", "node1"), xml(dummy("web1")), more=more)
    assert found.resources[0].failures == 1_000_002
    assert found.problems == ("web1: migrate_to on node1 failed: no 'space' (today)",)
    assert "failed for good" in click.unstyle(text(found, 0))


def test_the_json_keeps_its_contract() -> None:
    more = '<failures><failure op_key="web1_start_0" node="node1" exitreason="x"/></failures>'
    made = document(seen(runs("web1", "node1"), xml(dummy("web1")), more=more))
    assert violations(made, "status.schema.json") == []
    assert made["healthy"] is False
    assert made["failures"][0]["operation"] == "start"


def test_a_drill_that_has_not_ended_is_a_problem_and_its_age_is_told() -> None:
    healthy = etree.fromstring(
        '<r><summary><current_dc name="node1" with_quorum="true"/></summary>'
        f"<nodes>{NODES}</nodes><resources/></r>"
    )
    found = status(healthy, begin(site(), "node3", 2, "node1", 7, 0.0), now=86400.0)
    assert "a drill of node3, begun by node1" in "".join(found.problems)
    never = click.unstyle(text(status(healthy, site(), now=86400.0), 86400.0))
    assert "Fencing proven by a drill\n  never" in never
    level = levels_of(fencing(site()), "node3")[0]
    digest = fingerprint(fencing(site()), level)
    proof = Proof("node3", 1, level.devices, digest, 0, "node1", {"recovered": 4.9})
    told = status(healthy, record(site(), proof), now=2 * 86400.0)
    assert "node3 level 1 (bmc)  2 d ago, in 4.9 s" in click.unstyle(text(told, 2 * 86400.0))
    assert violations(document(told), "status.schema.json") == []


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.2, "0 s"), (59, "59 s"), (60, "1 min"), (7200, "2 h"), (200000, "2 d")],
)
def test_times_are_said_in_the_largest_unit(seconds: float, said: str) -> None:
    assert lasted(seconds) == said


def runs(name: str, node: str, role: str = "Started") -> str:
    return (
        f'<resource id="{name}" role="{role}" active="true" managed="true">'
        f'<node name="{node}"/></resource>'
    )


def seen(
    resources: str = "",
    configured: str = "",
    nodes: str = NODES,
    dc: str = '<current_dc name="node1" with_quorum="true"/>',
    options: str = 'stonith-enabled="true"',
    more: str = "",
) -> Status:
    monitor = etree.fromstring(
        f"<pacemaker-result><summary>{dc}<cluster_options {options}/></summary>"
        f"<nodes>{nodes}</nodes><resources>{resources}</resources>{more}</pacemaker-result>"
    )
    return status(monitor, cib(configured))
