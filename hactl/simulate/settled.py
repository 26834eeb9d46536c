"""A cluster that has come to rest: made from a configuration, with a history as if it had run.

Pacemaker's own simulation (``crm_simulate --simulate``) writes and validates the whole CIB after
each action; with 500 guests it does not end. Here the scheduler is asked what it would do, that is
written down as done, and it is asked again until it has nothing left to do.
"""

from __future__ import annotations

from dataclasses import dataclass

from lxml.etree import _Element

from hactl.simulate.history import with_history
from hactl.simulate.lean import lean
from hactl.simulate.places import Places, places
from hactl.simulate.scenario import all_online, has_remotes, has_status
from hactl.simulate.scheduler import CannotSimulate, Run, simulate
from hactl.simulate.transition import Transition

# A cluster may need a few transitions; one that needs more than these does not come to rest.
ROUNDS = 6


@dataclass(frozen=True)
class Settled:
    """``cib`` at rest; ``transition`` is what the scheduler says of it: nothing to do."""

    cib: _Element
    transition: Transition


def settled(cib: _Element, runner: Run, begun: Transition | None = None) -> Settled:
    """Return the cluster that ``cib`` becomes when it is left alone, with everything lean.

    Without a status every node is taken to be there. ``begun`` is what the same cluster does first.
    Raises CannotSimulate, also where it does not come to rest.
    """
    if has_remotes(cib):
        raise CannotSimulate("it has nodes that are reached through a resource")
    bare = lean(cib if has_status(cib) else all_online(cib))
    return at_rest(bare, places(begun) if begun else Places(), runner)


def at_rest(bare: _Element, there: Places, runner: Run) -> Settled:
    """Return what a lean cluster comes to in which everything is where ``there`` has it.

    Raises CannotSimulate where it does not come to rest.
    """
    for _ in range(ROUNDS):
        scene = with_history(bare, there)
        seen = simulate(scene, runner)
        if all(action.blocked for action in seen.actions):
            return Settled(scene, seen)
        there = places(seen)
    raise CannotSimulate(f"the cluster does not come to rest within {ROUNDS} transitions")
