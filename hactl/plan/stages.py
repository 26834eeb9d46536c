"""An apply in stages: each is one commit, made from the CIB as it is by then, and waited for.

A stage is data. Where it leads is a function of the plan for what is left to do, so that it can be
asked again whenever somebody else has changed something: it returns a CIB on the way from
``Planned.live`` to ``Planned.merged``, or ``Planned.live`` itself where it has nothing to do.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass

from lxml.etree import _Element

from hactl.cib.temporary import hold, lifted, units
from hactl.plan import trial
from hactl.plan.plan import Planned
from hactl.plan.stop_first import stopped_first
from hactl.plan.stuck import stuck

# From what is left to do, and the name of the apply, to the CIB that the stage writes.
Toward = Callable[[Planned, str], _Element]


@dataclass(frozen=True, slots=True)
class Stage:
    """One commit of an apply.

    ``doing`` is shown meanwhile. ``whole``: after it the topology is in place, and what was shown
    must have happened. ``tidies``: it changes nothing but what we wrote for a moment, whatever
    others have changed since, and must not move anything. ``forgets`` returns, of what is left to
    do afterwards, what the cluster is to forget then: failures, by resource and node.
    """

    name: str
    doing: str
    toward: Toward
    whole: bool = False
    tidies: bool = False
    forgets: Callable[[Planned], set[tuple[str, str]]] | None = None


def stuck_in(rest: Planned) -> set[tuple[str, str]]:
    return stuck(rest.live, rest.merged)


def released(rest: Planned, apply: str) -> _Element:
    """Return the live CIB with what is new and did not stop kept from running, if it goes."""
    names = {name for name, _ in stuck_in(rest)}
    if not names:
        return rest.live
    cib = deepcopy(rest.live)
    hold(cib, units(cib, names), apply)
    return cib


def on_trial(rest: Planned, apply: str) -> _Element:
    return trial.marked(rest.live, rest.merged, apply)


def everything(rest: Planned, apply: str) -> _Element:  # noqa: ARG001
    return rest.merged


def off_trial(rest: Planned, apply: str) -> _Element:
    """Return the live CIB without what this apply wrote for a moment, unless that would fence."""
    return trial.kept(rest.live, lifted(rest.live, apply))


RELEASE = Stage("release", "clearing what is new and did not stop", released, forgets=stuck_in)
STOP_FIRST = Stage("stop", "stopping what is to be removed", stopped_first)
COMMIT = Stage("commit", "carrying out the plan", on_trial, whole=True)
TIDY = Stage("tidy", "ending the trial of what is new", off_trial, tidies=True)
STAGES = (RELEASE, STOP_FIRST, COMMIT, TIDY)

# A CIB in a file: nothing runs, so nothing has to be stopped first or can fail.
ON_FILE = (Stage("commit", "writing the file", everything, whole=True),)
