"""The plan: what would change, and what that does to each guest, as one value."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace

from lxml.etree import _Element

from hactl.cib import schema
from hactl.cib.edits import Switch, edits, switches
from hactl.cib.merge import child, merge
from hactl.cib.moves import moves
from hactl.cib.read import properties
from hactl.cib.temporary import Leftover, leftovers, lifted
from hactl.plan import trial
from hactl.plan.change import Change
from hactl.plan.diff import changes
from hactl.plan.effects import Effects, effects
from hactl.plan.later import Later, later
from hactl.plan.protection import Unprotected, unprotected
from hactl.plan.stuck import forgotten
from hactl.plan.unable import Unable, explained, unable
from hactl.simulate.effect import Effect
from hactl.simulate.scenario import ALL_ONLINE, all_online, has_status
from hactl.simulate.scheduler import CannotSimulate, Run, simulate, version
from hactl.simulate.transition import Fencing, Transition
from hactl.simulate.undermined import Undermined, undermined


@dataclass(frozen=True, slots=True, order=True)
class Version:
    """What moves when the configuration of a CIB changes."""

    admin_epoch: int
    epoch: int

    @classmethod
    def of(cls, cib: _Element) -> Version:
        return cls(int(cib.get("admin_epoch", "0")), int(cib.get("epoch", "0")))

    def __str__(self) -> str:
        return f"{self.admin_epoch}.{self.epoch}"


@dataclass(frozen=True, slots=True)
class Plan:
    """What would change and what would happen; ``why_not`` says why nobody knows the latter.

    ``unable`` is what of ours should run afterwards and cannot, ``unprotected`` what could be
    fenced before and could not be any more, ``later`` what happens when a maintenance ends,
    ``undermined`` what is taken away below something that cannot stop.
    """

    cluster: str
    version: Version
    changes: tuple[Change, ...]
    effects: Effects
    fencing: tuple[Fencing, ...] = ()
    edited: tuple[str, ...] = ()
    switches: tuple[Switch, ...] = ()
    leftovers: tuple[Leftover, ...] = ()
    notes: tuple[str, ...] = ()
    why_not: str = ""
    unable: tuple[Unable, ...] = ()
    unprotected: tuple[Unprotected, ...] = ()
    later: Later = field(default_factory=Later)
    undermined: tuple[Undermined, ...] = ()

    @property
    def simulated(self) -> bool:
        return not self.why_not

    @property
    def disruptive(self) -> tuple[Effect, ...]:
        """What has users and would be interrupted; a node fenced counts by what it runs."""
        return self.effects.disruptive


@dataclass(frozen=True)
class Planned:
    """A plan with the trees it was made from, and the transition it foresees."""

    plan: Plan
    live: _Element
    merged: _Element
    transition: Transition


def planned(live: _Element, wanted: _Element, runner: Run, adopt: Collection[str] = ()) -> Planned:
    """Return the plan that turns ``live`` into what ``wanted`` says.

    ``live`` is a whole ``<cib>``, ``wanted`` a ``<configuration>``. What an apply that did not end
    left behind is lifted. A scheduler that gives no answer makes a plan that says so.

    Raises SchemaTooNew, Refused or Invalid where there can be no plan.
    """
    schema.refuse_newer(live)
    clean, left = lifted(live), leftovers(live)
    merged = forgotten(live, trial.kept(live, merge(clean, wanted, adopt)))
    bare = foreseen(live, merged, runner)
    stay = leftovers(merged)
    changed = tuple(leftover.about for leftover in left if not leftover.proven)
    plan = replace(
        bare.plan,
        edited=(*edits(child(clean, "configuration"), wanted), *changed),
        switches=switches(child(bare.merged, "configuration")),
        leftovers=tuple(leftover for leftover in left if leftover not in stay),
        notes=(
            *map(blocked, stay),
            *notes(live, wanted),
            *map(str, moves(bare.merged)),
            *map(str, bare.plan.undermined),
            *other_version(live, runner),
        ),
    )
    return replace(bare, plan=with_causes(plan, bare, runner))


def with_causes(plan: Plan, bare: Planned, runner: Run) -> Plan:
    """Return ``plan`` with why something would run nowhere, and what happens later.

    A plan of which only half can be simulated is one that could not be.
    """
    if not plan.simulated:
        return plan
    scene = scenario(bare.merged)
    found = unable(scene, bare.transition, runner)
    try:
        then = later(scenario(bare.live), scene, plan.changes, runner)
    except CannotSimulate as problem:
        return replace(plan, effects=Effects(), why_not=str(problem))
    return replace(plan, unable=found, effects=explained(plan.effects, found), later=then)


def scenario(merged: _Element) -> _Element:
    """Return the CIB that is simulated: without a status, every node is taken to be there."""
    return merged if has_status(merged) else all_online(merged)


def foreseen(live: _Element, merged: _Element, runner: Run) -> Planned:
    """Return what changes and what happens when ``live`` becomes ``merged``, both ``<cib>``.

    Raises Invalid where ``merged`` breaks the CIB's schema.
    """
    found = changes(live, merged)
    if found:
        schema.check(merged, before=live)
    why_not, transition = "", Transition((), (), {})
    try:
        transition = simulate(scenario(merged), runner)
    except CannotSimulate as problem:
        why_not = str(problem)
    what = Effects() if why_not else effects(transition, live, merged, found)
    plan = Plan(
        cluster=name_of(live) or name_of(merged),
        version=Version.of(live),
        changes=found,
        effects=what,
        unprotected=unprotected(live, merged),
        fencing=transition.fencing,
        why_not=why_not,
        undermined=undermining(live, merged, what),
    )
    return Planned(plan, live, merged, transition)


def undermining(live: _Element, merged: _Element, foreseen: Effects) -> tuple[Undermined, ...]:
    """Return what stands on what goes, by the orders as they are or as they will be."""
    both = (child(cib, "configuration") for cib in (live, merged))
    found = {each for configuration in both for each in undermined(configuration, foreseen.all)}
    return tuple(sorted(found))


def blocked(left: Leftover) -> str:
    return (
        f"{left.about} is new and failed, so it stays blocked where it is: mend it there, then "
        f"`crm_resource --cleanup --resource {left.about}`"
    )


def notes(live: _Element, wanted: _Element) -> Iterator[str]:
    """Yield what the reader must know to read the plan rightly."""
    if not has_status(live):
        yield ALL_ONLINE
    elif live.get("have-quorum") == "0":
        yield "the cluster has no quorum"
    named = {node.get("uname") for node in wanted.iterfind("nodes/node")}
    for node in live.iterfind("configuration/nodes/node"):
        if node.get("uname") not in named and node.get("type", "member") == "member":
            name = node.get("uname")
            yield f"{name} is in the cluster and not in the topology (crm_node --remove {name})"


def other_version(live: _Element, runner: Run) -> Iterator[str]:
    """Yield a warning where another scheduler decides than the one that was asked."""
    theirs = properties(live).get("dc-version", "").partition("-")[0]
    ours = version(runner) if theirs else ""
    if ours and ours != theirs:
        yield (
            f"the DC runs Pacemaker {theirs} and this machine {ours}: they may decide differently"
        )


def name_of(cib: _Element) -> str:
    """Return the name of the cluster, empty if it has none."""
    return properties(cib).get("cluster-name", "")
