"""What is taken away below something that cannot stop is named, by status and by plan."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path

import pytest

from hactl.plan.gate import disruption
from hactl.plan.plan import foreseen, planned
from hactl.simulate.outcome import outcome
from hactl.simulate.scheduler import simulate
from hactl.simulate.undermined import undermined
from hactl.status.notices import notices
from tests.hactl.blast.__main__ import FILES, ROOT
from tests.hactl.blast.judge import judge
from tests.hactl.blast.matrix import states
from tests.hactl.blast.settled import Settled, Source
from tests.hactl.blast.states import attribute, everything, failed, meta
from tests.hactl.cibs import configuration
from tests.hactl.scheduler import needs_scheduler, runner

pytestmark = needs_scheduler
SMALL = ROOT / "examples/small.yaml"
NAMED = ["demo", "iscsi", "three-node", "defined-guest"]


@pytest.fixture
def running(tmp_path: Path) -> Settled:
    return Settled(Source.of_file(SMALL), tmp_path)


@pytest.mark.parametrize("name", NAMED)
def test_all_that_loses_what_it_stands_on_is_named(name: str, tmp_path: Path) -> None:
    (path,) = [each for each in FILES if name in (each.stem, each.parent.name)]
    run = Settled(Source.of_file(path), tmp_path)
    held = [state for state in states(run) if state.held]
    assert held
    for state in held:
        cib = deepcopy(run.slim)
        state.edit(cib)
        said = undermined(configuration(cib), outcome(simulate(cib, runner(tmp_path))))
        named = {(each.lower, each.node) for each in said}
        assert {(lower, node) for lower, node, _ in judge(run, state).under} <= named, str(state)


@pytest.mark.parametrize("blocked", [False, True])
def test_status_says_what_to_do_before_a_node_is_emptied(running: Settled, blocked: bool) -> None:
    cib = deepcopy(running.whole)
    (node,) = running.nodes_of("web1")
    assert notices(cib, runner(running.folder)) == ()
    edit = failed("web1", "stop", [node], on_fail="block")
    (edit if blocked else meta("web1", "is-managed", "false"))(cib)
    said = [each for each in notices(cib, runner(running.folder)) if "below it" in each]
    assert said == [
        f"web1 cannot be stopped on {node} (not managed, or blocked): if that node is emptied or "
        "shut down, lan, vms would be taken away below it; manage it, clean it up or stop it first"
    ]


def test_a_plan_that_takes_something_away_below_a_guest_has_to_be_allowed(running: Settled) -> None:
    live = deepcopy(running.slim)
    (node,) = running.nodes_of("web1")
    meta("web1", "is-managed", "false")(live)
    merged = deepcopy(live)
    attribute(node, "standby", "on")(merged)
    plan = foreseen(live, merged, runner(running.folder)).plan
    said = disruption(plan)
    assert f"lan-bridge would be taken away on {node} below web1, which stays" in said
    assert f"vms-mount would be taken away on {node} below web1, which stays" in said


def test_a_bridge_that_is_removed_below_an_unmanaged_guest_is_told(running: Settled) -> None:
    live = deepcopy(running.slim)
    meta("web1", "is-managed", "false")(live)
    wanted = deepcopy(configuration(live))
    for each in wanted.xpath("resources/clone[@id='lan'] | constraints/*[contains(@id, 'lan')]"):
        each.getparent().remove(each)
    (node,) = running.nodes_of("web1")
    notes = planned(live, wanted, runner(running.folder)).plan.notes
    assert f"lan-bridge would be taken away on {node} below web1, which stays" in notes


def test_nothing_is_said_where_all_is_managed(running: Settled) -> None:
    live = running.slim
    merged = deepcopy(live)
    everything(*(attribute(node, "standby", "on") for node in running.nodes[:1]))(merged)
    assert foreseen(live, merged, runner(running.folder)).plan.undermined == ()
