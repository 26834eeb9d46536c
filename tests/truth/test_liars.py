"""The truth table tried on agents that lie: each of them is found out, and an honest one is not."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.truth import toys
from tests.truth.play import play
from tests.truth.table import RULES, Exemption, Seen, complaints
from tests.truth.worlds import toy

# Where each lie is told first; the whole table is played for the honest one, in test_truth.
CELLS = (
    ("running", "nothing"),
    ("absent", "nothing"),
    ("half made", "nothing"),
    ("foreign", "nothing"),
    ("running", "no tools"),
    ("running", "state folder lost"),
)


def lies_of(liar: type[toys.Honest], folder: Path) -> Iterator[str]:
    """The rules that a toy breaks, as they are found."""
    module: Any = toy
    for state, what in CELLS:
        for seen in play(module, toy.ToyWorld(below(folder), liar), state, what):
            yield from (name for name, rule in RULES.items() if not rule(seen))


def below(folder: Path) -> Path:
    fresh = folder / str(len(list(folder.iterdir())))
    fresh.mkdir()
    return fresh


@pytest.mark.parametrize("liar", toys.LIARS, ids=lambda liar: liar.__name__)
def test_an_agent_that_lies_is_found_out(liar: type[toys.Honest], tmp_path: Path) -> None:
    wanted = toys.LIARS[liar]
    assert wanted in lies_of(liar, tmp_path), f"{liar.__doc__} Nobody noticed."


def test_an_honest_agent_is_not(tmp_path: Path) -> None:
    assert list(lies_of(toys.Honest, tmp_path)) == []


WELL = Seen("running", "nothing", "probe", 10.0, 0, "", 0.1, "there", "there")
REASON = "ocf-exit-reason:it is broken"


@pytest.mark.parametrize(
    ("rule", "seen"),
    [
        ("what_is_there_is_not_denied", {"code": 7}),
        ("what_is_there_is_not_denied", {"code": 2, "stderr": REASON, "before": "partly"}),
        ("what_is_half_there_is_not_called_running", {"code": 8, "before": "partly"}),
        ("what_is_absent_is_not_called_running", {"before": "absent", "code": 190}),
        ("a_look_changes_nothing_that_is_absent", {"before": "absent", "code": 7}),
        ("a_look_gives_no_other_code", {"code": 102, "stderr": REASON}),
        ("what_was_stopped_is_absent", {"action": "stop"}),
        ("a_stop_succeeds_or_fails", {"action": "stop", "code": 7, "after": "absent"}),
        ("what_was_started_is_there", {"action": "start", "after": "partly"}),
        ("absence_is_seen_where_nothing_is_broken", {"before": "absent", "code": 1}),
        ("what_runs_well_is_said_to_run", {"code": 1, "stderr": REASON}),
        ("a_start_works_where_nothing_is_broken", {"action": "start", "code": 1}),
        ("once_healed_it_can_be_stopped", {"action": "stop", "code": 1, "healed": True}),
        ("a_stop_works_where_nothing_hinders_it", {"action": "stop", "code": 1,
                                                   "unhindered": True}),
        ("every_failure_has_one_reason", {"code": 1}),
        ("every_failure_has_one_reason", {"code": 1, "stderr": "ocf-exit-reason:failed"}),
        ("every_failure_has_one_reason", {"code": 1, "stderr": f"{REASON}\n{REASON}"}),
        ("every_failure_has_one_reason", {"code": 0, "stderr": REASON}),
        ("no_traceback_is_shown", {"stderr": "Traceback (most recent call last):"}),
        ("every_answer_comes_in_time", {"seconds": 11.5}),
        ("every_answer_comes_in_time", {"code": -9}),
        ("what_is_foreign_is_untouched", {"untouched": False}),
    ],
)  # fmt: skip
def test_every_rule_is_seen_to_fire(rule: str, seen: "dict[str, object]") -> None:
    told = Seen(**vars(WELL) | seen)
    assert not RULES[rule](told)
    exempt = Exemption(rule, "running", "*", told.action, "for a test")
    assert len(complaints(told, [exempt])) == len(complaints(told)) - 1


def test_no_rule_is_left_untried() -> None:
    (marked,) = test_every_rule_is_seen_to_fire.pytestmark  # type: ignore[attr-defined]
    assert {rule for rule, _ in marked.args[1]} == set(RULES)


def test_a_good_answer_breaks_no_rule() -> None:
    assert complaints(WELL) == []
