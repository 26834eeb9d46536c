"""Scores as Pacemaker writes and reads them (char2score() in its lib/common/scores.c)."""

from __future__ import annotations

import re
from collections.abc import Mapping

from hactl.model.constraint import INFINITY

MUST, NEVER = "INFINITY", "-INFINITY"
NAMED: Mapping[str, int] = {MUST: INFINITY, f"+{MUST}": INFINITY, NEVER: -INFINITY}
WHOLE = re.compile(r"[+-]?\d+", re.ASCII)


def score(text: str) -> int:
    """Return the number that a score stands for; nothing is beyond a million.

    Raises ValueError where it is not a score.
    """
    if text in NAMED:
        return NAMED[text]
    if not WHOLE.fullmatch(text):
        raise ValueError(f"{text!r} is not a score")
    return max(-INFINITY, min(INFINITY, int(text[:20])))


def effective(text: str | None) -> int:
    """Return what Pacemaker makes of a score, whatever is written there: of what is none, 0."""
    try:
        return score(text or "0")
    except ValueError:
        return 0


def score_text(number: int) -> str:
    if abs(number) < INFINITY:
        return str(number)
    return MUST if number > 0 else NEVER
