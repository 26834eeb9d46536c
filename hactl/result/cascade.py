"""A commit of ours that takes one node after the other: seen at its first sign, while it waits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lxml.etree import _Element

from hactl.cib.history import PENDING, failed_stops, records
from hactl.cib.temporary import trials
from hactl.plan.change import Change, Update
from hactl.plan.trial import fences
from hactl.result.blame import primitives
from hactl.result.compare import Difference
from hactl.result.conclusion import NotAsPredicted

MIGRATES = frozenset({"migrate_to", "migrate_from"})


@dataclass(frozen=True)
class Alarm:
    """Raises NotAsPredicted once what ``changes`` made different did not stop, since ``before``.

    Its node is fenced for that, and where it is started next it may not stop either. What is new
    is on trial and fences nobody. Nothing is done while something migrates: it might run twice.
    """

    before: _Element
    changes: Sequence[Change]

    def __call__(self, cib: _Element) -> None:
        found = sorted(self.sign(cib))
        if found and fences(cib) and not migrating(cib):
            raise NotAsPredicted(
                [
                    Difference(name, f"did not stop on {node}, which is fenced for it", grave=True)
                    for name, node in found
                ]
            )

    def sign(self, cib: _Element) -> set[tuple[str, str]]:
        changed = [change for change in self.changes if isinstance(change, Update)]
        ours = {name for change in changed for name in primitives(change)}
        ours -= {name for name, _ in trials(cib)}
        new = failed_stops(cib) - failed_stops(self.before)
        return {(name, node) for name, node in new if name in ours}


def migrating(cib: _Element) -> bool:
    return any(
        record.get("operation") in MIGRATES and record.get("op-status") == PENDING
        for _, _, record in records(cib)
    )
