"""Hints by which the scheduler finds a packing that it would miss: a score of 1 for a node each.

Anything that an operator writes weighs more, and so does staying where something runs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hactl.model.capacity import Load
from hactl.model.constraint import INFINITY, Colocation, Confinement, Constraint, Location
from hactl.model.node import Node
from hactl.model.packing import Packing, TooHard
from hactl.model.resource import Primitive, Resource

HINT = 1


def hints(
    nodes: Sequence[Node], resources: Sequence[Resource], constraints: Sequence[Constraint]
) -> Iterator[Location]:
    """Yield a hint for each resource that uses something; none where no packing is found."""
    offers = {node.name: node.utilization for node in nodes}
    said = {(each.rsc, each.node) for each in constraints if isinstance(each, Location)}
    apart = {
        frozenset((each.rsc, each.with_rsc))
        for each in constraints
        if isinstance(each, Colocation) and each.score <= -INFINITY
    }
    try:
        found = Packing(list(loads(resources, constraints)), offers, apart).find() or {}
    except TooHard:
        return
    for name, node in found.items():
        if (name, node) not in said:
            yield Location(name, node, HINT)


def loads(resources: Sequence[Resource], constraints: Sequence[Constraint]) -> Iterator[Load]:
    """Yield what uses something of a node, with the nodes it may be on."""
    allowed = {each.rsc: tuple(each.nodes) for each in constraints if isinstance(each, Confinement)}
    for each in resources:
        if isinstance(each, Primitive) and each.utilization:
            yield Load(each.id, each.utilization, allowed.get(each.id, ()))
