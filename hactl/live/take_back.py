"""Takes back what an apply has written: three-way, and again when others edit meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass

from lxml.etree import _Element

from hactl.cib.temporary import hold, leftovers, lifted, units
from hactl.errors import ClusterError, ConcurrentEdit
from hactl.live.interrupts import deferred
from hactl.live.operator import Operator, Options
from hactl.live.patch import edit
from hactl.live.session import World
from hactl.live.settle import Settled, settle
from hactl.plan.change import Change, Create
from hactl.plan.revert import NotReverted, reverted
from hactl.plan.stuck import unstopped
from hactl.plan.trial import kept, on_trial, untried
from hactl.result.blame import primitives

# Somebody who edits the configuration again and again for so many seconds is at work on it.
PATIENCE = 20.0


@dataclass(frozen=True)
class TakeBack:
    """The way back of the apply called ``name``."""

    world: World
    options: Options
    operator: Operator
    name: str

    def of(self, changes: Sequence[Change]) -> str:
        """Undo ``changes``, and wait until that is done; return why not, or nothing."""
        self.operator.progress("taking it back")
        try:
            stuck = self.unblocked(changes)
            self.undo(changes, stuck)
            if self.world.pacemaker.live:
                at_rest(self.world, self.options, self.operator)
        except (NotReverted, ClusterError) as problem:
            self.tidy()
            return problem.message if isinstance(problem, ClusterError) else str(problem)
        return "".join(f"{name} cannot be stopped: removed, it would fence" for name in stuck)

    def tidy(self) -> None:
        """End the trial of what is new and stays, unless its stop has failed."""

        def off_trial(cib: _Element) -> _Element:
            held = {left.about for left in leftovers(cib) if left.what == "hold"}
            return kept(cib, lifted(cib, self.name, held))

        with suppress(ClusterError):
            edit(self.world, off_trial)

    def unblocked(self, changes: Sequence[Change]) -> frozenset[str]:
        """Have the cluster forget what blocks what is new; return what still cannot be stopped.

        Pacemaker fences the node where something that is no longer configured did not stop.
        """
        failed = blocked(self.world.pacemaker.cib(), changes)
        if not failed:
            return frozenset()
        edit(self.world, lambda cib: held(cib, failed, self.name))
        forget_failures(self.world, failed)
        now = at_rest(self.world, self.options, self.operator).cib
        return frozenset(name for name, _ in blocked(now, changes))

    def undo(self, changes: Sequence[Change], stuck: frozenset[str]) -> None:
        """Write the CIB as it is by then without ``changes``, but for what is ``stuck``.

        What others did since is kept. Raises NotReverted where that is impossible or would do
        harm, ConcurrentEdit where others write all the time.
        """
        ours = [change for change in changes if not (made(change) & stuck)]
        deadline = self.world.clock.now() + PATIENCE
        while True:
            try:
                self.undo_once(ours, stuck)
            except ConcurrentEdit:
                if self.world.clock.now() > deadline:
                    raise
            else:
                return

    def undo_once(self, ours: Sequence[Change], stuck: frozenset[str]) -> None:
        now = self.world.pacemaker.cib()
        keep = {*stuck, *units(now, stuck)}

        def tidy(cib: _Element) -> _Element:
            return on_trial(kept(now, lifted(cib, self.name, keep)), untried(now))

        back = reverted(now, ours, self.world.runner, tidy)
        with deferred():
            self.world.committer.commit(now, back)


def forget_failures(world: World, failed: Collection[tuple[str, str]]) -> None:
    for name, node in sorted(failed):
        world.pacemaker.forget_failures(name, node)


def at_rest(
    world: World,
    options: Options,
    operator: Operator,
    alarm: Callable[[_Element], None] = lambda cib: None,  # noqa: ARG005
) -> Settled:
    """Wait until the cluster has nothing to do; raises Unsettled after the operator's timeout."""
    told = operator.progress
    return settle(world.pacemaker, world.runner, options.timeout, told, world.clock, alarm)


def blocked(now: _Element, changes: Sequence[Change]) -> set[tuple[str, str]]:
    """Return what ``changes`` made new, and what failed and did not stop, each with the node."""
    new = {name for change in changes for name in made(change)}
    return {(name, node) for name, node in unstopped(now) if name in new}


def made(change: Change) -> set[str]:
    return primitives(change) if isinstance(change, Create) else set()


def held(cib: _Element, failed: Collection[tuple[str, str]], apply: str) -> _Element:
    """Return a copy of ``cib`` in which what ``failed`` is kept from running."""
    copy = deepcopy(cib)
    hold(copy, units(cib, {name for name, _ in failed}), apply)
    return copy
