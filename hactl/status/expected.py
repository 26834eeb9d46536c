"""What should run in a cluster as it is, by its own scheduler: told from what does.

The scheduler is asked for a copy in which nothing has failed and the cluster is not in maintenance:
what it would start there should run, and does not.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field

from lxml.etree import _Element

from hactl.cib.history import failed, records
from hactl.errors import ClusterError
from hactl.simulate.cause import Cause
from hactl.simulate.maintenance import Level, left, maintained
from hactl.simulate.places import Places, places
from hactl.simulate.relaxation import counted
from hactl.simulate.scheduler import Run, simulate
from hactl.simulate.transition import Transition
from hactl.why.first import first_cause

PROVEN = 3


@dataclass(frozen=True, slots=True)
class Absent:
    """Where a primitive should run, or be promoted, and is not; by node, in order of names."""

    nodes: tuple[str, ...] = ()
    promoted: tuple[str, ...] = ()

    def __or__(self, other: Absent) -> Absent:
        """Return what is absent of two instances of one primitive together."""
        return Absent(
            tuple(sorted({*self.nodes, *other.nodes})),
            tuple(sorted({*self.promoted, *other.promoted})),
        )


@dataclass(frozen=True)
class Expected:
    """``absent`` by primitive, ``causes`` by top-level resource that should run and cannot.

    ``unknown`` says why nobody knows; both are empty unless the scheduler was ``asked``.
    """

    absent: Mapping[str, Absent] = field(default_factory=dict)
    causes: Mapping[str, Cause] = field(default_factory=dict)
    unknown: str = ""
    asked: bool = False


def expected(cib: _Element, runner: Run) -> Expected:
    """Return what should run in ``cib`` beside what does."""
    try:
        now = simulate(cib, runner)
        well = places(simulate(healed(cib), runner))
        return Expected(absent(now, well), causes(cib, now, runner), asked=True)
    except ClusterError as problem:
        return Expected(unknown=problem.message)


def healed(cib: _Element) -> _Element:
    """Return a copy in which nothing has failed, and the cluster is not in maintenance as a whole.

    A node or a resource in maintenance is left alone: somebody is at work on it.
    """
    copy = deepcopy(cib)
    for held in maintained(cib):
        if held.level is Level.CLUSTER:
            copy = left(copy, held)
    for _, _, record in list(records(copy)):
        if failed(record):
            remove(record)
    for pair in list(copy.iterfind("status/node_state/transient_attributes//nvpair")):
        if counted(pair.get("name", "")):
            remove(pair)
    return copy


def remove(element: _Element) -> None:
    parent = element.getparent()
    if parent is not None:
        parent.remove(element)


def absent(now: Transition, well: Places) -> dict[str, Absent]:
    """Return where more of something should run than does; what is only to move is not absent."""
    found: dict[str, Absent] = {}
    for name in sorted({*well.active, *well.promoted}):
        placed = now.placed(name)
        nodes = more(set(placed.nodes), well.active.get(name, set()))
        promoted = more(set(placed.promoted), well.promoted.get(name, set()))
        if nodes or promoted:
            plain = name.partition(":")[0]
            found[plain] = found.get(plain, Absent()) | Absent(nodes, promoted)
    return found


def more(now: set[str], well: set[str]) -> tuple[str, ...]:
    missing = sorted(well - now)
    return tuple(missing[: max(0, len(well) - len(now))])


def causes(cib: _Element, now: Transition, runner: Run) -> dict[str, Cause]:
    """Return why the first few of what is configured to run cannot."""
    active = {name.partition(":")[0] for name, on in places(now).active.items() if on}
    found: dict[str, Cause] = {}
    for unit in cib.iterfind("configuration/resources/*"):
        names = {inner.get("id", "") for inner in unit.iter("primitive")}
        wanted = {name for name in names if now.placed(name).target_role.lower() != "stopped"}
        if unit.tag not in ("template", "bundle") and wanted - active and len(found) < PROVEN:
            found[unit.get("id", "")] = first_cause(cib, unit.get("id", ""), now, runner)
    return found
