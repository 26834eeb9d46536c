"""What is removed is stopped in its order first, on Pacemaker's own scheduler."""

from __future__ import annotations

from pathlib import Path

import pytest
from lxml.etree import _Element

from hactl.cib.ownership import edited_by_hand
from hactl.plan.effects import What
from hactl.plan.plan import Planned, planned
from hactl.plan.stop_first import continues, leaving, retirement
from tests.hactl.cibs import cib, clone, dummy, text, wanted
from tests.hactl.scheduler import needs_scheduler, runner, settled

pytestmark = needs_scheduler

DISK_THEN_WEB = """
  <rsc_order id="hactl-order" first="disk" then="web1" kind="Mandatory"/>
  <rsc_colocation id="hactl-with" rsc="web1" with-rsc="disk" score="INFINITY"/>"""


@pytest.fixture
def live(tmp_path: Path) -> _Element:
    """A cluster where disk runs, and web1 on it."""
    resources = text(dummy("disk", "storage")) + text(dummy("web1"))
    return settled(cib(resources, DISK_THEN_WEB), tmp_path)


def test_what_goes_is_told_to_stop_with_its_orders_in_place(live: _Element, tmp_path: Path) -> None:
    stops = retirement(plan(live, wanted(), tmp_path), runner(tmp_path))
    assert stops is not None
    for name in ("disk", "web1"):
        primitive = found(stops.merged, name)
        roles = primitive.findall("meta_attributes/nvpair[@name='target-role']")
        assert [role.get("value") for role in roles] == ["Stopped"]
        assert not edited_by_hand(primitive), "a switch is no edit"
    assert stops.merged.find(".//rsc_order[@id='hactl-order']") is not None
    assert {effect.name: effect.what for effect in stops.plan.effects.all} == {
        "disk": What.STOPS, "web1": What.STOPS,
    }  # fmt: skip


def test_nothing_is_stopped_first_where_nothing_that_runs_goes(
    live: _Element, tmp_path: Path
) -> None:
    both = wanted(dummy("disk", "storage"), dummy("web1"), constraints=DISK_THEN_WEB)
    assert retirement(plan(live, both, tmp_path), runner(tmp_path)) is None
    assert retirement(plan(cib(), wanted(dummy("new")), tmp_path), runner(tmp_path)) is None


def test_a_guest_that_no_longer_needs_what_goes_is_left_alone(
    live: _Element, tmp_path: Path
) -> None:
    shown = plan(live, wanted(dummy("web1")), tmp_path)
    assert leaving(shown) == ("disk",)
    stops = retirement(shown, runner(tmp_path))
    assert stops is not None
    assert {e.name: e.what for e in stops.plan.effects.all} == {
        "web1": What.STAYS, "disk": What.STOPS,
    }  # fmt: skip


def test_a_guest_that_is_restarted_anyway_stops_before_what_it_stood_on(
    live: _Element, tmp_path: Path
) -> None:
    shown = plan(live, wanted(dummy("web1", memory="2")), tmp_path)
    stops = retirement(shown, runner(tmp_path))
    assert stops is not None
    assert stops.merged.find(".//rsc_order[@id='hactl-order']") is not None
    assert {e.name for e in stops.plan.disruptive} == {"web1"}


def test_a_fencing_device_and_what_becomes_a_clone_are_not_stopped_first(tmp_path: Path) -> None:
    power = dummy("power", "fencing")
    power.set("class", "stonith")
    power.attrib.pop("provider")
    power.set("type", "fence_dummy")
    live = settled(cib(text(dummy("lan", "network")) + text(power)), tmp_path)
    as_clone = clone("lan-clone", dummy("lan", "network"))
    assert leaving(plan(live, wanted(as_clone), tmp_path)) == ()


def test_after_it_the_rest_of_the_plan_is_what_was_shown(live: _Element, tmp_path: Path) -> None:
    want = wanted(dummy("new"))
    shown = plan(live, want, tmp_path)
    stops = retirement(shown, runner(tmp_path))
    assert stops is not None
    at_rest = settled(stops.merged, tmp_path)
    assert continues(shown.plan, plan(at_rest, want, tmp_path).plan)
    other = wanted(dummy("new"), dummy("more"))
    assert not continues(shown.plan, plan(at_rest, other, tmp_path).plan)
    assert not continues(shown.plan, plan(at_rest, wanted(), tmp_path).plan)


def plan(live: _Element, want: _Element, directory: Path) -> Planned:
    return planned(live, want, runner(directory))


def found(tree: _Element, name: str) -> _Element:
    primitive = tree.find(f".//primitive[@id='{name}']")
    assert primitive is not None
    return primitive
