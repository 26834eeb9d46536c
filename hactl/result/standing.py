"""What an apply has left in the CIB, told from the CIBs that were seen: writes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from lxml import etree
from lxml.etree import _Element

from hactl.cib.merge import child
from hactl.cib.temporary import PREFIX, leftovers, lifted
from hactl.plan.change import Change, Create, Delete, combined, reverse
from hactl.plan.plan import Planned
from hactl.plan.revert import still_ours
from hactl.plan.stages import Stage
from hactl.result.record import Record

NAMED = 5


class Standing(StrEnum):
    """How the configuration stands after an apply that did not come to its end."""

    UNTOUCHED = "untouched"
    TAKEN_BACK = "taken back"
    PARTLY = "partly"
    WRITTEN = "written"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Written:
    """A commit that was made, or perhaps made: ``sure`` once the cluster has said so."""

    stage: Stage
    step: Planned
    record: Record
    sure: bool = True

    def arrived(self, now: _Element) -> bool:
        """Whether ``now`` shows that it was made; that somebody took it back at once counts not."""
        there = child(now, "configuration")
        return any(still_ours(there, change) for change in self.step.plan.changes)


@dataclass(frozen=True)
class Told:
    """What there is to say: a clause for the operator, computed."""

    standing: Standing
    text: str

    def __str__(self) -> str:
        return self.text


def net(written: Sequence[Written]) -> tuple[Change, ...]:
    """Return what all that was written comes to, without what others did in between.

    What is there for a moment does not count: an apply that is taken back does not put back what
    another one had left behind.
    """
    found = combined(one.step.plan.changes for one in written)
    return tuple(unmarked(change) for change in found if not change.id.startswith(PREFIX))


def unmarked(change: Change) -> Change:
    """Return a change from what was there but for what was written for a moment."""
    return change if isinstance(change, Create) else replace(change, before=plain(change.before))


def plainly(change: Change) -> Change:
    """Return a change without what is written for a moment, before and after."""
    change = unmarked(change)
    return change if isinstance(change, Delete) else replace(change, after=plain(change.after))


def plain(element: bytes) -> bytes:
    if PREFIX.encode() not in element:
        return element
    cib = etree.fromstring(b"<cib><configuration/></cib>")
    cib[0].append(etree.fromstring(element))
    return etree.tostring(lifted(cib)[0][0])


def standing_of(written: Sequence[Written], now: _Element | None, apply: str) -> Told:
    """Return how ``now``, the CIB as it is, stands to what was ``written``.

    ``now`` is None where nobody could look.
    """
    if not written:
        return Told(Standing.UNTOUCHED, "nothing was changed")
    if now is None or not all(one.sure for one in written):
        return unseen(written)
    ours = [plainly(change) for change in net(written)]
    configuration = child(lifted(now), "configuration")
    there = [change for change in ours if still_ours(configuration, change)]
    back = [change for change in reverse(ours) if still_ours(configuration, change)]
    held = [left.about for left in leftovers(now) if left.what == "hold" and left.apply == apply]
    if len(back) == len(ours) and not held:
        return Told(Standing.TAKEN_BACK, "all that was written has been taken back")
    way_back = f"the configuration before is in {written[0].record.cib}"
    if any(one.stage.whole for one in written) and len(there) == len(ours) and not held:
        return Told(Standing.WRITTEN, f"the configuration is committed and stays; {way_back}")
    return Told(Standing.PARTLY, f"{partly(held, there, ours, apply)}; {way_back}")


def unseen(written: Sequence[Written]) -> Told:
    if not all(one.sure for one in written):
        text = (
            "whether it was written is not known: it was sent, and had not arrived when we looked"
        )
    else:
        text = f"so far written: {', '.join(one.stage.doing for one in written)}"
    return Told(Standing.UNKNOWN, f"{text}; the configuration before is in {written[0].record.cib}")


def partly(held: Sequence[str], there: Sequence[Change], ours: Sequence[Change], apply: str) -> str:
    """Return which part of ``ours`` is ``there``, and which is not."""
    rest = [change.id for change in there if apply not in change.id]
    said = []
    if held:
        said.append(f"{named(held)} kept from running (`hactl mend`, or the next apply, lifts it)")
    if rest:
        said.append(f"written: {named(rest)}")
    if len(there) < len(ours):
        gone = {change.id for change in ours} - {change.id for change in there}
        said.append(f"not as we wrote it: {named(sorted(gone))}")
    return f"so far {', '.join(said)}"


def named(ids: Sequence[str]) -> str:
    more = f" and {len(ids) - NAMED} more" if len(ids) > NAMED else ""
    return f"{', '.join(ids[:NAMED])}{more}"
