"""What happens to each guest, as Pacemaker's own scheduler says, and why."""

from __future__ import annotations

from pathlib import Path

import pytest
from lxml import etree
from lxml.etree import _Element

from hactl.cib.ownership import mark
from hactl.plan.plan import Plan, planned
from hactl.report.plan_json import fingerprint
from hactl.simulate.effect import Effect, What
from hactl.simulate.transition import transition
from tests.hactl.cibs import cib, clone, dummy, dummy_text, text, wanted
from tests.hactl.scheduler import Canned, needs_scheduler, runner, settled

pytestmark = needs_scheduler

NEEDS_LAN = """
  <rsc_order id="hactl-order" first="lan" then="{name}" kind="{kind}"/>
  <rsc_colocation id="hactl-with" rsc="{name}" with-rsc="lan" score="INFINITY"/>"""


def test_a_new_guest_starts(tmp_path: Path) -> None:
    plan = plan_for(cib(), wanted(dummy("web1")), tmp_path)
    started = Effect("web1", "web1", "guest", What.STARTS, "", "node1", "new", unit="web1")
    assert only(plan) == started


def test_an_untouched_guest_is_left_alone(tmp_path: Path) -> None:
    plan = plan_for(live(tmp_path, dummy("web1")), wanted(dummy("web1")), tmp_path)
    stays = Effect("web1", "web1", "guest", What.STAYS, "node1", "node1", unit="web1")
    assert only(plan) == stays
    assert plan.changes == ()
    assert plan.simulated


def test_a_changed_parameter_restarts_the_guest_and_is_the_reason(tmp_path: Path) -> None:
    before = live(tmp_path, dummy("web1", memory="1024"))
    plan = plan_for(before, wanted(dummy("web1", memory="2048")), tmp_path)
    assert only(plan).what is What.RESTARTS
    assert only(plan).why == "memory 1024 -> 2048"
    assert only(plan).disruptive


def test_a_changed_timeout_restarts_nothing(tmp_path: Path) -> None:
    slow = dummy_text("web1").replace('timeout="20s"', 'timeout="60s"')
    plan = plan_for(live(tmp_path, dummy("web1")), wanted(marked(slow)), tmp_path)
    assert only(plan).what is What.STAYS
    assert len(plan.changes) == 1


def test_a_removed_guest_stops(tmp_path: Path) -> None:
    plan = plan_for(live(tmp_path, dummy("web1")), wanted(), tmp_path)
    assert only(plan).what is What.STOPS
    assert only(plan).why == "no longer in the topology"
    assert only(plan).source == "node1"


def test_a_ban_moves_a_guest_live_where_it_may_migrate(tmp_path: Path) -> None:
    ban = '<rsc_location id="hactl-ban" rsc="web1" node="node1" score="-INFINITY"/>'
    guest = dummy("web1", meta="allow-migrate=true")
    plan = plan_for(live(tmp_path, guest), wanted(guest, constraints=ban), tmp_path)
    assert only(plan).what is What.MIGRATES
    assert (only(plan).source, only(plan).target) == ("node1", "node2")
    assert only(plan).why == "location hactl-ban added"
    assert not only(plan).disruptive


def test_a_ban_restarts_a_guest_elsewhere_that_cannot_migrate(tmp_path: Path) -> None:
    ban = '<rsc_location id="hactl-ban" rsc="web1" node="node1" score="-INFINITY"/>'
    before = live(tmp_path, dummy("web1"))
    plan = plan_for(before, wanted(dummy("web1"), constraints=ban), tmp_path)
    assert only(plan).what is What.RESTARTS
    assert (only(plan).source, only(plan).target) == ("node1", "node2")


