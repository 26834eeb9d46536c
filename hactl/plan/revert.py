"""Takes a commit back, if that heals more than it hurts: says why where it does not.

Taking back configuration does not take back what has already happened. It is left alone while
anything is under way, after a fencing of another cause, when somebody has changed the same things
since, and when it would interrupt something the commit did not touch.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from copy import deepcopy

from lxml import etree
from lxml.etree import _Element

from hactl.cib.canonical import canonical
from hactl.cib.merge import child
from hactl.plan.change import Change, Delete, carried_out, found, identity, reverse, siblings
from hactl.plan.effects import Effects, effects
from hactl.plan.gate import VERBS
from hactl.simulate.scheduler import Run, simulate


class NotReverted(Exception):
    """The commit stays, for the reason given."""


def reverted(
    now: _Element,
    changes: Sequence[Change],
    runner: Run,
    tidy: Callable[[_Element], _Element] = lambda cib: cib,
) -> _Element:
    """Return the CIB ``now`` with ``changes`` undone, ``tidy``, and what others did since kept.

    Raises NotReverted where undoing is impossible or would do harm.
    """
    configuration = child(now, "configuration")
    for change in changes:
        if not still_ours(configuration, change):
            raise NotReverted(f"{change.id} has been changed by somebody else since")
    back = deepcopy(now)
    back.replace(child(back, "configuration"), carried_out(configuration, reverse(changes)))
    back = tidy(back)
    foreseen = simulate(back, runner)
    lost = (
        frozenset(each.node for each in simulate(now, runner).fencing) if foreseen.fencing else ()
    )
    for fencing in foreseen.fencing:
        if fencing.node not in lost:
            raise NotReverted(f"{fencing.node} would be fenced")
    refuse_harm(effects(foreseen, now, back, reverse(changes)), changes, lost)
    return back


def still_ours(configuration: _Element, change: Change) -> bool:
    if isinstance(change, Delete):
        return not any(
            identity(element) == change.id for element in siblings(configuration, change.place)
        )
    try:
        there = found(configuration, change)
    except LookupError:
        return False
    return canonical(there) == canonical(etree.fromstring(change.after))


def refuse_harm(foreseen: Effects, changes: Sequence[Change], lost: Collection[str] = ()) -> None:
    """Raise NotReverted for what is interrupted, but on nodes that are ``lost`` anyway."""
    touched = {change.id for change in changes}
    for effect in foreseen.disruptive:
        if effect.unit not in touched and effect.source not in lost:
            raise NotReverted(f"{effect.name} {VERBS[effect.what]} on {effect.source}")
