"""What `plan` says is what `crm_simulate -S` does, by primitive: a sample of scripts/prediction."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest

from hactl.simulate.effect import Effect, What
from tests.hactl.prediction.drawn import drawn, seeds
from tests.hactl.prediction.judge import Course, foreseen
from tests.hactl.prediction.shapes import SHAPES
from tests.hactl.prediction.trial import by_unit, trial
from tests.hactl.scheduler import needs_scheduler

# Each stands for a kind: a part goes, a name changes its meaning, one becomes many and many one.
SAMPLE = (
    "group minus its middle",
    "clone made a primitive",
    "primitive that takes a group's name",
    "image mapped -> everywhere",
    "volume group shared -> exclusive",
    "gateway alua -> iscsi",
    "iscsi gate off",
)


@needs_scheduler
@pytest.mark.parametrize("shape", SAMPLE)
def test_a_change_of_shape_is_foreseen(shape: str, tmp_path: Path) -> None:
    assert trial(*SHAPES[shape], tmp_path).wrongs == ()


@needs_scheduler
@pytest.mark.parametrize("seed", list(islice(seeds(), 5)))
def test_what_is_drawn_is_foreseen(seed: int) -> None:
    assert drawn(seed).trial().wrongs == ()


@needs_scheduler
@pytest.mark.parametrize("shape", SAMPLE)
def test_a_prediction_by_unit_would_be_found_out(shape: str, tmp_path: Path) -> None:
    assert trial(*SHAPES[shape], tmp_path, predict=by_unit).wrongs


def test_there_are_enough_shapes_and_seeds() -> None:
    assert len(SHAPES) >= 60
    assert len(list(seeds())) >= 300


@pytest.mark.parametrize(
    ("effect", "wrong"),
    [
        (Effect("a", "a", "raw", What.STAYS, "n1", "n1"), "foreseen as after"),
        (Effect("a", "a", "raw", What.STOPS, "n2"), "foreseen as before"),
        (Effect("a", "a", "raw", What.RESTARTS, "n1", "n2"), "a on n2: foreseen as after"),
        (Effect("a", "a", "raw", What.STARTS, "", "n1"), "a on n1: before, and not foreseen"),
    ],
)
def test_the_judge_sees_a_stop_that_was_foreseen_as_something_else(
    effect: Effect, wrong: str
) -> None:
    stopped = Course(frozenset({("a", "n1")}), *[frozenset()] * 4)
    assert any(wrong in said for said in foreseen([effect], frozenset()).wrongs(stopped))
    right = foreseen([Effect("a", "a", "raw", What.STOPS, "n1")], frozenset())
    assert list(right.wrongs(stopped)) == []
