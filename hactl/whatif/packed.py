"""A verdict as text to be kept, and back: only what was asked of the scheduler, no secret."""

from __future__ import annotations

import json
from dataclasses import asdict

from hactl.simulate.effect import What
from hactl.whatif.fate import Fate
from hactl.whatif.loss import Loss
from hactl.whatif.quorum import Count
from hactl.whatif.verdict import Room, Verdict

FORMAT = 1


def packed(verdict: Verdict) -> str:
    """Return what was found out, without the loss it is about."""
    return json.dumps({
        "format": FORMAT,
        "hangs": dict(verdict.hangs),
        "fenced": list(verdict.fenced),
        "fates": [asdict(fate) for fate in verdict.fates],
        "staying": verdict.staying,
        "rooms": [asdict(room) for room in verdict.rooms],
        "settled": verdict.settled,
    })  # fmt: skip


def unpacked(text: str, loss: Loss, count: Count) -> Verdict | None:
    """Return a verdict that was kept; None where the text is not one."""
    try:
        found = json.loads(text)
        if found["format"] != FORMAT:
            return None
        return Verdict(
            loss=loss,
            count=count,
            hangs=found["hangs"],
            fenced=tuple(found["fenced"]),
            fates=tuple(Fate(**{**fate, "what": What(fate["what"])}) for fate in found["fates"]),
            staying=found["staying"],
            rooms=tuple(Room(**room) for room in found["rooms"]),
            settled=found["settled"],
        )
    except (ValueError, KeyError, TypeError):
        return None
