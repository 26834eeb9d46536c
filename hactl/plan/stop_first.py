"""What goes is stopped before it is removed: says what that is, and makes the step before.

Pacemaker stops a resource that is no longer configured at once, in no order: its orders went with
it. So the resources that a plan removes are first given target-role=Stopped, in a configuration
that still holds their orders, as `pcs resource delete` does for one of them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from copy import deepcopy

from lxml import etree
from lxml.etree import _Element

from hactl.cib.merge import child
from hactl.cib.references import named_by
from hactl.plan.change import Change, Delete
from hactl.plan.plan import Plan, Planned, foreseen
from hactl.simulate.effect import GONE, INTERRUPTED
from hactl.simulate.scheduler import Run


def retirement(shown: Planned, runner: Run) -> Planned | None:
    """Return the step that stops, in order, what ``shown`` removes; None if none of it runs."""
    going = leaving(shown)
    return foreseen(shown.live, retired(shown, going), runner) if going else None


def leaving(shown: Planned) -> tuple[str, ...]:
    """Return the resources that are removed as a whole and that would be stopped."""
    kept = {element.get("id") for element in primitives(shown.merged)}
    stopped = {e.primitive for e in shown.plan.effects.all if e.what in GONE and e.source}
    removed = {change.id for change in shown.plan.changes if isinstance(change, Delete)}
    return tuple(
        unit.get("id", "")
        for unit in child(shown.live, "configuration").iterfind("resources/*")
        if unit.get("id") in removed and goes(unit, kept, stopped)
    )


def goes(unit: _Element, kept: Collection[str | None], stopped: Collection[str]) -> bool:
    """Whether nothing of a resource stays; a device that fences has no order to lose."""
    own = [primitive for primitive in unit.iter("primitive") if primitive.get("class") != "stonith"]
    names = {primitive.get("id", "") for primitive in own}
    return bool(names & set(stopped)) and not names & set(kept)


def retired(shown: Planned, going: Collection[str]) -> _Element:
    """Return the live CIB with ``going`` told to stop, and what stays untouched by that."""
    cib = deepcopy(shown.live)
    configuration = child(cib, "configuration")
    parts = {
        part.get("id", ""): unit.get("id", "")
        for unit in configuration.iterfind("resources/*")
        for part in unit.iter("primitive", "group", "clone", "bundle")
    }
    interrupted = {e.primitive for e in shown.plan.effects.all if e.what in INTERRUPTED}
    moving = {*going, *(parts[name] for name in interrupted if name in parts)}
    for unit in configuration.iterfind("resources/*"):
        if unit.get("id") in going:
            stop(unit)
    for constraint in list(child(configuration, "constraints")):
        named = {parts.get(name, name) for name in referred(constraint)}
        if named & set(going) and not named <= moving:
            child(configuration, "constraints").remove(constraint)
    return cib


def stop(unit: _Element) -> None:
    """Give a resource the target-role that `pcs resource disable` would."""
    name = f"{unit.get('id')}-meta_attributes"
    pairs = unit.findall("meta_attributes/nvpair[@name='target-role']")
    for pair in pairs:
        pair.set("value", "Stopped")
    if pairs:
        return
    own = next((each for each in unit.iterfind("meta_attributes") if each.get("id") == name), None)
    if own is None:
        own = etree.Element("meta_attributes", id=name)
        unit.insert(0, own)
    etree.SubElement(own, "nvpair", id=f"{name}-target-role", name="target-role", value="Stopped")


def referred(constraint: _Element) -> Iterator[str]:
    for element in constraint.iter("*"):
        yield from named_by(element)


def primitives(cib: _Element) -> Iterator[_Element]:
    for unit in child(cib, "configuration").iterfind("resources/*"):
        yield from unit.iter("primitive")


def continues(shown: Plan, now: Plan) -> bool:
    """Whether ``now``, made after the retirement, is the rest of ``shown`` and no more."""
    names = {effect.name for effect in shown.disruptive}
    more = [effect for effect in now.disruptive if effect.name not in names]
    left = {goal(change) for change in now.changes}
    missing = {goal(change) for change in shown.changes} - left
    only_removals = all(what is Delete for what, *_ in missing)
    return not more and left <= {goal(change) for change in shown.changes} and only_removals


def goal(change: Change) -> tuple[type[Change], str, str, bytes]:
    after = b"" if isinstance(change, Delete) else change.after
    return type(change), change.place.section, change.id, after
