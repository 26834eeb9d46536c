"""The page of what the truth table has seen: it says what was not played, and calls a lie a lie."""

import json
from dataclasses import asdict
from types import SimpleNamespace
from typing import Any

import pytest

from tests.truth.page import page
from tests.truth.table import Exemption, Impossible, Seen

WELL = Seen("running", "nothing", "monitor", 10.0, 0, "", 0.1, "there", "there")
LIE = Seen("running", "nothing", "monitor", 10.0, 7, "", 0.1, "there", "there")
TOWER: dict[str, Any] = {"AGENT": "Tower", "STATES": ("absent", "running"), "BREAKS": ("nothing",)}


def line(seen: Seen, world: str = "tower", run: str = "one", began: float = 0.0) -> str:
    told = {"world": world, "run": run, "began": began, "ended": began + 60, "seen": [asdict(seen)]}
    return json.dumps(told)


def written(*lines: str, **more: Any) -> str:
    return page(lines, {"tower": SimpleNamespace(**TOWER | more)})


def test_a_cell_that_was_not_played_is_not_passed_over() -> None:
    told = written(line(WELL))
    assert "| nothing | ? | 0● |" in told
    assert "| Tower | 1 | 1 | 0 | 0 | 1 |" in told


def test_a_cell_that_cannot_be_is_not_missed_and_its_reason_is_told() -> None:
    told = written(line(WELL), IMPOSSIBLE=[Impossible("absent", "nothing", "a tower was there")])
    assert "| nothing | — | 0● |" in told
    assert "- a tower was there" in told
    assert "| Tower | 1 | 1 | 0 | 0 | 0 |" in told


def test_a_deeper_look_is_told_where_it_saw_more() -> None:
    deeper = asdict(WELL) | {"action": "deep", "code": 1, "stderr": "ocf-exit-reason:it leans"}
    told = json.loads(line(WELL))
    told["seen"].append(deeper)
    assert "| nothing | ? | ✗ 0●/1 |" in written(json.dumps(told))


def test_a_lie_is_called_a_lie() -> None:
    told = written(line(LIE))
    assert "| nothing | ? | ✗ 7● |" in told
    assert "- what is there is not denied: monitor of running with nothing: 7" in told
    assert "| all | 1 | 1 | 1 | 0 | 1 |" in told


def test_an_exempt_answer_is_counted_as_one() -> None:
    rules = ("what_is_there_is_not_denied", "what_runs_well_is_said_to_run")
    exempt = [Exemption(rule, "running", "nothing", "*", "it is late") for rule in rules]
    told = written(line(LIE), EXEMPTIONS=exempt)
    assert "| Tower | 1 | 1 | 0 | 1 | 1 |" in told
    assert "- it is late" in told


def test_of_a_cell_that_was_played_again_the_last_answer_counts() -> None:
    told = written(line(LIE), line(WELL, run="two", began=120.0))
    assert "| all | 1 | 1 | 0 | 0 | 1 |" in told


@pytest.mark.parametrize(
    ("run", "how"), [("one", "in one run of 3 minutes"), ("two", "gathered from 2 runs")]
)
def test_what_was_gathered_from_several_runs_is_not_called_one(run: str, how: str) -> None:
    assert how in written(line(WELL), line(WELL, run=run, began=120.0))


def test_worlds_of_one_agent_are_not_mixed_up() -> None:
    stone, wood = (
        SimpleNamespace(**TOWER | {"TITLE": f"Tower of {it}"}) for it in ("stone", "wood")
    )
    told = page([line(WELL, "stone"), line(LIE, "wood")], {"stone": stone, "wood": wood})
    assert "| Tower of stone | 1 | 1 | 0 | 0 | 1 |" in told
    assert "| Tower of wood | 1 | 1 | 1 | 0 | 1 |" in told


def test_a_world_that_was_not_played_this_time_stays_as_it_was_seen() -> None:
    modules = {name: SimpleNamespace(**TOWER | {"TITLE": name}) for name in ("stone", "wood")}
    day = 86400.0
    first = page([line(LIE, "stone"), line(WELL, "wood")], modules)
    second = page([line(WELL, "wood", began=day)], modules, first)
    assert "| stone | 1 | 1 | 1 | 0 | 1 | 1970-01-01 |" in second
    assert "| wood | 1 | 1 | 0 | 0 | 1 | 1970-01-02 |" in second
    assert "| all | 2 | 2 | 1 | 0 | 2 |" in second
    assert first[first.index("## stone") : first.index("## wood")] in second
    assert page([line(WELL, "wood", began=day)], modules, second) == second
    undated = first.replace(" seen on |", "").replace(" 1970-01-01 |", "")
    assert "| stone | 1 | 1 | 1 | 0 | 1 | 1970-01-01 |" in page(
        [line(WELL, "wood")], modules, undated
    )


def test_a_world_that_was_not_played_at_all_is_missed() -> None:
    told = page([line(WELL)], {name: SimpleNamespace(**TOWER) for name in ("tower", "other")})
    assert "| Tower | 0 | 0 | 0 | 0 | 2 |" in told
