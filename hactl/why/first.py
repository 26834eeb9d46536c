"""Why something runs nowhere, in one sentence: for those who tell of many things."""

from __future__ import annotations

from lxml.etree import _Element

from hactl.simulate.cause import Cause, Kind, cause
from hactl.simulate.scheduler import CannotSimulate, Run
from hactl.simulate.transition import Transition
from hactl.why.answer import Answer, Asking

NAMED = 3


def first_cause(cib: _Element, unit: str, seen: Transition, runner: Run) -> Cause:
    """Return why ``unit`` runs nowhere after ``seen``, which follows from ``cib``.

    Where no single thing is proven to keep it, what keeps it from each node is told.
    """
    found = cause(cib, unit, seen, runner)
    if found.kind is not Kind.UNKNOWN:
        return found
    try:
        answer = Asking(cib, unit, runner).answer()
    except CannotSimulate:
        return found
    clauses = proven(answer)
    if answer.on or not clauses:
        return found
    more = f" and {len(clauses) - NAMED} more" if len(clauses) > NAMED else ""
    hint = " and ".join(answer.ways[0].commands) if answer.ways else ""
    return Cause(Kind.SEVERAL, "; ".join(clauses[:NAMED]) + more, hint)


def proven(answer: Answer) -> list[str]:
    """Return what is proven to keep it away: what holds everywhere first."""
    told = [each for at in answer.nodes if at.proven for each in at.blockers]
    everywhere = [each.text for each in told if not each.node]
    return list(dict.fromkeys([*everywhere, *(f"{e.node}: {e.text}" for e in told if e.node)]))
