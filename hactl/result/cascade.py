"""A commit of ours that takes one node after the other: seen at its first sign, while it waits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lxml.etree import _Element

from hactl.cib.history import PENDING, records
from hactl.plan.change import Change, Update
from hactl.plan.stuck import severe
from hactl.plan.trial import fences
from hactl.result.blame import primitives
from hactl.result.compare import Difference
from hactl.result.conclusion import NotAsPredicted

MIGRATES = frozenset({"migrate_to", "migrate_from"})


@dataclass(frozen=True)
class Alarm:
    """Raises NotAsPredicted once what ``changes`` made different takes its node, since ``before``.

    It did not stop, or failed where the topology says that its node is to be fenced or put into
    standby for it; where it is started next that may happen again. What is new is on trial and
    takes nobody. Nothing is done while something migrates: it might run twice.
    """

    before: _Element
    changes: Sequence[Change]

    def __call__(self, cib: _Element) -> None:
        found = sorted(self.sign(cib))
        if found and fences(cib) and not migrating(cib):
            raise NotAsPredicted([difference(*each) for each in found])

    def sign(self, cib: _Element) -> set[tuple[str, str, str]]:
        changed = [change for change in self.changes if isinstance(change, Update)]
        ours = {name for change in changed for name in primitives(change)}
        new = severe(cib) - severe(self.before)
        return {failure for failure in new if failure[0] in ours}


def difference(name: str, node: str, operation: str) -> Difference:
    text = f"{operation} failed on {node}, which is fenced or put into standby for it"
    if operation == "stop":
        text = f"did not stop on {node}, which is fenced for it"
    return Difference(name, text, grave=True)


def migrating(cib: _Element) -> bool:
    return any(
        record.get("operation") in MIGRATES and record.get("op-status") == PENDING
        for _, _, record in records(cib)
    )
