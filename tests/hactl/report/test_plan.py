"""What an operator reads, and what a program reads."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest
from lxml.etree import _Element

from hactl.plan.effects import Effects
from hactl.plan.gate import Forbidden, disruption, refuse_edits
from hactl.plan.plan import Plan, Version, planned
from hactl.report.plan import text
from hactl.report.plan_json import document
from hactl.simulate.effect import Effect, What
from hactl.simulate.transition import Fencing
from tests.hactl.cibs import cib, clone, dummy, wanted
from tests.hactl.cibs import text as xml
from tests.hactl.contracts import violations
from tests.hactl.scheduler import Canned, needs_scheduler, runner, settled


@needs_scheduler
def test_a_plan_fits_on_a_screen(tmp_path: Path) -> None:
    live = settled(
        cib(xml(dummy("db1", memory="1024")) + xml(network()) + xml(dummy("web1"))), tmp_path
    )
    order = '<rsc_order id="hactl-o" first="lan" then="web2"/>'
    want = wanted(dummy("db1", memory="2048"), network(), dummy("web2"), constraints=order)
    said = click.unstyle(text(planned(live, want, runner(tmp_path)).plan))
    assert said.splitlines()[-1].startswith("Plan: 2 to add, 1 to change, 1 to remove.")
    assert "  ~ guest db1  memory 1024 -> 2048" in said
    assert "  + 1 order" in said
    assert "db1   restarts on node1  memory 1024 -> 2048" in said
    assert "web2  starts on " in said


@needs_scheduler
def test_no_changes_is_said_after_a_simulation_only(tmp_path: Path) -> None:
    quiet = planned(cib(), wanted(), runner(tmp_path)).plan
    assert text(quiet) == "No changes: the cluster is as the topology says, and stays as it is.\n"
    blind = planned(cib(), wanted(), Canned(returncode=1)).plan
    assert "o changes" not in text(blind)
    assert "Not simulated, so nobody knows" in text(blind)


@needs_scheduler
def test_what_the_cluster_does_by_itself_is_not_hidden(tmp_path: Path) -> None:
    unstarted = cib(xml(dummy("web1")))
    said = click.unstyle(text(planned(unstarted, wanted(dummy("web1")), runner(tmp_path)).plan))
    assert "web1  starts on node1" in said
    assert "No changes. What is shown above the cluster does by itself." in said


@pytest.mark.parametrize("what", [What.STRANDED, What.HANGS])
def test_what_does_not_run_as_it_should_is_not_called_well(what: What) -> None:
    here = "node1" if what is What.HANGS else ""
    effect = Effect("web1", "web1", "guest", what, here, here, "because")
    said = click.unstyle(text(plan(guests=(effect,))))
    assert said.endswith("No changes. What is shown above does not run as it should.\n")
    assert "because" in said


@needs_scheduler
def test_the_json_keeps_its_contract(tmp_path: Path) -> None:
    live = settled(cib(xml(dummy("db1", memory="1024")) + xml(dummy("web1"))), tmp_path)
    ours = '<nvpair id="hactl-no-quorum-policy" name="no-quorum-policy" value="freeze"/>'
    want = wanted(dummy("db1", memory="2048"), network(), properties=ours)
    made = document(planned(live, want, runner(tmp_path)).plan)
    assert violations(made, "plan.schema.json") == []
    assert [guest["effect"] for guest in made["guests"]] == ["restarts", "stops"]
    update = next(change for change in made["changes"] if change["id"] == "db1")
    assert update["attributes"] == [{"of": "db1", "name": "memory", "old": "1024", "new": "2048"}]


def test_the_contract_is_checked_at_all() -> None:
    assert violations({"simulated": "yes"}, "plan.schema.json")
    assert violations({**document(plan()), "more": 1}, "plan.schema.json")


def test_instances_of_a_clone_are_one_line() -> None:
    effects = [Effect("lan", "lan", "network", What.STARTS, "", f"node{n}", "new") for n in (1, 2)]
    said = click.unstyle(text(plan(resources=tuple(effects))))
    assert "  lan  starts on node1, node2  new" in said


def test_an_edit_by_hand_a_switch_and_a_fencing_are_pointed_out() -> None:
    fenced = plan(fencing=(Fencing("node2", "reboot", "peer gone"),), edited=("web1",))
    said = click.unstyle(text(fenced))
    assert "! node2 is fenced (reboot): peer gone" in said
    assert "! web1 was edited by hand; apply undoes that only with --overwrite-edits" in said


@pytest.mark.parametrize("why", ["{}", "memory 1 -> 2"])
def test_long_lists_are_folded_and_name_everything(why: str) -> None:
    effects = tuple(
        Effect(f"web{n}", f"web{n}", "guest", What.RESTARTS, "node1", "node1", why.format(n))
        for n in range(60)
    )
    said = click.unstyle(text(plan(guests=effects)))
    named = set(re.findall(r"web\d+", said))
    assert named == {effect.name for effect in effects}
    assert " more" not in said
    assert len(document(plan(guests=effects))["guests"]) == 60
    assert set(re.findall(r"web\d+", disruption(plan(guests=effects)))) == named


@pytest.mark.parametrize(
    ("what", "kind", "interrupts"),
    [
        (What.RESTARTS, "guest", "web1 would restart"),
        (What.STOPS, "container", "web1 would stop"),
        (What.FENCED, "guest", "web1 would be fenced"),
        (What.MIGRATES, "guest", ""),
        (What.STARTS, "guest", ""),
        (What.RESTARTS, "network", ""),
        (What.RESTARTS, "resource", "web1 would restart"),
    ],
)
def test_what_needs_to_be_allowed(what: What, kind: str, interrupts: str) -> None:
    effect = Effect("web1", "web1", kind, what, "node1", "node1")
    assert disruption(plan(guests=(effect,))) == interrupts


def test_a_fencing_needs_to_be_allowed_whatever_runs_there() -> None:
    assert disruption(plan(fencing=(Fencing("node2", "reboot"),))) == "node2 would be fenced"


def test_edits_by_hand_need_to_be_allowed() -> None:
    with pytest.raises(Forbidden):
        refuse_edits(plan(edited=("web1",)), overwrite_edits=False)
    refuse_edits(plan(edited=("web1",)), overwrite_edits=True)


def network() -> _Element:
    return clone("lan", dummy("lan-i", mtu="1500"))


def plan(
    guests: tuple[Effect, ...] = (),
    resources: tuple[Effect, ...] = (),
    fencing: tuple[Fencing, ...] = (),
    edited: tuple[str, ...] = (),
) -> Plan:
    return Plan("demo", Version(0, 10), (), Effects((*guests, *resources)), fencing, edited)
