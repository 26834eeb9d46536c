"""An apply that dies, or is interrupted, at one of its calls; and the next one, which heals."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from lxml.etree import _Element

from hactl.cib.history import failed_stops
from hactl.cib.temporary import leftovers
from hactl.errors import HactlError
from hactl.live.apply import Outcome, apply
from hactl.plan.diff import changes
from hactl.plan.plan import planned
from hactl.simulate.scheduler import simulate
from tests.hactl.live.cluster_on_file import Cluster
from tests.hactl.live.meddling.injection import Apply, carried_out
from tests.hactl.live.meddling.judge import Seen, untrue
from tests.hactl.live.meddling.sites import Site
from tests.hactl.scheduler import runner


class Death(StrEnum):
    """How an apply ends at a call: before the tool is called, with it under way, or by Ctrl-C."""

    BEFORE = "killed before"
    DURING = "killed during"
    CTRL_C = "interrupted before"


@dataclass(frozen=True)
class Killed:
    """What was found after one death."""

    seed: int
    at: int
    death: Death
    state: str
    faults: tuple[str, ...]


def killed(one: Site, at: int, directory: Path, during: bool, made: Apply = apply) -> Cluster:
    """Return the cluster after an apply was killed at call ``at``, and the rest has settled."""
    here = one.cluster(directory)
    child = os.fork()
    if not child:
        try:
            carried_out(here, one.new, Dying(at, during), made)
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    return replace(here, fenced=[], emptied=[], settled_at="")


@dataclass
class Dying:
    """Kills the process before call ``at``, or before the one after it: then that one was made."""

    at: int
    during: bool

    def __call__(self, number: int, argv: Sequence[str]) -> None:  # noqa: ARG002
        if number == self.at + self.during:
            os.kill(os.getpid(), signal.SIGKILL)


def after_death(one: Site, at: int, death: Death, directory: Path, made: Apply = apply) -> Killed:
    here = killed(one, at, directory, death is Death.DURING, made)
    after = here.cib()
    goal = planned(one.before, one.new, runner(directory)).merged
    if not changes(one.before, after):
        return Killed(one.seed, at, death, "before", ())
    if not changes(goal, after):
        return Killed(one.seed, at, death, "after", ())
    faults = [*unnamed(after), *(f for name in ("old", "new") for f in unhealed(one, name, here))]
    return Killed(one.seed, at, death, "named and healed", tuple(faults))


def unnamed(after: _Element) -> Iterator[str]:
    left = leftovers(after)
    if not left or not all(one.proven for one in left):
        yield f"between before and after, and not named as ours: {[str(one) for one in left]}"


def unhealed(one: Site, name: str, here: Cluster) -> Iterator[str]:
    """What is not right after an apply of either topology on a copy of the cluster."""
    place = here.directory / name
    copy = one.cluster(place, here.cib())
    want = one.old if name == "old" else one.new
    said = carried_out(copy, want)
    after = copy.cib()
    if here.fenced or copy.fenced:
        yield f"{name}: fenced: {', '.join((*here.fenced, *copy.fenced))}"
    left = [str(one) for one in leftovers(after) if one.about not in did_not_stop(after)]
    if left or (name == "old" and leftovers(after)):
        yield f"{name}: still left: {left}, {said}"
    if isinstance(said, HactlError) and not one.failing:
        yield f"{name}: does not go through: {said}"
    if name == "old":
        wrong = {change.id for change in changes(one.before, after)}
        stopped = running(one.before, place) - running(after, place)
        if wrong or stopped:
            yield f"old: {sorted(wrong)} differs, {sorted(stopped)} does not run: {said}"


def did_not_stop(cib: _Element) -> set[str]:
    return {name for name, _ in failed_stops(cib)}


def running(cib: _Element, directory: Path) -> set[str]:
    found = simulate(cib, runner(directory)).resources
    return {name for name, placed in found.items() if placed.nodes}


def interrupted(one: Site, at: int, directory: Path, made: Apply = apply) -> Killed:
    """Interrupt an apply at call ``at``, as Ctrl-C does; return what it said that is not true."""
    here = one.cluster(directory)

    def interrupts(number: int, argv: Sequence[str]) -> None:  # noqa: ARG001
        if number == at:
            signal.raise_signal(signal.SIGINT)

    said = carried_out(here, one.new, interrupts, made)
    goal = planned(one.before, one.new, runner(directory)).merged
    seen = Seen(one.before, goal, here.cib(), said)
    standing = getattr(said, "standing", "done")
    faults = [*untrue(seen)]
    if isinstance(said, Outcome) or "interrupted" not in str(said):
        faults.append(f"an interruption that nobody heard: {said}")
    return Killed(one.seed, at, Death.CTRL_C, str(standing), tuple(faults))


def died(one: Site, at: int, death: Death, directory: Path, made: Apply = apply) -> Killed:
    """Return what came of one death of an apply at call ``at``."""
    if death is Death.CTRL_C:
        return interrupted(one, at, directory, made)
    return after_death(one, at, death, directory, made)
