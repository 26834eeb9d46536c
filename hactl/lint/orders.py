"""Orders that go in a circle, and placements that contradict each other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise

from hactl.derive.guests import migrates
from hactl.derive.workload import peers
from hactl.errors import Problem
from hactl.lint.references import workloads
from hactl.lint.subject import Subject
from hactl.model.constraint import INFINITY, Colocation, Constraint, Order, OrderKind
from hactl.model.graph import Edge, Groups, cycles
from hactl.model.resource import Clone
from hactl.topology.load import Topology
from hactl.topology.schema.raw import RawColocation, RawOrder
from hactl.topology.yaml.positions import Step

Paths = Mapping[Edge, Sequence[Step]]


def order_cycles(subject: Subject) -> Iterator[Problem]:
    """Nothing waits for itself, by whatever detour."""
    orders = [order for order in subject.cluster.constraints if isinstance(order, Order)]
    written = dict(written_orders(subject.topology))
    for cycle in cycles(edge for order in orders if (edge := start_edge(order))):
        yield subject.topology.problem(
            where(cycle, written),
            f"starts in a circle: {' → '.join(cycle)}",
            "leave one of these orders out",
        )


def together_cycles(subject: Subject) -> Iterator[Problem]:
    """Nothing is placed where it is placed itself."""
    written = dict(written_colocations(subject.topology))
    joined = musts(subject.cluster.constraints, INFINITY)
    for cycle in cycles((item.rsc, item.with_rsc) for item in joined):
        yield subject.topology.problem(
            where(cycle, written),
            f"is together in a circle: {' → '.join(cycle)}",
            "leave one out: it follows from the others",
        )


def contradictions(subject: Subject) -> Iterator[Problem]:
    """Nothing is both together with and apart from the same."""
    constraints = subject.cluster.constraints
    everywhere = {r.id for r in subject.cluster.resources if isinstance(r, Clone)}
    written = dict(written_colocations(subject.topology))
    joined = Groups(
        (item.rsc, item.with_rsc)
        for item in musts(constraints, INFINITY)
        if item.with_rsc not in everywhere
    )
    for item in musts(constraints, -INFINITY):
        if joined.same(item.rsc, item.with_rsc):
            yield subject.topology.problem(
                written.get((item.rsc, item.with_rsc), ()),
                f"{item.rsc} is to be both together with and apart from {item.with_rsc}",
                "leave one of the two out",
            )


def exchanges(subject: Subject) -> Iterator[Problem]:
    """Warn of two that Pacemaker cannot let change places, because each would wait for the other.

    What has to start first yields to a guest that is migrated live. It waits until its new place is
    free, and so until that guest was migrated, which in turn waits for the start. The scheduler
    makes an invalid transition of it (seen with 2.1.5).
    """
    document = subject.topology.document
    live = {name for name in document.guests if migrates(document, name, subject.survey)}
    yielding = {
        (name, other)
        for _, name, entry in workloads(subject.topology)
        for other, score in peers(document, name, entry, "apart")
        if score >= INFINITY
    }
    for section, name, entry in workloads(subject.topology):
        for index, first in enumerate(entry.after):
            if name in live and first not in live and (first, name) in yielding:
                yield subject.topology.warning(
                    (section, name, "after", index),
                    f"cannot change places with {first}, which keeps apart from it: {first} would "
                    f"wait until {name} was migrated, and {name} until {first} has started",
                    f"leave one of the two out, or write live_migration: false for {name}",
                )


def start_edge(order: Order) -> Edge | None:
    """Return who starts before whom; stopping in one order is starting in the other."""
    if order.kind is OrderKind.SERIALIZE:
        return None
    match (order.first_action, order.then_action):
        case ("start" | "promote", "start" | "promote"):
            return order.first, order.then
        case ("stop" | "demote", "stop" | "demote"):
            return order.then, order.first
    return None


def musts(constraints: Iterable[Constraint], score: int) -> Iterator[Colocation]:
    for item in constraints:
        if isinstance(item, Colocation) and item.score == score:
            yield item


def where(cycle: Sequence[str], written: Paths) -> Sequence[Step]:
    """Return the key in which one of the cycle's steps was written."""
    for edge in pairwise(cycle):
        if edge in written:
            return written[edge]
    return ()


def written_orders(topology: Topology) -> Iterator[tuple[Edge, Sequence[Step]]]:
    for section, name, entry in workloads(topology):
        for index, first in enumerate(entry.after):
            yield (first, name), (section, name, "after", index)
    for index, item in enumerate(topology.document.raw):
        if isinstance(item, RawOrder):
            yield (item.first, item.then), ("raw", index)
            yield (item.then, item.first), ("raw", index)


def written_colocations(topology: Topology) -> Iterator[tuple[Edge, Sequence[Step]]]:
    for section, name, entry in workloads(topology):
        for key in ("together", "apart"):
            for other in getattr(entry, key):
                yield (name, other), (section, name, key)
    for index, item in enumerate(topology.document.raw):
        if isinstance(item, RawColocation):
            yield (item.resource, item.with_), ("raw", index)
