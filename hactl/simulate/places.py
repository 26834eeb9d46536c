"""Where everything is when a transition has been carried out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from hactl.simulate.effect import Effect
from hactl.simulate.outcome import outcome
from hactl.simulate.transition import Transition


@dataclass
class Places:
    """By primitive (its instance in a globally unique clone): the nodes it is active on, promoted.

    What is active nowhere may have an empty set, or none.
    """

    active: dict[str, set[str]] = field(default_factory=dict)
    promoted: dict[str, set[str]] = field(default_factory=dict)

    def lose(self, nodes: Iterable[str]) -> None:
        """Nothing is on ``nodes`` any more."""
        for node in nodes:
            for places in (self.active, self.promoted):
                for where in places.values():
                    where.discard(node)


def places(transition: Transition) -> Places:
    """Return where everything is when ``transition`` is over."""
    found = Places()
    for effect in outcome(transition):
        if effect.target:
            found.active.setdefault(effect.primitive, set()).add(effect.target)
            if promoted(effect, transition):
                found.promoted.setdefault(effect.primitive, set()).add(effect.target)
    return found


def promoted(effect: Effect, transition: Transition) -> bool:
    stays = effect.target in transition.placed(effect.primitive).promoted and not effect.demotes
    return effect.promotes or stays
