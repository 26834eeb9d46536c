"""Scores are read once, and as Pacemaker reads them."""

import pytest

from hactl.model.constraint import INFINITY
from hactl.model.score import effective, score, score_text


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0),
        ("-5", -5),
        ("+5", 5),
        ("INFINITY", INFINITY),
        ("+INFINITY", INFINITY),
        ("-INFINITY", -INFINITY),
        ("1000000", INFINITY),
        ("9" * 5000, INFINITY),
        ("-" + "9" * 5000, -INFINITY),
    ],
)
def test_a_score_is_a_number_up_to_a_million(text: str, number: int) -> None:
    assert score(text) == effective(text) == number
    assert score(score_text(number)) == number


@pytest.mark.parametrize("text", ["", "red", "1.5", "١", "1 ", "infinity"])
def test_what_is_not_a_score_counts_for_nothing(text: str) -> None:
    assert effective(text) == effective(None) == 0
    with pytest.raises(ValueError, match="is not a score"):
        score(text)
