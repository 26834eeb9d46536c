"""A sample of scripts/meddle, and that it finds out an apply that is not right."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from random import Random

import pytest
from lxml import etree
from lxml.etree import _Element

from hactl.cib.temporary import leftovers, lifted
from hactl.live.apply import apply
from hactl.live.transaction import Transaction
from hactl.plan.plan import Planned
from hactl.plan.stages import COMMIT, TIDY, Stage
from hactl.plan.stop_first import stopped_first
from hactl.result.compare import Difference
from tests.hactl.cibs import dummy, wanted
from tests.hactl.live.cluster_on_file import Cluster
from tests.hactl.live.disk_then_web import DISK_THEN_WEB, old, start
from tests.hactl.live.meddling.deaths import Death, died
from tests.hactl.live.meddling.edits import tool
from tests.hactl.live.meddling.harsh import AFTER, after_harsh_death, harsh_site
from tests.hactl.live.meddling.injection import (
    Apply,
    calls_of,
    calls_once_sent,
    injections,
    tried_at,
)
from tests.hactl.live.meddling.sites import Site, site
from tests.hactl.scheduler import needs_scheduler

pytestmark = needs_scheduler
BETWEEN = (1,)


@pytest.mark.parametrize("seed", [101, 105, 112])
def test_nobodys_edit_is_lost_and_nothing_untrue_is_said(seed: int, tmp_path: Path) -> None:
    found = injections([seed], 2, tmp_path)
    assert [fault for tried in found for fault in tried.faults] == []


@pytest.mark.parametrize("death", list(Death))
def test_after_a_death_all_is_as_before_or_after_or_named_and_healed(
    death: Death, tmp_path: Path
) -> None:
    one = site(3, tmp_path / "site")
    calls = calls_of(one, tmp_path / "calls")
    for at in range(4, calls + 1, 9):
        assert died(one, at, death, tmp_path / f"{at}").faults == ()


@pytest.mark.parametrize(
    ("seed", "way"), [(5, ("new", "old")), (5, ("old", "old")), (1, ("new", "old"))], ids=str
)
def test_what_failed_takes_no_node_whatever_is_done_next(
    seed: int, way: tuple[str, str], tmp_path: Path
) -> None:
    one = harsh_site(seed, tmp_path / "site")
    at = calls_once_sent(one, tmp_path / "calls", AFTER)[5]
    assert after_harsh_death(one, at, way, tmp_path / "death") == []


def test_an_apply_without_the_second_check_is_found_out(going: Site, tmp_path: Path) -> None:
    careless = partial(apply, transaction=Careless)
    found = edited_between(going, tmp_path / "careless", careless)
    assert any("lost: " in fault for fault in found)
    assert edited_between(going, tmp_path / "real", apply) == []


def test_an_apply_that_stops_things_by_a_switch_is_found_out(going: Site, tmp_path: Path) -> None:
    switches = Stage("stop", "stopping", switched_off)
    planted = partial(apply, stages=(switches, COMMIT, TIDY))
    at = calls_once_sent(going, tmp_path / "calls", BETWEEN, planted)[0]
    death = died(going, at, Death.BEFORE, tmp_path / "death", planted)
    assert any("not named as ours" in fault for fault in death.faults)


def test_an_apply_that_forgets_what_it_wrote_is_found_out(going: Site, tmp_path: Path) -> None:
    said = died(going, 99, Death.CTRL_C, tmp_path, partial(apply, transaction=Forgetful))
    assert any("untrue: 'nothing was changed'" in fault for fault in said.faults)


class Careless(Transaction):
    """Checks nothing again."""

    def check(self, stage: Stage, rest: Planned, step: Planned) -> None:
        pass


class Forgetful(Transaction):
    """Is interrupted after its first commit, and does not know of it."""

    def see_through(self) -> tuple[Difference, ...]:
        self.written.clear()
        raise KeyboardInterrupt


def switched_off(rest: Planned, apply: str) -> _Element:
    """Stop what goes by target-role, as any operator would."""
    cib = stopped_first(rest, apply)
    if cib is rest.live:
        return cib
    for left in leftovers(cib):
        resource = cib.find(f".//primitive[@id='{left.about}']")
        assert resource is not None
        id_ = f"{left.about}-meta_attributes"
        meta = etree.SubElement(resource, "meta_attributes", id=id_)
        pair = {"id": f"{id_}-target-role", "name": "target-role", "value": "Stopped"}
        etree.SubElement(meta, "nvpair", pair)
    return lifted(cib)


def edited_between(one: Site, directory: Path, made: Apply) -> list[str]:
    """Edit what changes and stays, between the two commits."""
    calls = calls_once_sent(one, directory / "calls", BETWEEN, made)[:5:4]
    tries = (tried_at(one, at, by_hand, directory / f"{at}", made) for at in calls)
    return [fault for each in tries for fault in each.faults]


def by_hand(here: Cluster, site: Site, rng: Random) -> str:  # noqa: ARG001
    return tool(here, "crm_resource", "-r", "stays", "-p", "memory", "-v", "by-hand")


@pytest.fixture
def going(tmp_path: Path) -> Site:
    """What runs goes in its order, and what stays is changed."""
    before = start(tmp_path / "site").cib()
    gone = wanted(dummy("stays", memory="2"))
    return Site(0, before, wanted(*old(), constraints=DISK_THEN_WEB), gone, ())
