"""What is wrong with a fencing configuration by itself, before any device is asked."""

from __future__ import annotations

from collections.abc import Iterator

from hactl.fencing.configuration import Fencing
from hactl.fencing.finding import Finding, Subject
from hactl.fencing.rules.cluster import of_cluster
from hactl.fencing.rules.device import of_device
from hactl.fencing.rules.levels import of_levels
from hactl.fencing.rules.plugs import plugs
from hactl.model.fencing import Means, means


def faults(fencing: Fencing) -> Iterator[Finding]:
    """Yield everything that can be seen in the CIB alone."""
    yield from of_cluster(fencing)
    for node in fencing.nodes:
        yield from of_node(fencing, node)
    for device in fencing.devices:
        yield from of_device(fencing, device)
    yield from of_levels(fencing)
    yield from plugs(fencing)


def of_node(fencing: Fencing, node: str) -> Iterator[Finding]:
    can = [device for device in fencing.devices if device.enabled and device.fences(node)]
    if not can:
        if not fencing.watchdog:
            yield Finding(
                "node.unfenced",
                Subject.node(node),
                "no device fences it",
                "add one with pcmk_host_list",
            )
    elif fencing.nodes == (node,):
        yield Finding(
            "node.alone",
            Subject.node(node),
            "it is the only node of the cluster: nobody else is there to fence it",
            "add a second node, or set stonith-enabled=false",
        )
    elif not any(set(fencing.users(device)) - {node} for device in can):
        yield Finding(
            "node.fences-itself",
            Subject.node(node),
            "no other node may use the device that fences it, and nobody fences itself",
            f"ban the device from {node}, and from no other node",
        )
    elif not fencing.watchdog and all(means(each.agent) is Means.KDUMP for each in can):
        yield Finding(
            "node.dump-only",
            Subject.node(node),
            f"{can[0].agent} says only that a node is dumping; one that hangs is never fenced",
            "add a device that switches its power",
        )
