"""What a topology promises to survive, and what one lost node does: judged by simulated losses.

The scheduler is asked, for a cluster in which everything runs, what it does when nodes are gone:
every single one, and every set as large as somebody's ``must_survive``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import combinations

from lxml.etree import _Element

from hactl.errors import Problem
from hactl.lint.references import workloads
from hactl.lint.subject import Subject
from hactl.model.constraint import Confinement
from hactl.model.resource import Resource, primitives
from hactl.simulate.cause import Cause, cause
from hactl.simulate.losses import Aftermath, Progress, aftermaths, down, lost
from hactl.simulate.places import places
from hactl.simulate.scheduler import Run, simulate
from hactl.simulate.settled import Settled, at_rest
from hactl.simulate.transition import Transition

# Losses times resources: 16 nodes with 500 guests are 9,000 and take 7 s of CPU; with four times as
# many resources one loss takes twelve times as long, so a minute is spent on five of them.
BUDGET = 12_000
NAMED = 4
EXPLAINED = 20
ALL = "hactl check --losses all tries the rest"
SECTIONS = {"guest": "guests", "container": "containers", "gateway": "gateways", "raw": "raw"}


@dataclass(frozen=True)
class Effort:
    """``most`` losses are tried (None: what the size allows), ``workers`` schedulers at a time."""

    most: int | None = None
    workers: int = 1
    progress: Progress | None = None


@dataclass(frozen=True, slots=True)
class Promise:
    """That ``name`` survives the loss of any ``nodes`` nodes."""

    section: str
    name: str
    nodes: int


@dataclass
class Judgement:
    """Which of the losses strand what; ``tried`` of ``all`` were tried."""

    subject: Subject
    scene: Settled
    runner: Run
    tried: int = 0
    all: int = 0
    found: list[Aftermath] = field(default_factory=list)
    explained: int = 0

    def problems(self) -> Iterator[Problem]:
        """Yield broken promises as errors, and what else a loss takes down as warnings."""
        broken = set[str]()
        for promise in promises(self.subject):
            if promise.name in self.down:
                broken.add(promise.name)
                yield self.never(promise)
                continue
            against = [each for each in self.found if self.breaks(each, promise)]
            if against:
                broken.add(promise.name)
                yield self.broken(promise, against)
        yield from self.never_running(broken)
        for each in self.found:
            if len(each.nodes) == 1:
                yield from self.without_one(each, broken)
        if self.tried < self.all:
            yield self.untried()

    # promises

    def never(self, promise: Promise) -> Problem:
        why = self.why(promise.name, ())
        return self.subject.topology.problem(
            (promise.section, promise.name, "must_survive"),
            f"must survive losses of nodes, and runs nowhere even with every node there: "
            f"{why.text if why else 'see the others'}",
            "make room for it, or let it run on more nodes",
        )

    def breaks(self, each: Aftermath, promise: Promise) -> bool:
        return len(each.nodes) <= promise.nodes and promise.name in self.units(each)

    def broken(self, promise: Promise, against: Sequence[Aftermath]) -> Problem:
        first, others = against[0], [" and ".join(each.nodes) for each in against[1:]]
        also = f" (nor without {listed(others, ' or ')})" if others else ""
        nodes = "one node" if promise.nodes == 1 else f"{promise.nodes} nodes"
        return self.subject.topology.problem(
            (promise.section, promise.name, "must_survive"),
            f"must survive the loss of {nodes}, and does not: without {' and '.join(first.nodes)} "
            f"it {self.fate(first, promise.name)}{also}",
            "make room for it, let it run on more nodes, or lower must_survive",
        )

    # what one node takes with it

    def without_one(self, each: Aftermath, broken: set[str]) -> Iterator[Problem]:
        (node,) = each.nodes
        pinned = self.pinned(node)
        units = [name for name in self.units(each) if name not in broken | pinned]
        if units:
            first, *others = units
            also = f"; the same holds for {listed(others)}" if others else ""
            yield self.subject.topology.warning(
                ("nodes", node),
                f"without it {first} {self.fate(each, first)}{also}",
                "add capacity, or accept that it stays down until the node is back",
            )
        if each.fenced:
            yield self.subject.topology.warning(
                ("nodes", node), f"when it is lost, {listed(each.fenced)} would be fenced as well"
            )

    def pinned(self, node: str) -> set[str]:
        """Return what may run on no other node anyway: that is meant."""
        confined = (c for c in self.subject.cluster.constraints if isinstance(c, Confinement))
        return {each.rsc for each in confined if set(each.nodes) <= {node}}

    def never_running(self, said: set[str]) -> Iterator[Problem]:
        """Yield what does not even run with every node there."""
        for name, kind in self.down.items():
            if name in said:
                continue
            path = (SECTIONS[kind], name) if kind != "raw" else ("raw",)
            why = self.why(name, ())
            yield self.subject.topology.warning(
                path,
                f"{name} runs nowhere, even with every node there{f': {why.text}' if why else ''}",
            )

    @cached_property
    def size(self) -> int:
        return size_of(self.subject)

    @cached_property
    def down(self) -> dict[str, str]:
        """What has users, should run and does not when nothing is lost, with its kind."""
        there = places(self.scene.transition).active
        return {
            unit.id: unit.kind
            for unit in self.subject.cluster.resources
            if unit.kind in SECTIONS
            and not all(there.get(inner.id) for inner in primitives(unit))
            and not self.switched_off(unit)
        }

    def switched_off(self, unit: Resource) -> bool:
        placed = [self.scene.transition.placed(inner.id) for inner in primitives(unit)]
        return any(each.target_role.lower() == "stopped" or not each.managed for each in placed)

    def untried(self) -> Problem:
        return self.subject.topology.warning(
            ("nodes",), f"only {self.tried} of {self.all} losses of nodes were simulated", ALL
        )

    # how it is said

    def units(self, each: Aftermath) -> list[str]:
        """Return what has users and is stranded by a loss, as the topology calls it."""
        hit = {name.partition(":")[0] for name in (*each.stranded, *each.demoted)}
        return [
            unit.id
            for unit in self.subject.cluster.resources
            if unit.kind in SECTIONS and hit & {inner.id for inner in primitives(unit)}
        ]

    def fate(self, each: Aftermath, unit: str) -> str:
        inside = {inner.id for inner in primitives(self.resources[unit])}
        if not inside & {*each.stranded}:
            return "is promoted nowhere"
        why = self.why(unit, each.nodes)
        return f"runs nowhere: {why.text}" if why else "runs nowhere"

    def why(self, unit: str, nodes: Sequence[str]) -> Cause | None:
        """Ask for a cause; each takes some more simulations, so only the first few are."""
        self.explained += 1
        if self.explained > max(1, min(EXPLAINED, BUDGET // (4 * self.size))):
            return None
        cib, seen = self.where_it_is_down(unit, nodes)
        return cause(cib, unit, seen, self.runner)

    def where_it_is_down(self, unit: str, nodes: Sequence[str]) -> tuple[_Element, Transition]:
        """Return the moment of the loss, or the end, if something is pushed out only then."""
        cib = lost(self.scene.cib, nodes)
        seen = simulate(cib, self.runner)
        after = places(seen)
        after.lose(nodes)
        names = {inner.id for inner in primitives(self.resources[unit])}
        if any(not after.active.get(name) for name in names):
            return cib, seen
        end = at_rest(down(self.scene.cib, nodes), after, self.runner)
        return end.cib, end.transition

    @cached_property
    def resources(self) -> dict[str, Resource]:
        return {unit.id: unit for unit in self.subject.cluster.resources}


def judge(subject: Subject, scene: Settled, runner: Run, effort: Effort) -> Judgement:
    """Simulate the losses that matter. Raises CannotSimulate."""
    every = list(losses(subject, scene))
    most = effort.most if effort.most is not None else max(1, BUDGET // size_of(subject))
    chosen = spread(every, most)
    found = aftermaths(scene, chosen, runner, effort.workers, effort.progress)
    return Judgement(subject, scene, runner, len(chosen), len(every), list(found))


def size_of(subject: Subject) -> int:
    """Return how many resources a scheduler has to place."""
    return max(1, sum(len(primitives(unit)) for unit in subject.cluster.resources))


def losses(subject: Subject, scene: Settled) -> Iterator[tuple[str, ...]]:
    """Yield every set of nodes whose loss somebody is to survive; single nodes first."""
    there = [name for name, node in scene.transition.nodes.items() if node.online]
    largest = max((promise.nodes for promise in promises(subject)), default=1)
    for size in range(1, min(max(1, largest), len(there) - 1) + 1):
        yield from combinations(there, size)


def promises(subject: Subject) -> Iterator[Promise]:
    for section, name, entry in workloads(subject.topology):
        if entry.must_survive:
            yield Promise(section, name, entry.must_survive)


def spread(every: Sequence[tuple[str, ...]], most: int) -> list[tuple[str, ...]]:
    """Return at most so many, from all parts of a list; the same ones each time."""
    if len(every) <= most:
        return list(every)
    return [every[number * len(every) // most] for number in range(most)]


def listed(names: Sequence[str], last: str = ", ") -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return last.join(names[:NAMED]) + more
