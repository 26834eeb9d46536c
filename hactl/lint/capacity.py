"""Guests that fit nowhere, promises to survive that cannot be kept: certain without a scheduler.

What a loss really does is simulated (`hactl.survival`); here is only what a packing can say.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from hactl.errors import Problem
from hactl.lint.references import workloads
from hactl.lint.subject import Subject
from hactl.model.capacity import Amounts, Load, amounts, hosts, shortfall, stranded
from hactl.model.resource import Primitive
from hactl.model.totem import QuorumDevice
from hactl.topology.load import Topology

Nodes = Mapping[str, Amounts]


def capacity(subject: Subject) -> Iterator[Problem]:
    """Every guest fits somewhere, and all fit together."""
    nodes = {node.name: node.utilization for node in subject.cluster.nodes}
    yield from half_said(subject.topology)
    if not any(nodes.values()):
        return
    loads = all_loads(subject)
    homeless = [
        load for load in loads if load.uses and eligible(load, nodes) and not hosts(load, nodes)
    ]
    yield from (too_big(subject.topology, load, nodes) for load in homeless)
    placeable = [load for load in loads if load not in homeless]
    missing = shortfall(placeable, nodes)
    if missing:
        yield subject.topology.problem(
            ("nodes",),
            f"all guests together need {amounts(missing)} more than all nodes have",
            "add nodes, or make guests smaller",
        )


def half_said(topology: Topology) -> Iterator[Problem]:
    """If one node says how much it has, all must: Pacemaker takes silence for nothing at all."""
    document = topology.document
    for key in ("cpus", "memory"):
        silent = [name for name, node in document.nodes.items() if getattr(node, key) is None]
        if silent and len(silent) < len(document.nodes):
            for name in silent:
                yield topology.problem(
                    ("nodes", name), f"does not say its {key}, other nodes do", f"add {key}:"
                )


def all_loads(subject: Subject) -> list[Load]:
    allowed = {
        name: tuple(entry.nodes) for _, name, entry in workloads(subject.topology) if entry.nodes
    }
    return [
        Load(resource.id, resource.utilization, allowed.get(resource.id, ()))
        for resource in subject.cluster.resources
        if isinstance(resource, Primitive) and resource.utilization
    ]


def eligible(load: Load, nodes: Nodes) -> list[str]:
    """Return the nodes it may run on, of those there are."""
    return [name for name in load.nodes or nodes if name in nodes]


def too_big(topology: Topology, load: Load, nodes: Nodes) -> Problem:
    best = {
        what: max(nodes[name].get(what, 0) for name in eligible(load, nodes)) for what in load.uses
    }
    over = {what: amount for what, amount in load.uses.items() if amount > best[what]}
    what = amounts(over or load.uses)
    where = "any node it may run on" if load.nodes else "every node"
    return topology.problem(
        path_of(topology, load.name),
        f"is too big for {where}: needs {what}, the largest node has {amounts(best)} to give",
        "make it smaller, or the nodes' reserve",
    )


def guess(subject: Subject, why: str) -> Iterator[Problem]:
    """Yield what a packing says where losses could not be simulated, and that they were not."""
    nodes = {node.name: node.utilization for node in subject.cluster.nodes}
    yield subject.topology.warning(
        ("nodes",), f"what the loss of a node does could not be simulated: {why}"
    )
    if len(nodes) > 1 and any(nodes.values()):
        loads = [load for load in all_loads(subject) if hosts(load, nodes)]
        yield from without_one(subject.topology, loads, nodes)


def without_one(topology: Topology, loads: Sequence[Load], nodes: Nodes) -> Iterator[Problem]:
    """Warn of the node whose loss leaves the most guests without a place."""
    worst, left = "", list[str]()
    seen: list[Amounts] = []
    for name, own in nodes.items():
        # Equal nodes are equally missed, unless guests are tied to one of them.
        if own in seen and not any(load.nodes for load in loads):
            continue
        seen.append(own)
        rest = {other: nodes[other] for other in nodes if other != name}
        found = stranded(loads, rest)
        if len(found) > len(left):
            worst, left = name, found
    if left:
        listed = ", ".join(sorted(left)[:5]) + (", ..." if len(left) > 5 else "")
        yield topology.warning(
            ("nodes", worst),
            f"without it {len(left)} of {len(loads)} guests may find no place: {listed}",
            "add capacity, or accept that they stay down until it is back",
        )


def survival(subject: Subject) -> Iterator[Problem]:
    """``must_survive`` can be kept at all: there are enough nodes, and a quorum is left."""
    nodes = {node.name: node.utilization for node in subject.cluster.nodes}
    uses = {load.name: load for load in all_loads(subject)}
    for section, name, entry in workloads(subject.topology):
        lost = entry.must_survive
        if not lost:
            continue
        path = (section, name, "must_survive")
        homes = hosts(uses.get(name, Load(name, {}, tuple(entry.nodes))), nodes)
        if len(homes) <= lost:
            yield subject.topology.problem(
                path,
                f"must survive the loss of {lost} nodes but can run on only {len(homes)}",
                "let it run on more nodes, or lower must_survive",
            )
        elif not quorate(len(nodes), lost, subject.cluster.totem.qdevice):
            yield subject.topology.warning(
                path,
                f"the loss of {lost} of {len(nodes)} nodes at once also loses the quorum",
                "add nodes; without quorum nothing runs, whatever else is left",
            )


def quorate(nodes: int, lost: int, device: QuorumDevice | None = None) -> bool:
    """Whether what is left after a loss has a majority; two nodes are a case of their own.

    A quorum device counts as one vote (ffsplit), or as one less than there are nodes (lms).
    """
    if nodes == 2 and device is None:
        return lost == 1
    extra = 0 if device is None else nodes - 1 if device.algorithm == "lms" else 1
    return 2 * (nodes - lost + extra) > nodes + extra


def path_of(topology: Topology, name: str) -> tuple[str, ...]:
    for section in ("guests", "containers"):
        if name in getattr(topology.document, section):
            return (section, name)
    return ("raw",)
