"""What happens to each guest and other resource: a transition in an operator's words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from lxml.etree import _Element

from hactl.cib.ownership import kind_of
from hactl.plan.change import Change
from hactl.plan.reasons import Reasons
from hactl.simulate.transition import Action, Transition

GUESTS = frozenset({"guest", "container"})
# A bridge that restarts or a fencing device that moves disturbs nobody by itself; what it does to
# the guests on it is predicted for each guest.
UNDISTURBING = frozenset({"network", "storage", "fencing"})


class What(StrEnum):
    NONE = "none"
    START = "start"
    STOP = "stop"
    RESTART = "restart"
    MIGRATE = "migrate"
    FENCE = "fence"


# From the harmless to the grave: of several things that happen to one guest the gravest counts.
GRAVITY = (What.NONE, What.START, What.MIGRATE, What.RESTART, What.STOP, What.FENCE)
VERBS = {
    "start": What.START,
    "stop": What.STOP,
    "migrate": What.MIGRATE,
    "move": What.RESTART,
    "restart": What.RESTART,
    "recover": What.RESTART,
}


@dataclass(frozen=True, slots=True)
class Effect:
    """What happens to ``name``: from one node to another, either empty where it does not run.

    ``name`` is what the operator calls it, ``primitive`` the part of it that is acted upon.
    """

    name: str
    primitive: str
    kind: str
    what: What
    source: str = ""
    target: str = ""
    why: str = ""
    foreign: bool = False

    @property
    def disruptive(self) -> bool:
        """Whether something that runs and has users is interrupted."""
        grave = self.what in (What.RESTART, What.STOP, What.FENCE)
        return grave and bool(self.source) and self.kind not in UNDISTURBING


@dataclass(frozen=True, slots=True)
class Effects:
    """Every guest and container, and those other resources to which something happens."""

    guests: tuple[Effect, ...]
    resources: tuple[Effect, ...]

    @property
    def all(self) -> tuple[Effect, ...]:
        return self.guests + self.resources

    @property
    def disruptive(self) -> tuple[Effect, ...]:
        return tuple(effect for effect in self.all if effect.disruptive)


def effects(
    transition: Transition, live: _Element, merged: _Element, changes: Sequence[Change]
) -> Effects:
    """Return what ``transition`` does when ``live`` becomes ``merged`` by ``changes``."""
    reasons = Reasons(live, merged, changes, transition)
    changed = {change.id for change in changes}
    guests: list[Effect] = []
    resources: list[Effect] = []
    for unit in top_level(live, merged):
        found = list(of_unit(unit, transition, reasons))
        if kind_of(unit) in GUESTS:
            guests.append(gravest(unit, found))
        else:
            ours = unit.get("id") in changed
            resources += [e for e in found if e.what is not What.NONE or (ours and e.why)]
    return Effects(tuple(sorted(guests, key=by_name)), tuple(sorted(resources, key=by_name)))


def by_name(effect: Effect) -> tuple[str, str, str]:
    return effect.name, effect.source, effect.target


def top_level(live: _Element, merged: _Element) -> list[_Element]:
    """Return every resource that is or will be, as it will be where it stays."""
    new = {unit.get("id"): unit for unit in merged.iterfind("configuration/resources/*")}
    old = live.iterfind("configuration/resources/*")
    gone = [unit for unit in old if unit.get("id") not in new]
    return [unit for unit in (*new.values(), *gone) if unit.tag != "template"]


def of_unit(unit: _Element, transition: Transition, reasons: Reasons) -> Iterator[Effect]:
    kind = kind_of(unit) or "resource"
    for name in primitives(unit, transition):
        for effect in of_primitive(name, kind, transition, reasons):
            yield replace(effect, foreign=kind_of(unit) is None)


def primitives(unit: _Element, transition: Transition) -> list[str]:
    """Return the primitives of a resource, with those Pacemaker makes for a bundle itself."""
    named = [primitive.get("id", "") for primitive in unit.iter("primitive")]
    if unit.tag == "bundle":
        prefix = f"{unit.get('id')}-"
        named += [name for name in transition.resources if name.startswith(prefix)]
    return list(dict.fromkeys(named))


def of_primitive(
    name: str, kind: str, transition: Transition, reasons: Reasons
) -> Iterator[Effect]:
    """Yield one effect for each instance something happens to, or one that says "none"."""
    fenced = {fencing.node: fencing for fencing in transition.fencing}
    seen = set()
    for action in transition.of(name):
        effect = of_action(action, kind, reasons)
        if effect.source in fenced:
            reason = f"{effect.source} is fenced: {fenced[effect.source].reason}"
            effect = replace(effect, what=What.FENCE, why=reason)
        seen.add(effect.source)
        yield effect
    for node in transition.running(name) or ("",):
        if node in seen:
            continue
        if node in fenced:
            reason = f"{node} is fenced: {fenced[node].reason}"
            yield Effect(name, name, kind, What.FENCE, node, why=reason)
        elif not seen:
            yield Effect(name, name, kind, What.NONE, node, node, reasons.of_rest(name))


def of_action(action: Action, kind: str, reasons: Reasons) -> Effect:
    what = What.NONE if action.blocked else VERBS.get(action.verb, What.NONE)
    why = reasons.of(action)
    name, source, target = action.resource, action.source, action.target
    if action.blocked:
        return Effect(name, name, kind, what, source, source, f"cannot {action.verb}: {why}")
    if action.verb in ("promote", "demote", "reload"):
        return Effect(name, name, kind, what, source, source, f"{action.verb}s: {why}")
    if what is What.RESTART:
        target = target or source
    return Effect(name, name, kind, what, source, target, why)


def gravest(unit: _Element, found: Sequence[Effect]) -> Effect:
    """Return one effect for a guest that may be made of several primitives."""
    worst = max(found, key=lambda effect: GRAVITY.index(effect.what))
    return replace(worst, name=unit.get("id", ""))
