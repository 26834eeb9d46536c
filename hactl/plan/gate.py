"""What a plan needs before it may be carried out: knows the rules, asks nobody."""

from __future__ import annotations

from collections.abc import Iterator

from hactl.errors import ClusterError
from hactl.plan.plan import Plan
from hactl.simulate.effect import Effect, What

VERBS = {
    What.RESTARTS: "would restart",
    What.STOPS: "would stop",
    What.STRANDED: "would be stopped and could run nowhere",
    What.FENCED: "would be fenced",
    What.HANGS: "would hang",
    What.STAYS: "would be demoted",
    What.MIGRATES: "would be demoted",
}


class Forbidden(ClusterError):
    """The plan does something that has to be allowed explicitly."""


def refuse_edits(plan: Plan, overwrite_edits: bool) -> None:
    """Raise Forbidden if the plan undoes what somebody wrote by hand into our elements."""
    if plan.edited and not overwrite_edits:
        raise Forbidden(
            f"edited by hand since hactl last wrote it: {', '.join(plan.edited)}",
            "take the edit into the topology, or undo it with --overwrite-edits",
        )


def refuse_unfenced(plan: Plan, allowed: bool) -> None:
    """Raise Forbidden if the plan takes the last fencing of a member, or all fencing."""
    if plan.unprotected and not allowed:
        mends = "; ".join(dict.fromkeys(each.mend for each in plan.unprotected))
        raise Forbidden(
            "; ".join(str(each) for each in plan.unprotected),
            f"{mends}; or allow it with --allow-unfenced; nothing was changed",
        )


def beyond(shown: Plan, now: Plan) -> str:
    """Return what ``now`` would interrupt or undo beyond what was ``shown``, as a clause."""
    if not now.simulated:
        return now.why_not
    fenced = {f.node for f in now.fencing} - {f.node for f in shown.fencing}
    # what was shown to start has started by then, and loses nothing that it had
    coming = {e.name for e in shown.effects.all if e.what in (What.STARTS, What.STRANDED)}
    names = interrupted(now) - interrupted(shown) - coming
    undone = set(now.edited) - set(shown.edited)
    bare = [str(each) for each in now.unprotected if each not in shown.unprotected]
    said = (
        f"{', '.join(sorted(names))} would be interrupted" if names else "",
        f"{', '.join(sorted(fenced))} would be fenced" if fenced else "",
        f"what was edited by hand would be undone: {', '.join(sorted(undone))}" if undone else "",
        *bare,
    )
    return "; ".join(text for text in said if text)


def interrupted(plan: Plan) -> set[str]:
    return {effect.name for effect in (*plan.disruptive, *plan.later.interrupted)}


def refuse_harm(plan: Plan) -> None:
    """Raise Forbidden if a plan that is to disturb nobody would, or if nobody knows."""
    harm = disruption(plan) if plan.simulated else plan.why_not
    if harm:
        raise Forbidden(harm)


def disruption(plan: Plan) -> str:
    """Return what the plan interrupts, as a clause, or nothing if it interrupts nothing.

    Everything is named: what is not read cannot be agreed to.
    """
    return "; ".join(interruptions(plan))


def interruptions(plan: Plan) -> Iterator[str]:
    for fencing in plan.fencing:
        yield f"{fencing.node} would be fenced"
    yield from clauses(plan.disruptive)
    yield from map(str, plan.undermined)
    for clause in clauses(plan.later.interrupted):
        yield f"{clause} when maintenance ends"


def clauses(effects: tuple[Effect, ...]) -> Iterator[str]:
    for what, verb in VERBS.items():
        names = sorted({effect.name for effect in effects if effect.what is what})
        if names:
            yield f"{', '.join(names)} {verb}"
