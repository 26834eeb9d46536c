"""What somebody knows of and lives with until a day: `{what, reason, until}`, as a YAML list."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from hactl.drift.finding import Drift
from hactl.errors import UsageError
from hactl.topology.yaml.loader import Unreadable
from hactl.topology.yaml.parse import parse

DAY = re.compile(r"\d{4}-\d\d-\d\d")
KEYS = {"what", "reason", "until"}


@dataclass(frozen=True, slots=True)
class Ignored:
    """``what`` is an id or a node, or words of a finding; ``*`` stands for anything."""

    what: str
    reason: str
    until: date

    def fits(self, drift: Drift) -> bool:
        return fnmatch.fnmatchcase(drift.name, self.what) or fnmatch.fnmatchcase(
            f"{drift.name}: {drift.what}", self.what
        )


def read(text: str, name: str) -> tuple[Ignored, ...]:
    """Read an ignore list. Raises UsageError, which names the entry, for what is not one."""
    try:
        value = parse(text).value
    except Unreadable as problem:
        raise UsageError(f"{name}: {problem.complaint.message}") from None
    if not isinstance(value, list):
        raise UsageError(f"{name}: not a list", 'write - {what: web1, reason: "...", until: DATE}')
    return tuple(entry(item, f"{name}: entry {number}") for number, item in enumerate(value, 1))


def entry(item: object, where: str) -> Ignored:
    if not isinstance(item, dict) or set(item) != KEYS or not all(map(str, item.values())):
        raise UsageError(f"{where}: needs what, reason and until", "until: 2027-01-31")
    until = str(item["until"])
    try:
        day = date.fromisoformat(until) if DAY.fullmatch(until) else None
    except ValueError:
        day = None
    if day is None:
        raise UsageError(f"{where}: {until!r} is not a day", "write it like 2027-01-31")
    return Ignored(str(item["what"]), str(item["reason"]), day)


def told_apart(
    found: Sequence[Drift], known: Sequence[Ignored], today: date
) -> tuple[list[Drift], list[tuple[Drift, Ignored]]]:
    """Return what counts, and what is ignored with the entry that says so; none that is over."""
    counts: list[Drift] = []
    ignored: list[tuple[Drift, Ignored]] = []
    for drift in found:
        one = next((each for each in known if each.until >= today and each.fits(drift)), None)
        if one is None:
            counts.append(drift)
        else:
            ignored.append((drift, one))
    return counts, ignored
