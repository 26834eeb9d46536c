"""What stands on what, as the constraints of a CIB have it: reads, judges nothing.

Something stands on what it is ordered after and has to be placed with. Constraints with resource
sets are not hactl's and not read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise

from lxml.etree import _Element

from hactl.model.constraint import INFINITY
from hactl.model.score import MUST, effective

START, STOP = "start", "stop"


def foundations(configuration: _Element) -> dict[str, dict[str, bool]]:
    """Return for each primitive those it stands on directly, and whether it restarts with them."""
    parts = dict(primitives(configuration))
    places = placed_with(configuration, parts)
    found: dict[str, dict[str, bool]] = {}
    for upper, lower, firm in (*ordered(configuration, parts), *in_groups(configuration)):
        if lower in met(places, upper):
            own = found.setdefault(upper, {})
            own[lower] = own.get(lower, False) or firm
    return found


def primitives(configuration: _Element) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield every resource that a constraint may name, with the primitives it is made of."""
    for part in configuration.iterfind("resources//*"):
        if part.tag in ("primitive", "group", "clone", "master", "bundle"):
            yield part.get("id", ""), tuple(p.get("id", "") for p in part.iter("primitive"))


def ordered(
    configuration: _Element, parts: Mapping[str, tuple[str, ...]]
) -> Iterator[tuple[str, str, bool]]:
    """Yield upper and lower of each order: the upper starts after it, or stops before it.

    And whether the upper cannot do without: the order is a must, and of starts.
    """
    for order in configuration.iterfind("constraints/rsc_order[@first]"):
        first, then = order.get("first", ""), order.get("then", "")
        action = order.get("first-action", START)
        if action != order.get("then-action", action) or action not in (START, STOP):
            continue
        upper, lower = (first, then) if action == STOP else (then, first)
        firm = action == START and order.get("kind", "Mandatory") == "Mandatory"
        yield from ((u, low, firm) for u in parts.get(upper, ()) for low in parts.get(lower, ()))


def in_groups(configuration: _Element) -> Iterator[tuple[str, str, bool]]:
    for group in configuration.iterfind("resources//group"):
        for lower, upper in pairwise(group.iterchildren("primitive")):
            yield upper.get("id", ""), lower.get("id", ""), True


def placed_with(
    configuration: _Element, parts: Mapping[str, tuple[str, ...]]
) -> dict[str, set[str]]:
    """Return for each primitive those on whose nodes it has to be."""
    found: dict[str, set[str]] = {}
    for colocation in configuration.iterfind("constraints/rsc_colocation[@rsc]"):
        if effective(colocation.get("score", MUST)) >= INFINITY:
            for one in parts.get(colocation.get("rsc", ""), ()):
                found.setdefault(one, set()).update(parts.get(colocation.get("with-rsc", ""), ()))
    for members in configuration.iterfind("resources//group"):
        own = [each.get("id", "") for each in members.iterchildren("primitive")]
        for one in own:
            found.setdefault(one, set()).update(own)
    return found


def met(places: Mapping[str, set[str]], name: str) -> set[str]:
    """Return all that is on every node of ``name``."""
    found, todo = {name}, [name]
    while todo:
        new = places.get(todo.pop(), set()) - found
        found |= new
        todo += new
    return found
