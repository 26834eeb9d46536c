"""Fencing -> one device per node, away from its own target, and the levels they are tried in."""

from __future__ import annotations

from collections.abc import Iterator

from hactl.model.constraint import INFINITY, Location
from hactl.model.fencing import FencingLevel
from hactl.model.resource import Agent, Operation, Primitive
from hactl.model.timing import duration
from hactl.topology.build.parts import Parts
from hactl.topology.schema.document import Document
from hactl.topology.units import longest

# How long the fencing of the first node of two is held back, so that a tie has one survivor.
TIE_BREAK = 5_000


def device_id(device: str, node: str) -> str:
    return f"{device}-{node}"


def fence_devices(document: Document) -> Parts:
    """Return a stonith primitive for each node and device, banned from the node it fences."""
    if not document.cluster.fencing:
        return Parts()
    pairs = list(used_devices(document))
    resources = tuple(fence_device(document, node, device) for node, device in pairs)
    bans = tuple(
        Location(device_id(device, node), node, -INFINITY)
        for node, device in pairs
        if not document.fencing.devices[device].on_target
    )
    return Parts(resources, bans)


def used_devices(document: Document) -> Iterator[tuple[str, str]]:
    for name, node in document.nodes.items():
        for device in node.fencing:
            if device in document.fencing.devices:
                yield name, device


def fence_device(document: Document, node: str, device: str) -> Primitive:
    declared = document.fencing.devices[device]
    params = written(document, node, device)
    params |= {"pcmk_host_list": node, "pcmk_host_check": "static-list"}
    if breaks_tie(document, node):
        params["pcmk_delay_base"] = duration(TIE_BREAK)
    return Primitive(
        id=device_id(device, node),
        agent=Agent("stonith", "", declared.agent),
        kind="fencing",
        params=params,
        operations=(
            Operation("start", 60_000),
            Operation("monitor", 60_000, interval=declared.monitor),
        ),
    )


def breaks_tie(document: Document, node: str) -> bool:
    """Whether the fencing of this node waits, so that two nodes do not shoot each other.

    It does for the first of two, unless the operator has written any delay.
    """
    if len(document.nodes) != 2 or node != next(iter(document.nodes)):
        return False
    return not any(delays(document))


def delays(document: Document) -> Iterator[int]:
    """Yield the delays that the operator has written, in milliseconds."""
    for node, device in used_devices(document):
        params = written(document, node, device)
        yield longest(params, "pcmk_delay_base", "pcmk_delay_max")


def written(document: Document, node: str, device: str) -> dict[str, str]:
    """Return what the operator has written for a device, and on top of it for this node."""
    return document.fencing.devices[device].parameters | document.nodes[node].fencing[device]


def fencing_levels(document: Document) -> tuple[FencingLevel, ...]:
    if not document.cluster.fencing:
        return ()
    return tuple(level for name in document.nodes for level in levels_of(document, name))


def levels_of(document: Document, name: str) -> Iterator[FencingLevel]:
    """Yield the levels of a node that has more than one device.

    Several devices in one level are a node with several supplies: Pacemaker turns all off before
    it turns any on.
    """
    own = [device for node, device in used_devices(document) if node == name]
    if len(own) < 2:
        return
    wanted = document.fencing.levels or [[device] for device in document.fencing.devices]
    for index, level in enumerate(wanted, 1):
        devices = tuple(device_id(device, name) for device in level if device in own)
        if devices:
            yield FencingLevel(name, index, devices)
