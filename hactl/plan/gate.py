"""What a plan needs before it may be carried out: knows the rules, asks nobody."""

from __future__ import annotations

from collections.abc import Iterator

from hactl.errors import ClusterError
from hactl.plan.effects import What
from hactl.plan.plan import Plan

VERBS = {What.RESTART: "restart", What.STOP: "stop", What.FENCE: "be fenced"}
NAMED = 5


class Forbidden(ClusterError):
    """The plan does something that has to be allowed explicitly."""


def refuse_edits(plan: Plan, overwrite_edits: bool) -> None:
    """Raise Forbidden if the plan undoes what somebody wrote by hand into our elements."""
    if plan.edited and not overwrite_edits:
        raise Forbidden(
            f"edited by hand since hactl last wrote it: {', '.join(plan.edited)}",
            "take the edit into the topology, or undo it with --overwrite-edits",
        )


def disruption(plan: Plan) -> str:
    """Return what the plan interrupts, as a clause, or nothing if it interrupts nothing."""
    return "; ".join(interruptions(plan))


def interruptions(plan: Plan) -> Iterator[str]:
    for fencing in plan.fencing:
        yield f"{fencing.node} would be fenced"
    for what, verb in VERBS.items():
        names = sorted({effect.name for effect in plan.disruptive if effect.what is what})
        if names:
            more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
            yield f"{', '.join(names[:NAMED])}{more} would {verb}"
