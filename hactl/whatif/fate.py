"""What a loss does to each resource as its users know it: effects on primitives, put together."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from hactl.cib.foundations import foundations
from hactl.cib.merge import child
from hactl.simulate.effect import Effect, What
from hactl.simulate.losses import devices
from hactl.simulate.outcome import outcome
from hactl.simulate.places import Places
from hactl.simulate.transition import Transition
from hactl.whatif.loss import Loss
from hactl.whatif.scene import Scene

# From what nobody notices to what does not come back.
ORDER = (
    What.STAYS,
    What.STARTS,
    What.MIGRATES,
    What.RESTARTS,
    What.FENCED,
    What.STOPS,
    What.STRANDED,
    What.HANGS,
)
DOWN = frozenset({What.STOPS, What.STRANDED, What.HANGS})
CLONES = ("clone", "master")
# Its lock space stands still, on every node, until a lost member has been fenced.
LOCKS = "controld"


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of ``name``, a top-level resource; ``fenced`` with a target: it comes back.

    ``parts`` of it are down where it is a group of several.
    """

    name: str
    kind: str
    what: What
    source: str = ""
    target: str = ""
    why: str = ""
    demoted: bool = False

    @property
    def survives(self) -> bool:
        return self.what not in DOWN


@dataclass(frozen=True)
class Fates:
    """Reads the fate of everything from the transition that a loss leads to.

    ``end`` is where everything is when the cluster has come to rest, where that is known.
    """

    scene: Scene
    loss: Loss
    seen: Transition
    end: Places | None = None

    def all(self) -> Iterator[Fate]:
        """Yield a fate for each top-level resource but fence devices, in order of names."""
        for name, effects in sorted(self.by_unit.items()):
            unit = self.units.get(name)
            inside = [e for e in effects if e.primitive.partition(":")[0] not in self.fences]
            if not inside:
                continue
            many = unit is not None and unit in CLONES
            yield self.of_clone(name, inside) if many else self.of_one(name, inside)

    @cached_property
    def by_unit(self) -> Mapping[str, list[Effect]]:
        found: dict[str, list[Effect]] = {}
        for effect in outcome(self.seen):
            unit = self.scene.owners.unit(effect.primitive.partition(":")[0])
            found.setdefault(unit, []).append(effect)
        return found

    @cached_property
    def units(self) -> Mapping[str, str]:
        found = self.scene.cib.iterfind("configuration/resources/*")
        return {each.get("id", ""): str(each.tag) for each in found}

    @cached_property
    def fences(self) -> frozenset[str]:
        return devices(self.scene.cib)

    def kind(self, effects: Iterable[Effect]) -> str:
        first = next(iter(effects)).primitive.partition(":")[0]
        return self.scene.owners.kind(first)

    def of_one(self, name: str, effects: list[Effect]) -> Fate:
        """Return what becomes of a primitive or a group: what becomes of its worst part."""
        judged = [self.judged(effect) for effect in effects]
        worst = max(judged, key=lambda effect: ORDER.index(effect.what))
        return Fate(name, self.kind(effects), *said(worst), demoted=worst.demotes)

    def judged(self, effect: Effect) -> Effect:
        """Return an effect as it ends: what found no place may find one later, or lose its own."""
        effect = self.from_lost(effect)
        what, source, target = effect.what, effect.source, effect.target
        if what is What.FENCED and not target:
            what = What.STRANDED
        if what is What.HANGS or not (source or target):
            return with_what(effect, What.STAYS if not source else what)
        if self.locked(effect.primitive) and what not in DOWN:
            return with_what(effect, What.HANGS)
        if self.end is None:
            return with_what(effect, what)
        where = self.end.active.get(effect.primitive, set())
        if what is What.STRANDED and where:
            return with_what(effect, What.FENCED, min(where))
        if what not in DOWN and not where:
            return with_what(effect, What.STRANDED, "")
        return with_what(effect, what)

    def from_lost(self, effect: Effect) -> Effect:
        """Return an effect on what was on a lost node: without fencing it only starts elsewhere."""
        before = self.scene.before.active.get(effect.primitive, set()) & set(self.loss.nodes)
        if effect.source or not before:
            return effect
        what = What.FENCED if effect.what is What.STARTS else effect.what
        lost = with_what(effect, What.STRANDED if what is What.STAYS else what)
        return replace(lost, source=min(before))

    def of_clone(self, name: str, effects: list[Effect]) -> Fate:
        """Return what becomes of a clone: it survives where one instance does, in its role."""
        kind = self.kind(effects)
        here = [e for e in effects if e.source and e.source in self.loss.nodes]
        rest = [self.judged(e) for e in effects if e.source not in self.loss.nodes]
        left = [e for e in rest if e.target and e.what not in DOWN]
        ran = any(e.source for e in effects)
        if ran and not left:
            worst = max((*here, *rest), key=lambda effect: ORDER.index(effect.what))
            bad = worst.what if worst.what in DOWN else What.STRANDED
            return Fate(name, kind, bad, worst.source, why=worst.why)
        role = self.role(effects)
        if role:
            return Fate(name, kind, What.STRANDED, role, why="promoted nowhere", demoted=True)
        hit = [e for e in rest if e.source and e.what not in (What.STAYS, What.STARTS)]
        if hit:
            worst = max(hit, key=lambda effect: ORDER.index(effect.what))
            return Fate(name, kind, What.RESTARTS, worst.source, worst.target, worst.why)
        return Fate(name, kind, What.STAYS)

    def role(self, effects: Iterable[Effect]) -> str:
        """Return where it was promoted, if it is so nowhere any more."""
        names = {effect.primitive for effect in effects}
        before = {n for name in names for n in self.scene.before.promoted.get(name, ())}
        after = {e.target for e in effects if e.target and self.promoted(e)}
        return min(before) if before and not after - set(self.loss.nodes) else ""

    def promoted(self, effect: Effect) -> bool:
        kept = effect.target in self.seen.placed(effect.primitive).promoted
        return effect.promotes or (kept and not effect.demotes)

    def locked(self, primitive: str) -> bool:
        """Whether it stands on a lock manager that waits for a fencing."""
        return bool(self.seen.hung) and primitive.partition(":")[0] in self.on_locks

    @cached_property
    def on_locks(self) -> frozenset[str]:
        below = foundations(child(self.scene.cib, "configuration"))
        found = {
            each.get("id", "")
            for each in self.scene.cib.iterfind("configuration/resources//primitive")
            if each.get("type") == LOCKS
        }
        size = -1
        while found and size != len(found):
            size = len(found)
            found |= {upper for upper, lowers in below.items() if found & set(lowers)}
        return frozenset(found)


def with_what(effect: Effect, what: What, target: str | None = None) -> Effect:
    return replace(effect, what=what, target=effect.target if target is None else target)


def said(effect: Effect) -> tuple[What, str, str, str]:
    return effect.what, effect.source, effect.target, effect.why


def stranded(fates: Iterable[Fate], among: Collection[str] = ()) -> list[str]:
    """Return what does not survive, of ``among`` if that is given."""
    return [f.name for f in fates if not f.survives and (not among or f.name in among)]
