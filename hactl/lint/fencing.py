"""Nodes that nobody can fence, levels that do not fit, and the traps of two nodes."""

from __future__ import annotations

from collections.abc import Iterator

from hactl.errors import Problem
from hactl.lint.subject import Subject
from hactl.model.fencing import OUTLETS, Means, means
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
    for name in document.nodes:
        yield from means_of(topology, name)
    yield from unused(topology)
    yield from levels(topology)
    yield from supplies(topology)


def unused(topology: Topology) -> Iterator[Problem]:
    """A device that no node names would not be in the cluster at all; one that feeds others may."""
    named = {device for node in topology.document.nodes.values() for device in node.fencing}
    for name, device in topology.document.fencing.devices.items():
        if name not in named and not device.feeds:
            yield topology.warning(
                ("fencing", "devices", name),
                "fences no node",
                f"add fencing: {{{name}: {{}}}} to the nodes it fences, or remove it",
            )


def means_of(topology: Topology, name: str) -> Iterator[Problem]:
    """What a node's devices cannot do, all of them together."""
    document = topology.document
    agents = [
        document.fencing.devices[device].agent
        for device in document.nodes[name].fencing
        if device in document.fencing.devices
    ]
    found = {means(agent) for agent in agents}
    if found == {Means.KDUMP} or not found <= {Means.STORAGE, Means.KDUMP}:
        return  # the first is a finding of its own, for a CIB as well
    if agents and document.fencing.watchdog is None:
        yield topology.warning(
            ("nodes", name, "fencing"),
            f"{agents[-1]} cuts it off from its storage and leaves it running, with its addresses",
            "add a device that switches its power, or fencing.watchdog",
        )


def supplies(topology: Topology) -> Iterator[Problem]:
    """Where others have two supplies, a node with one outlet may have a second one, too."""
    document = topology.document
    for level in document.fencing.levels:
        outlets = [
            name
            for name in level
            if name in document.fencing.devices and document.fencing.devices[name].agent in OUTLETS
        ]
        owners = {
            node: [o for o in outlets if o in document.nodes[node].fencing]
            for node in document.nodes
        }
        most = max(map(len, owners.values()), default=0)
        for node, own in owners.items():
            if 0 < len(own) < most:
                lacking = next(name for name in outlets if name not in own)
                yield topology.warning(
                    ("nodes", node, "fencing"),
                    f"has {own[0]} and not {lacking}: with a second supply it would be called off, "
                    "and run on",
                    f"add {lacking}, or give it a level of its own if it has one supply only",
                )


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
    if len(document.nodes) != 2 or document.cluster.qdevice:
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
