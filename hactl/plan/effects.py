"""What a plan does to each guest and other resource, in an operator's words.

The list is by primitive, of the configuration as it is and as it will be: a part may leave a
resource that stays, and what is configured no longer still runs until it is stopped.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from lxml.etree import _Element

from hactl.plan.change import Change
from hactl.plan.owners import Owners
from hactl.plan.reasons import Reasons
from hactl.simulate.effect import Effect, What
from hactl.simulate.outcome import outcome
from hactl.simulate.transition import Transition

GUESTS = frozenset({"guest", "container"})


@dataclass(frozen=True)
class Effects:
    """Every effect on every primitive, in order of names; also that something stays.

    ``leaving`` are the primitives that run and are no longer configured afterwards, as a whole or
    as a part of something that stays.
    """

    all: tuple[Effect, ...] = ()
    leaving: tuple[str, ...] = ()
    changed: frozenset[str] = frozenset()

    @cached_property
    def guests(self) -> tuple[Effect, ...]:
        """Every guest and container."""
        return tuple(effect for effect in self.all if effect.kind in GUESTS)

    @cached_property
    def resources(self) -> tuple[Effect, ...]:
        """Those other resources to which something happens, or that change and do not run."""
        return tuple(e for e in self.all if e.kind not in GUESTS and self.noteworthy(e))

    @property
    def disruptive(self) -> tuple[Effect, ...]:
        return tuple(effect for effect in self.all if effect.disruptive)

    def noteworthy(self, effect: Effect) -> bool:
        if effect.what is What.STAYS and not effect.moves_role:
            return bool(effect.why) and effect.primitive in self.changed
        return effect.what is not What.STRANDED or bool(effect.source or effect.why)


def effects(
    transition: Transition, live: _Element, merged: _Element, changes: Sequence[Change]
) -> Effects:
    """Return what ``transition`` does when ``live`` becomes ``merged`` by ``changes``."""
    owners = Owners.of(live, merged)
    reasons = Reasons(owners, changes, transition)
    found = [*outcome(transition), *unknown(transition, owners)]
    named = [in_words(effect, owners, reasons) for effect in found]
    running = {effect.primitive for effect in found if effect.source}
    touched = {change.id for change in changes}
    return Effects(
        all=tuple(sorted(named, key=by_name)),
        leaving=tuple(sorted(name for name in running if owners.leaves(name))),
        changed=frozenset(name for name in owners.all if owners.unit(name) in touched),
    )


def unknown(transition: Transition, owners: Owners) -> Iterator[Effect]:
    """Yield what is configured and the scheduler does not name: it is stopped, and stays so."""
    named = set(transition.resources)
    for name in owners.wanted:
        if name not in named:
            yield Effect(name, name, "resource", What.STAYS)


def in_words(effect: Effect, owners: Owners, reasons: Reasons) -> Effect:
    name = effect.primitive.partition(":")[0]
    return replace(
        effect,
        kind=owners.kind(name),
        unit=owners.unit(name),
        foreign=owners.foreign(name),
        why=reasons.of_effect(effect),
    )


def by_name(effect: Effect) -> tuple[str, str, str]:
    return effect.name, effect.source, effect.target
