"""Prediction by primitive: parts come, leave and change their role while the resource stays."""

from __future__ import annotations

from pathlib import Path

import click
import pytest
from lxml import etree
from lxml.etree import _Element

from hactl.cib.ownership import mark
from hactl.plan.gate import disruption
from hactl.plan.plan import Plan, planned
from hactl.report.plan import text as text_of
from hactl.simulate.effect import Effect, What
from tests.hactl.cibs import cib, clone, dummy, dummy_text, text, wanted
from tests.hactl.scheduler import needs_scheduler, runner, settled

pytestmark = needs_scheduler

STATEFUL = """<clone id="db-clone"><meta_attributes id="db-clone-meta_attributes">
  <nvpair id="db-m-promotable" name="promotable" value="true"/></meta_attributes>
  <primitive id="db" class="ocf" provider="pacemaker" type="Stateful"/></clone>"""
PREFERRED = """<rsc_location id="hactl-role" rsc="db-clone">
  <rule id="hactl-role-rule" role="Promoted" score="50">
  <expression id="hactl-role-node" attribute="#uname" operation="eq" value="node1"/></rule>
  </rsc_location>"""
BUNDLE = """<bundle id="httpd"><docker image="x" replicas="1"/>
  <network ip-range-start="10.0.0.1" host-netmask="24"/>
  <primitive id="web" class="ocf" provider="pacemaker" type="Dummy"/></bundle>"""


def group(*members: str) -> _Element:
    made = etree.Element("group", id="g")
    made.extend(etree.fromstring(dummy_text(name)) for name in members)
    return mark(made, "raw")


def stateful() -> _Element:
    return mark(etree.fromstring(STATEFUL), "gateway")


@pytest.mark.parametrize("members", ["ac", "ab", "bc"])
def test_a_member_that_leaves_its_group_stops(members: str, tmp_path: Path) -> None:
    plan = made(tmp_path, [group(*"abc")], [group(*members)])
    (gone,) = set("abc") - set(members)
    assert at(plan, gone) == [(What.STOPS, "node1", "")]
    assert plan.effects.leaving == (gone,)
    assert why(plan, gone) == "no longer part of g"
    assert f"{gone} would stop" in disruption(plan)


def test_a_member_with_a_new_name_stops_under_the_old_one(tmp_path: Path) -> None:
    plan = made(tmp_path, [group(*"abc")], [group(*"axc")])
    assert at(plan, "b") == [(What.STOPS, "node1", "")]
    assert [what for what, *_ in at(plan, "x")] == [What.STARTS]
    assert why(plan, "x") == "new in g"


def test_a_primitive_that_becomes_a_clone_stays_and_its_copies_start(tmp_path: Path) -> None:
    plan = made(tmp_path, [dummy("a", "raw")], [clone("many", dummy("a", "raw"), "raw")])
    assert sorted(what for what, *_ in at(plan, "a")) == [What.STARTS, What.STARTS, What.STAYS]
    assert disruption(plan) == ""


def test_a_clone_that_becomes_a_primitive_is_stopped_everywhere(tmp_path: Path) -> None:
    plan = made(tmp_path, [clone("many", dummy("a", "raw"), "raw")], [dummy("a", "raw")])
    sources = {source for _, source, _ in at(plan, "a")}
    assert sources == {"node1", "node2", "node3"}
    assert [what for what, *_ in at(plan, "a")].count(What.STOPS) == 2
    assert disruption(plan)


def test_a_primitive_whose_name_its_clone_takes_leaves(tmp_path: Path) -> None:
    plan = made(tmp_path, [dummy("a", "storage")], [clone("a", dummy("a-i", "storage"))])
    assert at(plan, "a") == [(What.STOPS, "node1", "")]
    assert plan.effects.leaving == ("a",)
    assert len(at(plan, "a-i")) == 3


def test_what_starts_and_is_promoted_at_once_starts(tmp_path: Path) -> None:
    plan = planned(cib(), wanted(stateful(), constraints=PREFERRED), runner(tmp_path)).plan
    promoted = [effect for effect in plan.effects.all if effect.promotes]
    assert [(e.what, e.target) for e in promoted] == [(What.STARTS, "node1")]
    assert len(at(plan, "db")) == 3


