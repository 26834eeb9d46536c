"""What happened when, after a node was lost: read from logs and samples, nothing is asked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from hactl.lab.prober import Sample

STAMP = re.compile(r"(?P<stamp>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d(?:\.\d+)?) ")
OPERATOR = "operator"
LOST = "state is now lost"
STARTED = re.compile(r"Result of start operation for (?P<resource>\S+) on (?P<node>\S+): ok")


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that happened, ``after`` seconds after the loss."""

    after: float
    what: str


@dataclass(frozen=True, slots=True)
class Outage:
    """The longest time an address was silent: from the last answer to the next one, in seconds.

    ``back`` is when it answered again (seconds since the epoch), None if it never did.
    """

    seconds: float
    back: float | None


def stamped(line: str, year: int) -> float | None:
    """When a log line was written, in seconds since the epoch; None where it does not say."""
    found = STAMP.search(line)
    if found is None:
        return None
    text = found["stamp"]
    form = "%Y %b %d %H:%M:%S.%f" if "." in text else "%Y %b %d %H:%M:%S"
    return datetime.strptime(f"{year} {text}", form).astimezone().timestamp()


def detected(lines: Iterable[str], node: str, lost_at: float) -> float | None:
    """Seconds until the first survivor's Pacemaker noticed that ``node`` is gone."""
    year = datetime.fromtimestamp(lost_at).astimezone().year
    times = (stamped(line, year) for line in lines if f"Node {node} {LOST}" in line)
    return first_after(times, lost_at)


def started(lines: Iterable[str], resources: Sequence[str], lost_at: float) -> dict[str, float]:
    """Resource -> seconds until it had been started again."""
    year = datetime.fromtimestamp(lost_at).astimezone().year
    found: dict[str, float] = {}
    for line in lines:
        match = STARTED.search(line)
        if match is None or match["resource"] not in resources:
            continue
        after = first_after([stamped(line, year)], lost_at)
        if after is not None:
            found[match["resource"]] = min(after, found.get(match["resource"], after))
    return found


def fenced(history: Iterable[dict[str, object]], node: str, lost_at: float) -> float | None:
    """Seconds until another node had used the power switch on ``node``.

    A node whose power was taken away is only looked at and switched on again.
    """
    times = (
        float(str(entry["time"])) + float(str(entry.get("took", 0)))
        for entry in history
        if entry["node"] == node and not by_hand(entry, node)
    )
    return first_after(times, lost_at)


def by_hand(entry: dict[str, object], node: str) -> bool:
    """Whether it was an operator, or the node itself, and not the cluster."""
    by = str(entry["by"])
    return by == node or by.startswith(OPERATOR)


def first_after(times: Iterable[float | None], start: float) -> float | None:
    # a stamp is cut to its last digit: what happened at once may seem a millisecond early
    after = [when - start for when in times if when is not None and when >= start - 0.01]
    return max(0.0, min(after)) if after else None


def longest_outage(samples: Sequence[Sample], start: float, end: float) -> Outage:
    """The longest silence between two answers that touches the time from ``start`` to ``end``."""
    answers = [sample.time for sample in samples if sample.ok]
    before = max((when for when in answers if when <= start), default=start)
    within = [when for when in answers if start < when <= end]
    points = [before, *within]
    gaps = [Outage(later - earlier, later) for earlier, later in pairwise(points)]
    gaps.append(Outage(end - points[-1], None))
    return max(gaps, key=lambda gap: gap.seconds)