@pytest.mark.parametrize(("kind", "what"), [("Mandatory", What.RESTARTS), ("Optional", What.STAYS)])
def test_a_changed_bridge_restarts_guests_only_through_a_mandatory_order(
    kind: str, what: What, tmp_path: Path
) -> None:
    needs = NEEDS_LAN.format(name="web1", kind=kind)
    before = live(tmp_path, bridge("1500"), dummy("web1"), constraints=needs)
    plan = plan_for(before, wanted(bridge("9000"), dummy("web1"), constraints=needs), tmp_path)
    assert only(plan).what is what
    if what is What.RESTARTS:
        assert only(plan).why == "lan-i: mtu 1500 -> 9000"
    bridges = [(e.name, e.what, e.disruptive) for e in plan.effects.resources]
    assert bridges == [("lan-i", What.RESTARTS, False)] * 3


def test_a_foreign_resource_that_is_stopped_is_told(tmp_path: Path) -> None:
    needs = '<rsc_order id="theirs" first="lan" then="shop"/>'
    before = live(tmp_path, bridge("1500"), constraints=needs, foreign=dummy_text("shop"))
    plan = plan_for(before, wanted(bridge("9000")), tmp_path)
    shop = next(effect for effect in plan.effects.resources if effect.name == "shop")
    assert shop.what is What.RESTARTS
    assert shop.foreign
    assert shop.disruptive


def test_a_guest_on_a_node_that_is_fenced_is_fenced(tmp_path: Path) -> None:
    before = live(tmp_path, dummy("web1"))
    for state in before.iterfind("status/node_state[@uname='node1']"):
        state.set("in_ccm", "false")
        state.set("crmd", "offline")
    device = marked('<primitive id="bmc" class="stonith" type="fence_lab"/>', "fencing")
    fencing = '<nvpair id="hactl-stonith-enabled" name="stonith-enabled" value="true"/>'
    plan = plan_for(before, wanted(device, dummy("web1"), properties=fencing), tmp_path)
    assert [fence.node for fence in plan.fencing] == ["node1"]
    assert only(plan).what is What.FENCED
    assert (only(plan).source, only(plan).target) == ("node1", "node2")
    assert only(plan).why.startswith("node1 is fenced: ")


def test_a_guest_switched_off_by_hand_stays_so_and_says_why(tmp_path: Path) -> None:
    off = dummy("web1", meta="target-role=Stopped")
    plan = plan_for(live(tmp_path, off), wanted(dummy("web1", memory="1")), tmp_path)
    assert only(plan).what is What.STAYS
    assert only(plan).why == "target-role=Stopped"
    assert [str(switch) for switch in plan.switches] == ["web1: target-role=Stopped"]


def test_a_guest_no_node_can_run_is_said(tmp_path: Path) -> None:
    nowhere = "".join(
        f'<rsc_location id="hactl-b{n}" rsc="web1" node="node{n}" score="-INFINITY"/>'
        for n in (1, 2, 3)
    )
    plan = plan_for(cib(), wanted(dummy("web1"), constraints=nowhere), tmp_path)
    assert (only(plan).what, only(plan).target) == (What.STRANDED, "")
    assert only(plan).why == "no node that is there may run it (hactl-b1, hactl-b2, hactl-b3)"
    assert [str(each) for each in plan.unable] == [f"web1 runs nowhere: {only(plan).why}"]
    assert not only(plan).disruptive, "it did not run before"


def test_without_an_answer_of_the_scheduler_nothing_is_said_of_the_guests() -> None:
    made = planned(cib(), wanted(dummy("web1")), Canned(returncode=-6)).plan
    assert not made.simulated
    assert made.effects.guests == ()
    assert "signal 6" in made.why_not


def test_a_cib_without_status_is_planned_with_every_node_online(tmp_path: Path) -> None:
    plan = plan_for(cib(status=""), wanted(dummy("web1")), tmp_path)
    assert only(plan).what is What.STARTS
    assert any("every node is taken to be online" in note for note in plan.notes)


