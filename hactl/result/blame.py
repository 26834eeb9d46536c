"""What was foreseen against what came, and whose doing a fencing was."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from lxml import etree

from hactl.cib.history import Failure
from hactl.plan.change import Change, Create, Delete
from hactl.plan.plan import Plan
from hactl.result.compare import Difference, Observation, differences


def compared(plan: Plan, seen: Observation) -> tuple[Difference, ...]:
    fencing = tuple(fencing.node for fencing in plan.fencing)
    return differences(plan.effects.all, fencing, seen)


def others_fencing(
    fenced: Sequence[str], failed: Collection[Failure], changes: Sequence[Change]
) -> tuple[str, ...]:
    """Return the nodes whose fencing none of our ``changes`` explains.

    Ours it is where something that we changed was seen to fail on that node before.
    """
    touched = {name for change in changes for name in primitives(change)}
    ours = {failure.node for failure in failed if failure.resource in touched}
    return tuple(node for node in fenced if node not in ours)


def primitives(change: Change) -> set[str]:
    """Return the primitives that a change is about."""
    bodies = [] if isinstance(change, Create) else [change.before]
    bodies += [] if isinstance(change, Delete) else [change.after]
    trees = (etree.fromstring(body) for body in bodies)
    return {found.get("id", "") for tree in trees for found in tree.iter("primitive")}
