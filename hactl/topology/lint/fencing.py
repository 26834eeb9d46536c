"""Nodes that nobody can fence, levels that do not fit, and the traps of two nodes."""

from __future__ import annotations

from collections.abc import Iterator

from hactl.errors import Problem
from hactl.topology.lint import Subject
from hactl.topology.load import Topology
from hactl.topology.schema.document import Document


def fencing(subject: Subject) -> Iterator[Problem]:
    """Every node can be fenced, or the operator said that none needs to be."""
    topology = subject.topology
    document = topology.document
    if not document.cluster.fencing:
        yield topology.warning(
            ("cluster", "fencing"),
            "without fencing, a node that hangs and comes back can write where another took over",
            "only where no data can be lost",
        )
        return
    for name, node in document.nodes.items():
        if not node.fencing:
            yield topology.problem(
                ("nodes", name),
                "nothing can fence it",
                "add fencing: {DEVICE: {plug: ...}}, or set cluster.fencing: false",
            )
    yield from levels(topology)


def levels(topology: Topology) -> Iterator[Problem]:
    document = topology.document
    if not document.fencing.levels:
        return
    listed = {device for level in document.fencing.levels for device in level}
    for name, node in document.nodes.items():
        for device in node.fencing:
            if device in document.fencing.devices and device not in listed:
                yield topology.problem(
                    ("nodes", name, "fencing", device),
                    f"{device} is in no level, so it is never tried",
                    "add it to fencing.levels",
                )
    for index, level in enumerate(document.fencing.levels):
        for place, device in enumerate(level):
            if device in level[:place]:
                yield topology.problem(
                    ("fencing", "levels", index, place), f"{device} is twice in a level", "once"
                )


def two_nodes(subject: Subject) -> Iterator[Problem]:
    """Two nodes do not shoot each other, and do not start alone."""
    topology = subject.topology
    document = topology.document
    if len(document.nodes) != 2:
        return
    if document.cluster.wait_for_all is False:
        yield topology.warning(
            ("cluster", "wait_for_all"),
            "a node that starts alone fences the other, which then does the same",
            "remove it: with two nodes it is on by default",
        )
    yield from equal_delays(topology)


def equal_delays(topology: Topology) -> Iterator[Problem]:
    if not topology.document.cluster.fencing:
        return
    delays = [static_delays(topology.document, node) for node in topology.document.nodes]
    if delays[0] and delays[0] == delays[1]:
        yield topology.problem(
            ("fencing", "devices"),
            f"both nodes are fenced after the same delay ({', '.join(sorted(delays[0]))}), "
            "so they can shoot each other",
            "give pcmk_delay_base to one node only, or to none and leave it to hactl",
        )


def static_delays(document: Document, node: str) -> set[str]:
    found = set()
    for device, params in document.nodes[node].fencing.items():
        if device in document.fencing.devices:
            merged = document.fencing.devices[device].parameters | params
            # pcmk_delay_max is drawn at random: two draws differ.
            if (delay := merged.get("pcmk_delay_base")) and "pcmk_delay_max" not in merged:
                found.add(delay)
    return found


def quorum(subject: Subject) -> Iterator[Problem]:
    """Without quorum, something other than everything goes on."""
    topology = subject.topology
    cluster = topology.document.cluster
    policy = cluster.properties.get("no-quorum-policy", cluster.no_quorum_policy)
    if policy == "ignore" and len(topology.document.nodes) > 1:
        yield topology.warning(
            ("cluster", "no_quorum_policy"),
            "ignore lets every part of a split cluster start everything",
            "write stop, or freeze",
        )
