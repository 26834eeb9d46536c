"""Whether an apply that was meddled with lost an edit, or said what is not true."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lxml.etree import _Element

from hactl.cib.merge import child
from hactl.cib.temporary import leftovers, lifted
from hactl.live.apply import Outcome
from hactl.plan.change import Change
from hactl.plan.diff import changes
from hactl.plan.plan import Plan
from hactl.plan.revert import still_ours
from hactl.result.standing import Standing


@dataclass
class Seen:
    """One apply with one edit in between, or without.

    ``edit`` is what the edit did to the configuration, ``early`` that it was made before the plan
    was shown. ``expected`` is the CIB the plan leads to.
    """

    before: _Element
    expected: _Element
    after: _Element
    said: Outcome | Exception | None = None
    shown: Plan | None = None
    edit: tuple[Change, ...] = ()
    early: bool = False
    words: str = ""


def faults(seen: Seen) -> list[str]:
    """Return everything that was lost or untrue, one sentence each."""
    return [*lost(seen), *untrue(seen)]


def lost(seen: Seen) -> Iterator[str]:
    """What somebody wrote is there in the end, unless the plan that was shown said otherwise."""
    told = {change.id for change in seen.shown.changes} if seen.shown and seen.early else set()
    now = child(lifted(seen.after), "configuration")
    for change in seen.edit:
        if change.id not in told and not still_ours(now, change):
            yield f"lost: {change.describe()}, made by: {seen.words}"


def untrue(seen: Seen) -> Iterator[str]:
    said, text = seen.said, str(seen.said)
    edited = {change.id for change in seen.edit}
    if isinstance(said, Outcome):
        done = said.committed or bool(said.plan.changes)
        goal = seen.expected if done else seen.before
        yield from differing(goal, seen, edited, "said to be applied")
        return
    standing = getattr(said, "standing", "") or unwritten(text)
    if standing == Standing.UNTOUCHED:
        yield from differing(seen.before, seen, edited, "'nothing was changed'")
        if "nothing was changed" not in text:
            yield f"does not say that nothing was changed: {text}"
    elif standing == Standing.TAKEN_BACK:
        yield from differing(seen.before, seen, edited, "'taken back'")
    elif standing == Standing.WRITTEN:
        yield from differing(seen.expected, seen, edited, "'committed and stays'", marks=True)
    elif standing == Standing.PARTLY:
        yield from unnamed(seen, text, edited)
    else:
        yield f"unknown standing {standing!r}: {text}"


def unwritten(text: str) -> str:
    return Standing.UNTOUCHED if "nothing was changed" in text else ""


def differing(
    goal: _Element, seen: Seen, edited: set[str], claim: str, *, marks: bool = False
) -> Iterator[str]:
    after = lifted(seen.after) if marks else seen.after
    wrong = {change.id for change in changes(goal, after)} - edited
    if wrong:
        yield f"untrue: {claim}, and {', '.join(sorted(wrong))} differs: {seen.said}"


def unnamed(seen: Seen, text: str, edited: set[str]) -> Iterator[str]:
    """What is left in part is named."""
    differs = changes(seen.before, lifted(seen.after))
    names = [left.about for left in leftovers(seen.after) if left.what == "hold"]
    names += [change.id for change in differs if change.id not in edited]
    for name in names:
        if name not in text and " more" not in text:
            yield f"{name} was changed, which nobody said: {text}"
