"""What may be lost at once, as values, and all such losses of a cluster."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations, permutations

from lxml.etree import _Element

from hactl.cib.ownership import kind_of
from hactl.fencing.configuration import Fencing
from hactl.model.fencing import Means, means
from hactl.whatif.site import Site


class Kind(StrEnum):
    """What is lost."""

    NODE = "node"
    NODES = "nodes"
    IN_TURN = "in-turn"
    RACK = "rack"
    DEVICE = "fence-device"
    STORAGE = "storage"
    NETWORK = "network"


@dataclass(frozen=True, slots=True)
class Loss:
    """``nodes`` go silent and ``devices``, fence devices, no longer work, at the same moment.

    ``failed`` are primitives that stop working on a node and do not come back there. In a loss in
    turn ``nodes`` go one after the other, each when the cluster has come to rest.
    """

    kind: Kind
    name: str
    nodes: tuple[str, ...] = ()
    devices: frozenset[str] = frozenset()
    failed: tuple[tuple[str, str], ...] = ()


# Agents that are told to be storage or network where hactl has not marked what they are.
STORAGE = frozenset(
    {"Filesystem", "LVM-activate", "lvmlockd", "controld", "clvm", "rbd", "nfsserver", "drbd"}
    | {"RbdImage", "Gfs2Mount", "iscsi", "ZFS", "mdraid", "BTRFS"}
)
NETWORK = frozenset(
    {"LinuxBridge", "OvsBridge", "iface-bridge", "iface-vlan", "ovsmonitor", "ethmonitor", "Route"}
)


def sets_of_nodes(nodes: Sequence[str], most: int, *, in_turn: bool = False) -> Iterator[Loss]:
    """Yield every set of up to ``most`` nodes, single ones first; in turn, every order of them."""
    for size in range(1, most + 1):
        for names in (permutations if in_turn and size > 1 else combinations)(nodes, size):
            if size == 1:
                yield Loss(Kind.NODE, names[0], names)
            elif in_turn:
                yield Loss(Kind.IN_TURN, " then ".join(names), names)
            else:
                yield Loss(Kind.NODES, " + ".join(names), names)


def racks(site: Site, nodes: Sequence[str]) -> Iterator[Loss]:
    """Yield every rack: the nodes in it, and the fence devices that stand there."""
    for name in site.racks:
        there = tuple(node for node in nodes if site.rack_of(node) == name)
        devices = site.without_power(there) | site.devices_in(name)
        if there or devices:
            yield Loss(Kind.RACK, name, there, devices)


def fence_devices(site: Site, fencing: Fencing, nodes: Sequence[str]) -> Iterator[Loss]:
    """Yield every fence device together with what is behind it.

    What a device feeds goes with it. Behind any other is the node it fences: the question is what
    is left to fence that node.
    """
    told = set[tuple[frozenset[str], tuple[str, ...]]]()
    for device in fencing.devices:
        if not device.enabled or means(device.agent) is Means.KDUMP:
            continue
        gone = site.same_machine(device)
        fed = site.feeds(device)
        behind = [node for node in nodes if device.static and device.fences(node)]
        for there in [tuple(n for n in nodes if n in fed)] if fed else [(n,) for n in behind]:
            lost = gone | site.devices_fed(device) | (site.without_power(there) if fed else set())
            if (lost, there) not in told:
                told.add((lost, there))
                what = " with what it feeds" if fed else ""
                name = f"{device.id}{what} + {' + '.join(there)}" if there else device.id
                yield Loss(Kind.DEVICE, name, there, frozenset(lost))


def clones(cib: _Element, kind: Kind, nodes: Sequence[str]) -> Iterator[Loss]:
    """Yield each storage or network clone: on one node, and on all of them."""
    for clone in cib.iterfind("configuration/resources/*"):
        inside = [each.get("id", "") for each in clone.iter("primitive")]
        if clone.tag not in ("clone", "master") or not inside or kind_of_clone(clone) is not kind:
            continue
        name = clone.get("id", "")
        for node in nodes:
            yield Loss(kind, f"{name} on {node}", failed=((inside[0], node),))
        yield Loss(kind, f"{name} everywhere", failed=tuple((inside[0], node) for node in nodes))


def kind_of_clone(clone: _Element) -> Kind | None:
    marked = kind_of(clone)
    if marked:
        return {"storage": Kind.STORAGE, "network": Kind.NETWORK}.get(marked)
    types = {each.get("type", "") for each in clone.iter("primitive")}
    if types & STORAGE:
        return Kind.STORAGE
    return Kind.NETWORK if types & NETWORK else None
