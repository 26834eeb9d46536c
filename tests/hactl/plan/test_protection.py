"""A plan that takes away the last fencing of a member is told so, and needs to be allowed."""

from __future__ import annotations

from pathlib import Path

import click
import pytest
from lxml import etree
from lxml.etree import _Element

from hactl.plan.gate import Forbidden, refuse_unfenced
from hactl.plan.plan import Plan, planned
from hactl.plan.protection import unprotected
from hactl.report.plan import text
from hactl.report.plan_json import document
from tests.hactl.cibs import cib
from tests.hactl.contracts import violations
from tests.hactl.prediction.shapes import NODES, topology
from tests.hactl.prediction.trial import rendered
from tests.hactl.scheduler import needs_scheduler, runner

ON = '<nvpair id="their-on" name="stonith-enabled" value="true"/>'
OFF = '<nvpair id="their-off" name="stonith-enabled" value="false"/>'
IGNORED = '<nvpair id="their-w" name="stonith-watchdog-timeout" value="10s"/>'


def device(name: str, hosts: str = "", meta: str = "") -> str:
    listed = f'<nvpair id="{name}-h" name="pcmk_host_list" value="{hosts}"/>' if hosts else ""
    off = f'<nvpair id="{name}-m" name="target-role" value="{meta}"/>' if meta else ""
    return (
        f'<primitive id="{name}" class="stonith" type="fence_lab">'
        f'<meta_attributes id="{name}-ms">{off}</meta_attributes>'
        f'<instance_attributes id="{name}-i">{listed}</instance_attributes></primitive>'
    )


def fenced(*devices: str, properties: str = ON) -> _Element:
    made = cib("".join(devices), properties=properties)
    for pair in made.findall(".//nvpair[@id='their-stonith']"):
        parent = pair.getparent()
        assert parent is not None
        parent.remove(pair)
    return made


def lost(before: _Element, after: _Element) -> list[str]:
    return [each.node for each in unprotected(before, after)]


EACH = [device(f"d{n}", f"node{n}") for n in (1, 2, 3)]


def test_a_member_whose_only_device_goes_is_named() -> None:
    assert lost(fenced(*EACH), fenced(*EACH[:2])) == ["node3"]
    assert lost(fenced(*EACH), fenced()) == ["node1", "node2", "node3"]
    assert lost(fenced(*EACH), fenced(*EACH)) == []


def test_a_device_that_is_left_protects_and_one_that_is_off_does_not() -> None:
    two = device("other", "node3 node1")
    assert lost(fenced(*EACH, two), fenced(*EACH[:2], two)) == []
    off = device("other", "node3 node1", meta="Stopped")
    assert lost(fenced(*EACH, off), fenced(*EACH[:2], off)) == ["node3"]


def test_a_device_that_fences_fewer_nodes_counts_as_one_that_goes() -> None:
    assert lost(fenced(device("d", "node1 node2 node3")), fenced(device("d", "node1"))) == [
        "node2",
        "node3",
    ]


def test_a_watchdog_that_is_counted_on_protects() -> None:
    after = fenced(*EACH[:2], properties=ON + IGNORED)
    assert lost(fenced(*EACH), after) == []


def test_fencing_that_is_switched_off_is_about_the_whole_cluster() -> None:
    (all_of_it,) = unprotected(fenced(*EACH), fenced(*EACH, properties=OFF))
    assert str(all_of_it) == "the cluster would go on without fencing"
    assert lost(fenced(*EACH, properties=OFF), fenced(properties=OFF)) == []
    assert lost(fenced(), fenced(properties=OFF)) == [], "a new cluster has nothing to lose"


@pytest.mark.parametrize(
    ("state", "protected"),
    [
        ({"in_ccm": "false", "crmd": "offline", "join": "down", "expected": "down"}, True),
        ({"in_ccm": "false", "crmd": "offline"}, False),
        ({}, False),
    ],
)
def test_a_node_that_was_shut_down_in_order_needs_none(
    state: dict[str, str], protected: bool
) -> None:
    before = fenced(*EACH)
    for element in before.iterfind("status/node_state[@uname='node3']"):
        for name, value in state.items():
            element.set(name, value)
    assert (lost(before, fenced(*EACH[:2])) == []) is protected


def test_what_was_never_fenced_loses_nothing() -> None:
    assert lost(fenced(*EACH[:2]), fenced(*EACH[:2])) == []


@needs_scheduler
def test_a_plan_without_a_node_that_is_still_a_member_is_refused(tmp_path: Path) -> None:
    plan = leaving_n3(tmp_path)
    with pytest.raises(Forbidden, match="n3 is a member of the cluster and nothing would fence"):
        refuse_unfenced(plan, allowed=False)
    refuse_unfenced(plan, allowed=True)
    assert "! n3 is a member of the cluster and nothing" in click.unstyle(text(plan))
    assert "crm_node --remove n3" in text(plan)
    made = document(plan)
    assert violations(made, "plan.schema.json") == []
    assert [each["node"] for each in made["unprotected"]] == ["n3"]


def leaving_n3(folder: Path) -> Plan:
    live = rendered(topology())
    less = rendered({**topology(), "nodes": {name: NODES[name] for name in ("n1", "n2")}})
    status = etree.SubElement(live, "status") if live.find("status") is None else live[-1]
    for number, name in enumerate(NODES, start=1):
        online = {"in_ccm": "true", "crmd": "online", "join": "member", "expected": "member"}
        etree.SubElement(status, "node_state", {"id": str(number), "uname": name, **online})
    configuration = less.find("configuration")
    assert configuration is not None
    return planned(live, configuration, runner(folder)).plan
