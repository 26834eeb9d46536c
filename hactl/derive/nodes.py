"""The nodes with their ids, and what they have left for guests."""

from __future__ import annotations

from hactl.model.node import Node
from hactl.model.timing import MIB
from hactl.topology.schema import nodes as schema
from hactl.topology.schema.document import Document

MEMORY_RESERVE = 1024 * MIB


def nodes(document: Document) -> tuple[Node, ...]:
    return tuple(
        Node(
            name=name,
            id=node.id or place,
            links=tuple(node.links),
            attributes=attributes(node),
            utilization=utilization(document, node),
        )
        for place, (name, node) in enumerate(document.nodes.items(), 1)
    )


def attributes(node: schema.Node) -> dict[str, str]:
    rack = {"rack": node.rack} if node.rack else {}
    return rack | node.attributes


def utilization(document: Document, node: schema.Node) -> dict[str, int]:
    """What guests may use of a node: cpu in thousandths of a core, memory in MiB."""
    cluster = document.cluster
    found: dict[str, int] = {}
    if node.cpus is not None:
        reserve = (node.reserve and node.reserve.cpus) or cluster.reserve.cpus or 0
        found["cpu"] = max(0, node.cpus - reserve) * cluster.cpu_overcommit
    if node.memory is not None:
        kept = (node.reserve and node.reserve.memory) or cluster.reserve.memory or MEMORY_RESERVE
        found["memory"] = max(0, node.memory - kept) // MIB
    return found
