"""Who suffers from a state and stands on nothing that is in it."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from graphlib import CycleError

from lxml.etree import _Element

from hactl.model.resource import primitives
from tests.hactl.blast.settled import Settled
from tests.hactl.blast.states import Reach, State
from tests.hactl.transitions import Graph, Place, running

INTERRUPTS = ("stop", "demote", "migrate_to")
MOVES = (Reach.LEAVE, Reach.NODE, Reach.FENCE)


@dataclass(frozen=True)
class Verdict:
    """What is wrong with a state of one resource.

    ``evicted`` had to go for want of room, or from a node it may not share; ``in_vain`` are those
    whose new place is held by what is blocked. ``under`` are what is taken away, where, and from
    whom. ``deadlock``: two that ``hactl check`` had named wait for each other. ``others`` is how
    many resources were looked at.
    """

    bystanders: tuple[str, ...] = ()
    evicted: tuple[str, ...] = ()
    in_vain: tuple[str, ...] = ()
    under: frozenset[tuple[str, str, str]] = frozenset()
    deadlock: bool = False
    others: int = 0

    @property
    def wrongs(self) -> tuple[str, ...]:
        taken = sorted(self.under)
        return (*self.bystanders, *(f"{low} goes on {node} under {up}" for low, node, up in taken))


def judge(run: Settled, state: State) -> Verdict:
    cib = deepcopy(run.whole if state.probes else run.slim)
    state.edit(cib)
    graph, said = run.asked(cib)
    others = len(run.units) - 1
    try:
        under = frozenset(taken_away(run, graph, running(said.find("cluster_status"))[0]))
        hit = bystanders(run, state, graph)
    except CycleError:
        if run.source.cannot_change_places:
            return Verdict(deadlock=True, others=others)
        return Verdict(("what is to be done waits for itself",), others=others)
    evicted = evictions(run, state, cib, hit) if hit and state.reach in MOVES else set()
    fenced = set(graph.fences) - (state.nodes if state.reach is Reach.FENCE else set())
    names = [f"{name} on {node}" for name, node in sorted(hit - evicted)]
    names += [f"{node} is fenced" for node in sorted(fenced)]
    waiting = list(hindered(run, state, graph))
    vain = {act.primitive for act in waiting} & {name for name, _ in evicted}
    names += sorted(str(act) for act in waiting if act.primitive not in vain)
    gone = tuple(f"{name} from {node}" for name, node in sorted(evicted))
    return Verdict(tuple(names), gone, tuple(sorted(vain)), under, others=others)


def never_done(graph: Graph) -> set[int]:
    """Return what waits for an action that is wanted and cannot be done."""
    mentioned = {each for inputs in graph.inputs.values() for each in inputs}
    missing = sum(1 << each for each in mentioned - set(graph.inputs))
    return {own for own, earlier in graph.earlier.items() if earlier & missing}


@dataclass(frozen=True)
class Waiting:
    """What is to be done to a primitive, and cannot be."""

    primitive: str
    action: str
    node: str

    def __str__(self) -> str:
        return f"{self.action} of {self.primitive} on {self.node} waits for ever"


def hindered(run: Settled, state: State, graph: Graph) -> Iterator[Waiting]:
    """Say of what ran, and stands on nothing in this state, that something is to be done in vain.

    What ran nowhere loses nothing by waiting on.
    """
    waiting, may = never_done(graph), {name for name, _ in reached(run, state)}
    ran = {name for name, _ in run.places}
    for act in graph.acts:
        if act.id in waiting and act.primitive in ran - may:
            yield Waiting(act.primitive, act.action, act.node)


def bystanders(run: Settled, state: State, graph: Graph) -> set[Place]:
    """Return what is interrupted, and stands on nothing that is."""
    waiting = never_done(graph)
    done = [
        place for act in INTERRUPTS for place, own in graph.of(act).items() if own not in waiting
    ]
    hit = set(done) & run.places
    if state.probes:
        # Whatever the look may find, nothing is stopped before it.
        looked = list(graph.of("monitor").values())
        stops = {**graph.of("stop"), **graph.of("migrate_to")}
        hit = {p for p in hit if p in stops and not any(graph.first(o, stops[p]) for o in looked)}
    return hit - reached(run, state)


def evictions(run: Settled, state: State, cib: _Element, hit: set[Place]) -> set[Place]:
    """Return what would be left alone if there were room for all of it everywhere."""
    for each in cib.xpath("//rsc_colocation[starts-with(@score, '-')] | //utilization"):
        each.getparent().remove(each)
    return hit - bystanders(run, state, run.asked(cib)[0])


def reached(run: Settled, state: State) -> set[Place]:
    """Return where a state may interrupt something."""
    subjects = members(run, state.subject)
    match state.reach:
        case Reach.NOBODY:
            return set()
        case Reach.ALONE:
            names = subjects
        case Reach.NODE | Reach.FENCE:
            there = {place for place in run.places if place[1] in state.nodes}
            tied = moving(run, {name for name, _ in there} - run.everywhere)
            return there | {place for place in run.places if place[0] in tied - run.everywhere}
        case Reach.RESTART:
            names = above(run, subjects, firm=True)
        case Reach.LEAVE | Reach.STOP:
            names = moving(run, above(run, subjects, firm=False))
    return {(name, node) for name, node in run.places if name in names and node in state.nodes}


def members(run: Settled, subject: str) -> set[str]:
    unit = run.units.get(subject)
    return {primitive.id for primitive in primitives(unit)} if unit else {subject}


def above(run: Settled, names: set[str], *, firm: bool) -> set[str]:
    """Return ``names`` with what stands on them."""
    found, todo = set(names), list(names)
    while todo:
        lower = todo.pop()
        users = {n.upper for n in run.needs if n.lower == lower and (n.firm or not firm)} - found
        found |= users
        todo += users
    return found


def moving(run: Settled, names: set[str]) -> set[str]:
    """Return ``names`` with what has to move along: images and addresses that only they use.

    And what they are kept together with.
    """
    found = set(names)
    while True:
        alone = {n.lower for n in run.needs if n.upper in found} - run.everywhere
        taken = {each for each in alone if above(run, {each}, firm=False) - {each} <= found}
        tied = {other for one, other in run.tied if one in found}
        more = (taken | above(run, tied, firm=False)) - found
        if not more:
            return found
        found |= more


def taken_away(
    run: Settled, graph: Graph, before: frozenset[Place]
) -> Iterator[tuple[str, str, str]]:
    """Yield what is stopped, where, and below whom: it runs on, or stops later."""
    waiting = never_done(graph)
    stops, starts = graph.of("stop"), graph.of("start")
    stops = {place: own for place, own in stops.items() if own not in waiting}
    for need in run.needs:
        for (name, node), own in stops.items():
            if name != need.lower or node in graph.fences or (need.upper, node) not in before:
                continue
            upper = stops.get((need.upper, node))
            stays = upper is None and (need.firm or (name, node) not in starts)
            if stays or (upper is not None and not graph.first(upper, own)):
                yield name, node, need.upper
