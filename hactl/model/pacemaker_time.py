"""Pacemaker's grammar of times, as in timeouts, delays and intervals."""

from __future__ import annotations

import re
from collections.abc import Mapping

# crm_get_msec() in lib/common/utils.c: a number without a unit counts seconds
UNITS = {
    **dict.fromkeys(("ms", "msec"), 1.0),
    **dict.fromkeys(("us", "usec"), 0.001),
    **dict.fromkeys(("", "s", "sec"), 1000.0),
    **dict.fromkeys(("m", "min"), 60_000.0),
    **dict.fromkeys(("h", "hr"), 3_600_000.0),
}
TIME = re.compile(r"\s*([0-9]{1,9})\s*([a-z]*)\s*", re.ASCII)


def pacemaker_time(text: str | None) -> int:
    """Read a time as Pacemaker does, in milliseconds; 0 for none and for what is not a time."""
    found = TIME.fullmatch(text.lower()) if text else None
    if not found or found[2] not in UNITS:
        return 0
    return int(int(found[1]) * UNITS[found[2]])


def longest(params: Mapping[str, str], *keys: str) -> int:
    """Return the longest of these times among an agent's parameters, in milliseconds."""
    return max(pacemaker_time(params.get(key)) for key in keys)
