"""What others did meanwhile against what is left to do: finds where they meet, decides nothing."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy

from lxml import etree
from lxml.etree import _Element

from hactl.cib.canonical import canonical
from hactl.cib.merge import child
from hactl.plan.change import Change, Create, Delete
from hactl.plan.diff import changes
from hactl.plan.plan import Planned

Goal = tuple[str, str, str, bytes, bytes]


def conflicts(
    known: _Element, now: Planned, anew: Callable[[_Element], Planned]
) -> tuple[str, ...]:
    """Return the ids of what others changed since ``known`` and ``now`` would change, or undo.

    ``known`` is the ``<cib>`` as it was last seen or written by us, ``now`` the plan made from the
    CIB as it is, ``anew`` plans. Nothing where what is left to do is the same with their changes
    and without: then theirs stay.
    """
    if not changes(known, now.live):
        return ()
    as_known = deepcopy(now.live)
    as_known.replace(child(as_known, "configuration"), deepcopy(child(known, "configuration")))
    meant, left = goals(anew(as_known)), goals(now)
    return tuple(sorted({id_ for _, _, id_, _, _ in meant ^ left}))


def goals(plan: Planned) -> set[Goal]:
    return {goal(change) for change in plan.plan.changes}


def goal(change: Change) -> Goal:
    before = b"" if isinstance(change, Create) else spelled(change.before)
    after = b"" if isinstance(change, Delete) else spelled(change.after)
    return change.place.section, change.place.holder, change.id, before, after


def spelled(element: bytes) -> bytes:
    return canonical(etree.fromstring(element))
