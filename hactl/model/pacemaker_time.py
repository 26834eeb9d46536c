"""Pacemaker's grammar of times, as in timeouts and delays: read here, and nowhere else.

It is wider than it looks. What comes after the unit is not read (``5 minutes`` and ``5month`` are
five minutes), case does not count (``5M`` too), of a fraction only the whole part does (``1.5s`` is
one second), and a number alone is seconds. There is no unit for days. Source: crm_get_msec() in
Pacemaker's lib/common, the same from 2.1.5 to 3.0; the tests ask Pacemaker itself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

SPACE = r"[ \t\n\r\f]*"
TIME = re.compile(rf"{SPACE}([0-9]+)[0-9.]*{SPACE}(.*)", re.ASCII | re.DOTALL)
# How a unit begins, and how many microseconds it has; the first that fits is meant.
UNITS = (("ms", 1000), ("us", 1), ("s", 10**6), ("m", 60 * 10**6), ("h", 3600 * 10**6))
SECOND = 10**6
MOST = 2**63 - 1
DIGITS = 20  # more of them are more than MOST, whatever they are


def milliseconds(text: str | None) -> int | None:
    """Return a time in milliseconds, rounded down; None where Pacemaker cannot read it."""
    found = TIME.fullmatch(text) if text else None
    if found is None:
        return None
    unit = found[2].lower()
    worth = next((each for start, each in UNITS if unit.startswith(start)), None)
    if unit and worth is None:
        return None
    number = int(found[1].lstrip("0")[:DIGITS] or 0)
    return min(number * (worth or SECOND) // 1000, MOST)


def pacemaker_time(text: str | None) -> int:
    """Return a time in milliseconds; 0 for none, and where Pacemaker takes its default."""
    return milliseconds(text) or 0


def seconds(text: str | None) -> float | None:
    """Return a time in seconds; None where Pacemaker cannot read it."""
    found = milliseconds(text)
    return None if found is None else found / 1000


def longest(params: Mapping[str, str], *keys: str) -> int:
    """Return the longest of these times among an agent's parameters, in milliseconds."""
    return max(pacemaker_time(params.get(key)) for key in keys)
