"""What goes is stopped before it is removed: says what that is, and makes the step before.

Pacemaker stops a resource that is no longer configured at once, in no order: its orders went with
it. So the resources that a plan removes are first kept from running (`hactl.cib.temporary`), in a
configuration that still holds their orders, much as `pcs resource delete` does for one of them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from copy import deepcopy

from lxml.etree import _Element

from hactl.cib.merge import child
from hactl.cib.read import all_primitives
from hactl.cib.references import named_by
from hactl.cib.temporary import hold
from hactl.plan.change import Delete
from hactl.plan.plan import Planned
from hactl.simulate.effect import INTERRUPTED

STOPPING = frozenset({"stop", "restart", "move", "recover", "migrate"})


def stopped_first(rest: Planned, apply: str) -> _Element:
    """Return the live CIB with what ``rest`` removes kept from running; itself if none of it runs.

    What does not run is kept from it as well: it would start where something else makes room.
    """
    going = leaving(rest)
    stops = {action.resource for action in rest.transition.actions if action.verb in STOPPING}
    if not any(names(unit) & stops for unit in going):
        return rest.live
    cib = loosened(rest, {unit.get("id", "") for unit in going})
    hold(cib, [unit.get("id", "") for unit in going], apply)
    return cib


def leaving(rest: Planned) -> tuple[_Element, ...]:
    """Return the resources, and members of groups that stay, that ``rest`` removes.

    A device that fences has no order to lose. What stays the same primitive under another unit is
    among them: a clone becomes a plain resource.
    """
    removed = {change.id for change in rest.plan.changes if isinstance(change, Delete)}
    kept = {element.get("id", "") for element in all_primitives(rest.merged)}
    moving = interrupted(rest)
    return tuple(
        part
        for unit in child(rest.live, "configuration").iterfind("resources/*")
        if names(unit)
        for part in (
            [unit]
            if unit.get("id") in removed or not names(unit) & kept
            else last_members(unit, kept, moving)
        )
    )


def last_members(group: _Element, kept: Collection[str], moving: Collection[str]) -> list[_Element]:
    """Return the members that leave a group, but for those on which one that stays stands."""
    found: list[_Element] = []
    if group.tag != "group":
        return found
    for member in reversed(list(group.iterchildren("primitive"))):
        name = member.get("id", "")
        if name not in kept:
            found.append(member)
        elif name not in moving:
            break
    return found


def names(unit: _Element) -> set[str]:
    """Return the primitives of a unit that have an order to lose."""
    own = (primitive for primitive in unit.iter("primitive") if primitive.get("class") != "stonith")
    return {primitive.get("id", "") for primitive in own}


def interrupted(rest: Planned) -> set[str]:
    return {e.primitive for e in rest.plan.effects.all if e.what in INTERRUPTED}


def loosened(rest: Planned, going: Collection[str]) -> _Element:
    """Return the live CIB without what would make something that stays stop with what goes."""
    cib = deepcopy(rest.live)
    configuration = child(cib, "configuration")
    parts = {
        part.get("id", ""): unit.get("id", "")
        for unit in configuration.iterfind("resources/*")
        for part in unit.iter("primitive", "group", "clone", "bundle")
    }
    moving = {*going, *(parts[name] for name in interrupted(rest) if name in parts)}
    for constraint in list(child(configuration, "constraints")):
        named = {name if name in going else parts.get(name, name) for name in referred(constraint)}
        if named & set(going) and not named <= moving:
            child(configuration, "constraints").remove(constraint)
    return cib


def referred(constraint: _Element) -> Iterator[str]:
    for element in constraint.iter("*"):
        yield from named_by(element)