def test_another_scheduler_on_the_dc_is_pointed_out(tmp_path: Path) -> None:
    live = cib()
    for pair in live.iterfind(".//nvpair[@name='dc-version']"):
        pair.set("value", "9.9.9-abcdef")
    (note,) = plan_for(live, wanted(), tmp_path).notes
    assert "the DC runs Pacemaker 9.9.9 and this machine " in note


def test_plans_that_do_the_same_have_one_fingerprint(tmp_path: Path) -> None:
    before = live(tmp_path, dummy("web1", memory="1"))
    same = plan_for(before, wanted(dummy("web1", memory="2")), tmp_path)
    before.set("epoch", "77")
    before.set("num_updates", "77")
    moved = plan_for(before, wanted(dummy("web1", memory="2")), tmp_path)
    other = plan_for(before, wanted(dummy("web1", memory="3")), tmp_path)
    assert fingerprint(same) == fingerprint(moved) != fingerprint(other)


def plan_for(before: _Element, want: _Element, directory: Path) -> Plan:
    return planned(before, want, runner(directory)).plan


def only(plan: Plan) -> Effect:
    (effect,) = plan.effects.guests
    return effect


def live(
    directory: Path, *resources: _Element, constraints: str = "", foreign: str = ""
) -> _Element:
    made = cib("".join(text(resource) for resource in resources) + foreign, constraints)
    return settled(made, directory)


def bridge(mtu: str) -> _Element:
    return clone("lan", dummy("lan-i", mtu=mtu))


def marked(xml: str, kind: str = "guest") -> _Element:

    return mark(etree.fromstring(xml), kind)


def test_what_a_move_left_behind_is_pointed_out(tmp_path: Path) -> None:
    left = '<rsc_location id="cli-prefer-web1" rsc="web1" node="node2" score="INFINITY"/>'
    left += """<rsc_location id="cli-ban-web1-on-node3" rsc="web1" role="Promoted">
      <rule id="r" score="-INFINITY"><expression id="e" attribute="#uname" operation="eq"
      value="node3"/><date_expression id="d" operation="lt" end="2999-01-01"/></rule>
      </rsc_location>"""
    before = settled(cib(text(dummy("web1")), left), tmp_path)
    notes = plan_for(before, wanted(dummy("web1")), tmp_path).notes
    assert "web1 is tied to node2 by cli-prefer-web1, left over from a move" in notes[-2]
    assert "web1 is banned from node3, as Promoted until 2999-01-01 by cli-ban" in notes[-1]


def test_reasons_are_spelled_as_they_are_meant() -> None:
    said = "<pacemaker-result><actions><rsc_action action='stop' resource='a' node='n' "
    said += (
        "reason='agent said &amp;apos;no&amp;apos; &amp;amp; left'/></actions></pacemaker-result>"
    )
    (action,) = transition(etree.fromstring(said)).actions
    assert action.reason == "agent said 'no' & left"


@pytest.mark.parametrize(
    ("of_web1", "of_nodes", "why"),
    [
        ("target-role=Stopped", "", "target-role=Stopped"),
        ("is-managed=false", "", "it is not managed"),
        ("maintenance=true", "", "it is not managed"),
        ("", "standby", "every node is offline, in standby or in maintenance"),
    ],
)
def test_what_stays_stopped_says_why_whoever_made_it(
    of_web1: str, of_nodes: str, why: str, tmp_path: Path
) -> None:
    """Also what hactl did not make, of which nobody proves more."""
    live = cib(dummy_text("web1", meta=of_web1))
    for node in live.iterfind("configuration/nodes/node"):
        own = etree.SubElement(node, "instance_attributes", id=f"a{node.get('id')}")
        pair = {"id": f"a{node.get('id')}-s", "name": of_nodes or "other", "value": "on"}
        etree.SubElement(own, "nvpair", pair)
    (effect,) = plan_for(live, wanted(), tmp_path).effects.all
    assert (effect.source, effect.target, effect.why) == ("", "", why)
