"""What an import found, for people: what would change, what stays, what is left where it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hactl.plan.change import Change
from hactl.plan.plan import Plan
from hactl.report.effects import fates

MOST = 20


def text(plan: Plan, changes: Sequence[Change], left: Sequence[str]) -> str:
    """Return the account of an import; ``changes`` are those beside marks of ownership."""
    return "".join(f"{line}\n" for line in lines(plan, changes, left))


def lines(plan: Plan, changes: Sequence[Change], left: Sequence[str]) -> Iterator[str]:
    for each in left[:MOST]:
        yield f"left in the cluster as it is: {each}"
    if len(left) > MOST:
        yield f"and {len(left) - MOST} more, all named in the file"
    for change in changes:
        yield f"would change on apply: {change.describe()}"
    if not plan.simulated:
        yield f"Not proven, as the scheduler gave no answer: {plan.why_not}"
    elif changes:
        yield f"Not the same: guests and resources on apply: {fates(plan.effects.all)}."
    else:
        yield "Proven: merged into the same CIB it changes nothing but marks of ownership."
