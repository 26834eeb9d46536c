"""What a node's loss would do is the scheduler's answer; what would run nowhere is named."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path

import pytest
from lxml.etree import _Element

from hactl.simulate.loss import Loss, Move, loss
from hactl.simulate.losses import lost as gone
from hactl.simulate.scheduler import simulate
from tests.hactl.cibs import cib, clone, dummy, dummy_text, text
from tests.hactl.scheduler import needs_scheduler, runner, settled

pytestmark = needs_scheduler

AT = '<rsc_location id="l-{0}-{1}" rsc="{0}" node="{1}" score="{2}"/>'
ON_3 = AT.format("web1", "node3", "100")
ONLY_3 = AT.format("web1", "node1", "-INFINITY") + AT.format("web1", "node2", "-INFINITY")
FENCED = '<nvpair id="x" name="{}" value="{}"/>'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def lost(folder: Path, resources: str, constraints: str = "", node: str = "node3") -> Loss:
    return loss(live(folder, resources, constraints), node, runner(folder))


def live(folder: Path, resources: str, constraints: str) -> _Element:
    return settled(cib(resources, constraints), folder)


def test_a_guest_that_can_run_elsewhere_moves(folder: Path) -> None:
    found = lost(folder, dummy_text("web1"), ON_3)
    assert found == Loss("node3", (Move("web1", "node3", found.moves[0].target),), (), ())
    assert found.moves[0].target in ("node1", "node2")


def test_a_guest_that_can_run_nowhere_else_is_stranded(folder: Path) -> None:
    found = lost(folder, dummy_text("web1"), ONLY_3)
    assert [str(each) for each in found.stranded] == [
        "web1 runs on node3 and would run nowhere: no node that is there may run it "
        "(l-web1-node1, l-web1-node2)"
    ]


def test_what_runs_elsewhere_and_needs_what_is_lost_is_stranded_too(folder: Path) -> None:
    order = ONLY_3 + '<rsc_order id="o" first="web1" then="db1"/>' + AT.format("db1", "node1", 100)
    found = lost(folder, dummy_text("web1") + dummy_text("db1"), order)
    assert {each.resource for each in found.stranded} == {"web1", "db1"}


def test_a_clone_with_other_instances_is_not_stranded(folder: Path) -> None:
    assert lost(folder, text(clone("lan", dummy("lan-i")))).stranded == ()


def test_a_node_that_runs_nothing_is_no_loss(folder: Path) -> None:
    found = lost(folder, dummy_text("web1"), AT.format("web1", "node1", 100))
    assert (found.moves, found.stranded) == ((), ())


PROMOTED = '<rsc_location id="p-{0}" rsc="san" node="{0}" score="{1}" role="Promoted"/>'
SAN = (
    '<clone id="san"><meta_attributes id="san-m">'
    '<nvpair id="san-p" name="promotable" value="true"/></meta_attributes>'
    '<primitive id="san-i" class="ocf" provider="pacemaker" type="Stateful"/></clone>'
)


@pytest.mark.parametrize(("others", "stranded"), [("10", []), ("-INFINITY", ["san-i"])])
def test_what_is_promoted_has_to_be_promoted_elsewhere(
    folder: Path, others: str, stranded: list[str]
) -> None:
    at = PROMOTED.format("node3", 100)
    at += "".join(PROMOTED.format(node, others) for node in ("node1", "node2"))
    before = live(folder, SAN, at)
    assert "san-i" in text(before)
    assert [each.resource for each in loss(before, "node3", runner(folder)).stranded] == stranded


def test_what_is_started_and_promoted_at_once_counts_as_arrived(folder: Path) -> None:
    """Two of three nodes have an instance; the lost one was promoted, the third takes its place."""
    two = SAN.replace("</meta_attributes>", f"{FENCED.format('clone-max', 2)}</meta_attributes>")
    at = "".join(PROMOTED.format(node, score) for node, score in SCORES.items())
    at += AT.format("san", "node2", "-INFINITY") + AT.format("san", "node3", "200")
    before = live(folder, two, at)
    assert running(before, folder) == {"node1", "node3"}
    at_node2 = before.find(".//rsc_location[@id='l-san-node2']")
    assert at_node2 is not None
    at_node2.set("score", "0")
    found = loss(before, "node3", runner(folder))
    assert (found.moves, found.stranded) == ((Move("san-i", "node3", "node2"),), ())


SCORES = {"node1": "-INFINITY", "node2": "50", "node3": "100"}


def running(cib: _Element, folder: Path) -> set[str]:
    return set(simulate(cib, runner(folder)).running("san-i"))


def test_what_failed_on_the_lost_node_is_still_in_its_history(folder: Path) -> None:
    """The DC decides before the node is fenced: what it knows of the node counts until then."""
    before = live(folder, dummy_text("web1") + dummy_text("db1"), ON_3)
    emptied = deepcopy(before)
    for part in emptied.findall(".//node_state[@uname='node3']/*"):
        part.getparent().remove(part)  # type: ignore[union-attr]
    assert [m.resource for m in loss(before, "node3", runner(folder)).moves] == ["web1"]
    assert loss(emptied, "node3", runner(folder)).moves == ()
    scene = gone(before, ["node3"])
    assert len(scene.findall(".//node_state[@uname='node3']//lrm_rsc_op")) > 0


def test_what_is_stopped_anyway_is_not_stranded(folder: Path) -> None:
    assert lost(folder, dummy_text("web1", "target-role=Stopped"), ONLY_3).stranded == ()


def test_what_is_not_managed_is_not_recovered(folder: Path) -> None:
    settled_cib = live(folder, dummy_text("web1", "resource-stickiness=1"), ON_3)
    pair = settled_cib.find(".//nvpair[@name='resource-stickiness']")
    assert pair is not None
    pair.set("name", "is-managed")
    pair.set("value", "false")
    (found,) = loss(settled_cib, "node3", runner(folder)).stranded
    assert found.resource == "web1"


def test_the_cib_is_left_as_it_was(folder: Path) -> None:
    before = live(folder, dummy_text("web1"), ON_3)
    spelled = text(before)
    loss(before, "node3", runner(folder))
    assert text(before) == spelled
