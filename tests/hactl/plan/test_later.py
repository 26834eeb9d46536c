"""A change to what is in maintenance does its harm later: that is told, and has to be allowed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click
import pytest
from lxml import etree
from lxml.etree import _Element

from hactl.plan.gate import beyond, disruption
from hactl.plan.plan import Plan, planned
from hactl.report.plan import text
from hactl.report.plan_json import document
from hactl.simulate.effect import What
from tests.hactl.cibs import cib, dummy, wanted
from tests.hactl.cibs import text as xml
from tests.hactl.contracts import violations
from tests.hactl.scheduler import needs_scheduler, runner, settled

pytestmark = needs_scheduler
Hold = Callable[[_Element], None]


def cluster(live: _Element) -> None:
    (options,) = live.findall("configuration/crm_config/cluster_property_set")
    etree.SubElement(options, "nvpair", id="m", name="maintenance-mode", value="true")


def node(live: _Element) -> None:
    for each in live.iterfind("configuration/nodes/node"):
        own = etree.SubElement(each, "instance_attributes", id=f"m-{each.get('id')}")
        pair = {"id": f"m-{each.get('id')}-m", "name": "maintenance", "value": "true"}
        etree.SubElement(own, "nvpair", pair)


def passing(live: _Element) -> None:
    for state in live.iterfind("status/node_state"):
        own = etree.SubElement(state, "transient_attributes", id=state.get("id", ""))
        pairs = etree.SubElement(own, "instance_attributes", id=f"s-{state.get('id')}")
        pair = {"id": f"s-{state.get('id')}-m", "name": "maintenance", "value": "true"}
        etree.SubElement(pairs, "nvpair", pair)


def resource(live: _Element) -> None:
    switch(live, "is-managed", "false")


def maintained(live: _Element) -> None:
    switch(live, "maintenance", "true")


def switch(live: _Element, name: str, value: str) -> None:
    (one,) = live.findall("configuration/resources/primitive[@id='web1']")
    own = etree.Element("meta_attributes", id="web1-meta_attributes")
    etree.SubElement(own, "nvpair", id=f"web1-meta_attributes-{name}", name=name, value=value)
    one.insert(0, own)


HELD = (cluster, node, passing, resource, maintained)


@pytest.mark.parametrize("hold", HELD)
def test_what_restarts_when_maintenance_ends_has_to_be_allowed(hold: Hold, tmp_path: Path) -> None:
    plan = changed(hold, tmp_path)
    assert plan.disruptive == ()
    assert [(e.name, e.what) for e in plan.later.interrupted] == [("web1", What.RESTARTS)]
    assert disruption(plan) == "web1 would restart when maintenance ends"
    said = click.unstyle(text(plan))
    assert "web1  restarts on node1  memory 1 -> 2" in said.partition("When maintenance ends")[2]
    assert said.rstrip().endswith("when maintenance ends: 1 restarted.")
    made = document(plan)
    assert violations(made, "plan.schema.json") == []
    assert made["later"]["interrupted"] == ["web1"]


@pytest.mark.parametrize("hold", HELD)
def test_what_would_happen_anyhow_is_told_and_not_asked(hold: Hold, tmp_path: Path) -> None:
    plan = changed(hold, tmp_path, memory="1", broken="web1")
    assert [(e.name, e.what) for e in plan.later.effects.disruptive] == [("web1", What.RESTARTS)]
    assert disruption(plan) == ""


def test_without_maintenance_there_is_no_later(tmp_path: Path) -> None:
    plan = changed(lambda _: None, tmp_path)
    assert plan.later.held == ()
    assert document(plan)["later"] is None
    assert "maintenance" not in text(plan)


def test_an_interruption_that_comes_later_is_more_than_was_shown(tmp_path: Path) -> None:
    quiet, harm = changed(cluster, tmp_path, memory="1"), changed(cluster, tmp_path)
    assert beyond(quiet, harm) == "web1 would be interrupted"
    assert beyond(harm, harm) == ""


def changed(hold: Hold, folder: Path, memory: str = "2", broken: str = "") -> Plan:
    live = settled(cib(xml(dummy("web1", memory="1"))), folder)
    hold(live)
    for record in live.iterfind(f".//lrm_resource[@id='{broken}']/lrm_rsc_op[@interval='10000']"):
        record.set("rc-code", "1")
    return planned(live, wanted(dummy("web1", memory=memory)), runner(folder)).plan
