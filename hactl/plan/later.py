"""What a plan does later: when maintenance ends, and what is not looked after now is again.

A change to something unmanaged does nothing today, and restarts it on the day that somebody ends
the maintenance and has forgotten the change. So that day is simulated as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import reduce

from lxml.etree import _Element

from hactl.plan.change import Change
from hactl.plan.effects import Effects, effects
from hactl.simulate.effect import Effect
from hactl.simulate.maintenance import Maintained, left, maintained
from hactl.simulate.outcome import outcome
from hactl.simulate.scheduler import Run, simulate


@dataclass(frozen=True, slots=True)
class Later:
    """``held`` is what is in maintenance; ``effects`` what happens when all of that has ended.

    ``interrupted`` are those of them that interrupt something because of the plan: without it they
    would not happen.
    """

    held: tuple[Maintained, ...] = ()
    effects: Effects = field(default_factory=Effects)
    interrupted: tuple[Effect, ...] = ()


def later(live: _Element, merged: _Element, changes: Sequence[Change], runner: Run) -> Later:
    """Return what happens when what ``merged`` holds in maintenance no longer is.

    Raises CannotSimulate.
    """
    held = tuple(maintained(merged))
    if not held:
        return Later()
    then = reduce(left, held, merged)
    foreseen = effects(simulate(then, runner), live, then, changes)
    return Later(held, foreseen, tuple(of_the_plan(foreseen, live, runner)))


def of_the_plan(foreseen: Effects, live: _Element, runner: Run) -> list[Effect]:
    """Return what would be interrupted and would not be if ``live`` were left as it is."""
    if not foreseen.disruptive:
        return []
    anyhow = outcome(simulate(reduce(left, maintained(live), live), runner))
    known = {fate(effect) for effect in anyhow}
    return [effect for effect in foreseen.disruptive if fate(effect) not in known]


def fate(effect: Effect) -> tuple[str, str, str, bool]:
    return effect.primitive, effect.what, effect.source, effect.demotes
