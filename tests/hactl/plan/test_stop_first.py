"""What is removed is stopped in its order first, on Pacemaker's own scheduler."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
from lxml import etree
from lxml.etree import _Element

from hactl.cib.edits import switches
from hactl.cib.ownership import mark
from hactl.cib.temporary import leftovers, lifted
from hactl.plan.diff import changes
from hactl.plan.plan import Plan, Planned, foreseen, planned
from hactl.plan.stop_first import leaving, stopped_first
from hactl.simulate.effect import GONE, What
from tests.hactl.cibs import (
    cib,
    clone,
    configuration,
    dummy,
    dummy_text,
    section,
    text,
    wanted,
)
from tests.hactl.scheduler import needs_scheduler, runner, settled

pytestmark = needs_scheduler
APPLY = "20261201T033000Z-node1"

DISK_THEN_WEB = """
  <rsc_order id="hactl-order" first="disk" then="web1" kind="Mandatory"/>
  <rsc_colocation id="hactl-with" rsc="web1" with-rsc="disk" score="INFINITY"/>"""


@pytest.fixture
def live(tmp_path: Path) -> _Element:
    """A cluster where disk runs, and web1 on it."""
    resources = text(dummy("disk", "storage")) + text(dummy("web1"))
    return settled(cib(resources, DISK_THEN_WEB), tmp_path)


def test_what_goes_is_kept_from_running_with_its_orders_in_place(
    live: _Element, tmp_path: Path
) -> None:
    held = stopped_first(plan(live, wanted(), tmp_path), APPLY)
    assert [(left.about, left.what, left.proven) for left in leftovers(held)] == [
        ("disk", "hold", True), ("web1", "hold", True),
    ]  # fmt: skip
    assert not switches(configuration(held)), "nobody would take it for an operator's switch"
    assert held.find(".//rsc_order[@id='hactl-order']") is not None
    assert set(fates(live, held, tmp_path).values()) <= GONE
    assert changes(live, lifted(held)) == ()


def test_what_goes_stops_in_its_order(live: _Element, tmp_path: Path) -> None:
    held = stopped_first(plan(live, wanted(), tmp_path), APPLY)
    assert stops(held, tmp_path) == ["web1", "disk"]


def test_nothing_is_stopped_first_where_nothing_that_runs_goes(
    live: _Element, tmp_path: Path
) -> None:
    both = wanted(dummy("disk", "storage"), dummy("web1"), constraints=DISK_THEN_WEB)
    for shown in (plan(live, both, tmp_path), plan(cib(), wanted(dummy("new")), tmp_path)):
        assert stopped_first(shown, APPLY) is shown.live


def test_what_goes_and_does_not_run_is_kept_from_starting_meanwhile(
    live: _Element, tmp_path: Path
) -> None:
    section(live, "resources").append(dummy("waits", meta="target-role=Stopped"))
    held = stopped_first(plan(live, wanted(), tmp_path), APPLY)
    assert [left.about for left in leftovers(held)] == ["disk", "waits", "web1"]


def test_a_guest_that_no_longer_needs_what_goes_is_left_alone(
    live: _Element, tmp_path: Path
) -> None:
    shown = plan(live, wanted(dummy("web1")), tmp_path)
    assert going(shown) == ["disk"]
    fate = fates(live, stopped_first(shown, APPLY), tmp_path)
    assert fate["web1"] is What.STAYS
    assert fate["disk"] in GONE


def test_a_guest_that_is_restarted_anyway_stops_before_what_it_stood_on(
    live: _Element, tmp_path: Path
) -> None:
    held = stopped_first(plan(live, wanted(dummy("web1", memory="2")), tmp_path), APPLY)
    assert held.find(".//rsc_order[@id='hactl-order']") is not None
    assert stops(held, tmp_path) == ["web1", "disk"]


def test_a_fencing_device_and_what_becomes_a_clone_in_place_are_not_stopped_first(
    tmp_path: Path,
) -> None:
    power = dummy("power", "fencing")
    power.set("class", "stonith")
    power.attrib.pop("provider")
    power.set("type", "fence_dummy")
    live = settled(cib(text(dummy("lan", "network")) + text(power)), tmp_path)
    shown = plan(live, wanted(clone("lan-clone", dummy("lan", "network"))), tmp_path)
    assert "power" not in going(shown)
    assert stopped_first(shown, APPLY) is live


@pytest.mark.parametrize(
    ("left", "held"),
    [(["a", "b"], ["c"]), (["a"], ["b", "c"]), (["a", "c"], []), (["b", "c"], []), ([], ["g"])],
)
def test_members_that_leave_a_group_stop_in_its_order_unless_one_that_stays_stands_on_them(
    left: list[str], held: list[str], tmp_path: Path
) -> None:
    live = settled(cib(text(group("a", "b", "c"))), tmp_path)
    want = wanted(group(*left)) if left else wanted()
    shown = plan(live, want, tmp_path)
    cib_held = stopped_first(shown, APPLY)
    assert [one.about for one in leftovers(cib_held)] == held
    assert stops(cib_held, tmp_path) == ([] if not held else sorted(set("abc") - set(left))[::-1])


def going(shown: Planned) -> list[str]:
    return [unit.get("id", "") for unit in leaving(shown)]


def fates(live: _Element, held: _Element, directory: Path) -> dict[str, What]:
    step: Plan = foreseen(live, held, runner(directory)).plan
    return {effect.name: effect.what for effect in step.effects.all}


def stops(cib: _Element, directory: Path) -> list[str]:
    """What stops, in the order in which the scheduler has it done."""
    file = directory / "held.xml"
    file.write_bytes(etree.tostring(cib))
    argv = ["crm_simulate", "-x", str(file), "-S", "-O", str(directory / "out.xml")]
    environment = {**os.environ, "CIB_shadow_dir": str(directory)}
    said = subprocess.run(argv, capture_output=True, text=True, check=True, env=environment)
    found = re.findall(r"Resource action: (\S+) +stop on", said.stdout)
    return [str(name) for name in found]


def group(*members: str) -> _Element:
    made = etree.Element("group", id="g")
    made.extend(etree.fromstring(dummy_text(member)) for member in members)
    return mark(made, "raw")


def plan(live: _Element, want: _Element, directory: Path) -> Planned:
    return planned(live, want, runner(directory))
