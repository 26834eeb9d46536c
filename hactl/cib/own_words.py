"""What the id of a constraint of ours ought to be, by what the constraint now says.

An id of ours says the whole content of its constraint (`ids`). Where the two differ, somebody has
changed the content by hand; no topology is needed to see it.
"""

from __future__ import annotations

from lxml.etree import _Element

from hactl.cib.ids import constraint_id
from hactl.cib.ownership import is_ours
from hactl.model.constraint import Colocation, Location, Order, OrderKind
from hactl.model.score import score


def reworded(constraint: _Element) -> bool:
    """Whether a constraint of ours no longer says what its id says; False where nobody can tell."""
    if not is_ours(constraint) or len(constraint):
        return False
    try:
        known = READERS[str(constraint.tag)](constraint)
    except (KeyError, ValueError):
        return str(constraint.tag) in READERS
    return constraint_id(known) != constraint.get("id")


def order(element: _Element) -> Order:
    return Order(
        element.get("first", ""),
        element.get("then", ""),
        OrderKind(element.get("kind", OrderKind.MANDATORY.value)),
        element.get("first-action", "start"),
        element.get("then-action", "start"),
        symmetrical=element.get("symmetrical", "true") != "false",
    )


def colocation(element: _Element) -> Colocation:
    return Colocation(
        element.get("rsc", ""),
        element.get("with-rsc", ""),
        score(element.get("score", "")),
        element.get("rsc-role", ""),
        element.get("with-rsc-role", ""),
        influence=element.get("influence", "true") != "false",
    )


def location(element: _Element) -> Location:
    return Location(
        element.get("rsc", ""), element.get("node", ""), score(element.get("score", ""))
    )


READERS = {"rsc_order": order, "rsc_colocation": colocation, "rsc_location": location}