def test_what_is_demoted_is_interrupted_though_it_stays(tmp_path: Path) -> None:
    there = PREFERRED.replace('"node1"', '"node2"').replace("50", "900")
    live = settled(cib(text(stateful()), PREFERRED), tmp_path)
    plan = planned(live, wanted(stateful(), constraints=there), runner(tmp_path)).plan
    roles = {(e.source, e.what): (e.demotes, e.promotes) for e in plan.effects.all}
    assert roles["node1", What.STAYS] == (True, False)
    assert roles["node2", What.STAYS] == (False, True)
    assert disruption(plan) == "db would be demoted"


def test_what_is_demoted_and_stopped_stops(tmp_path: Path) -> None:
    live = settled(cib(text(stateful()), PREFERRED), tmp_path)
    ban = PREFERRED + '<rsc_location id="hactl-b" rsc="db-clone" node="node1" score="-INFINITY"/>'
    plan = planned(live, wanted(stateful(), constraints=ban), runner(tmp_path)).plan
    assert (What.STOPS, "node1", "") in at(plan, "db")
    assert [effect.source for effect in plan.effects.all if effect.demotes] == ["node1"]
    assert "stops on node1 (was promoted)" in click.unstyle(text_of(plan))


def test_a_clone_that_is_removed_stops_everywhere(tmp_path: Path) -> None:
    live = settled(cib(text(stateful()), PREFERRED), tmp_path)
    plan = planned(live, wanted(), runner(tmp_path)).plan
    assert at(plan, "db") == [(What.STOPS, f"node{n}", "") for n in (1, 2, 3)]


def test_what_runs_and_is_configured_no_longer_is_told(tmp_path: Path) -> None:
    live = settled(cib(dummy_text("forgotten") + text(dummy("web1"))), tmp_path)
    orphan = live.find("configuration/resources/primitive[@id='forgotten']")
    assert orphan is not None
    parent = orphan.getparent()
    assert parent is not None
    parent.remove(orphan)
    plan = planned(live, wanted(dummy("web1")), runner(tmp_path)).plan
    (source,) = {e.source for e in plan.effects.all if e.name == "forgotten"}
    assert at(plan, "forgotten") == [(What.STOPS, source, "")]
    assert disruption(plan) == "forgotten would stop"


def test_the_connection_to_a_guest_node_goes_with_its_guest(tmp_path: Path) -> None:
    inside = dummy("web1", meta="remote-node=inner")
    plan = made(tmp_path, [inside], [dummy("web1", meta="remote-node=inner", memory="1")])
    kinds = {effect.name: (effect.kind, effect.what) for effect in plan.effects.all}
    assert kinds["web1"] == ("guest", What.RESTARTS)
    assert kinds["inner"] == ("connection", What.RESTARTS)
    assert disruption(plan) == "web1 would restart"


def test_what_pacemaker_makes_for_a_bundle_is_told(tmp_path: Path) -> None:
    bundle = mark(etree.fromstring(BUNDLE), "raw")
    plan = planned(cib(), wanted(bundle), runner(tmp_path)).plan
    starting = {e.name for e in plan.effects.resources if e.what is What.STARTS}
    assert {"httpd-docker-0", "httpd-ip-10.0.0.1", "httpd-0"} <= starting
    assert {e.kind for e in plan.effects.resources} == {"raw"}


def test_each_instance_of_a_globally_unique_clone_is_told(tmp_path: Path) -> None:
    unique = '<meta_attributes id="m"><nvpair id="m-u" name="globally-unique" value="true"/>'
    unique += '<nvpair id="m-n" name="clone-max" value="2"/></meta_attributes>'
    made_ = f'<clone id="ips">{unique}{dummy_text("ip")}</clone>'
    plan = planned(cib(made_), wanted(), runner(tmp_path)).plan
    assert {e.primitive for e in plan.effects.resources} == {"ip:0", "ip:1"}


def made(directory: Path, before: list[_Element], after: list[_Element]) -> Plan:
    live = settled(cib("".join(text(each) for each in before)), directory)
    return planned(live, wanted(*after), runner(directory)).plan


def of(plan: Plan, name: str) -> list[Effect]:
    return [effect for effect in plan.effects.all if effect.primitive == name]


def at(plan: Plan, name: str) -> list[tuple[What, str, str]]:
    return [(effect.what, effect.source, effect.target) for effect in of(plan, name)]


def why(plan: Plan, name: str) -> str:
    return of(plan, name)[0].why
