"""Names that point to nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from hactl.derive.rbd_attachment import exports, exports_key
from hactl.errors import Problem
from hactl.lint.subject import Subject
from hactl.model.fencing import WATCHDOG
from hactl.suggest import did_you_mean, one_of
from hactl.topology.load import Topology
from hactl.topology.schema.raw import RawColocation, RawLocation, RawOrder
from hactl.topology.schema.workload import Placed
from hactl.topology.yaml.positions import Step

Reference = tuple[Sequence[Step], str]
Kind = tuple[str, Iterable[str]]


def references(subject: Subject) -> Iterator[Problem]:
    """Every name that is used is there."""
    topology = subject.topology
    document = topology.document
    devices = ("fence device", document.fencing.devices)
    powered = ("node or fence device", {**document.nodes, **document.fencing.devices})
    networks = ("network", document.networks)
    storage = ("storage", document.storage)
    yield from dangling(topology, devices, device_references(topology))
    yield from dangling(topology, powered, feeding(topology))
    yield from dangling(topology, networks, network_references(topology))
    yield from dangling(topology, storage, storage_references(topology))
    yield from peers(topology)
    yield from node_names(topology)
    yield from raw_names(subject)


def device_references(topology: Topology) -> Iterator[Reference]:
    for name, node in topology.document.nodes.items():
        for device in node.fencing:
            yield ("nodes", name, "fencing", device), device
    for index, level in enumerate(topology.document.fencing.levels):
        for place, device in enumerate(level):
            yield ("fencing", "levels", index, place), device


def feeding(topology: Topology) -> Iterator[Reference]:
    for name, device in topology.document.fencing.devices.items():
        for place, fed in enumerate(device.feeds):
            yield ("fencing", "devices", name, "feeds", place), fed


def network_references(topology: Topology) -> Iterator[Reference]:
    for name, guest in topology.document.guests.items():
        for index, nic in enumerate(guest.nics):
            yield ("guests", name, "nics", index, "network"), nic.network
        yield from listed(("guests", name, "networks"), guest.networks)
    for name, container in topology.document.containers.items():
        for index, plug in enumerate(container.networks):
            yield ("containers", name, "networks", index), plug.network
    for name, gateway in topology.document.gateways.items():
        if gateway.network:
            yield ("gateways", name, "network"), gateway.network


def storage_references(topology: Topology) -> Iterator[Reference]:
    for name, guest in topology.document.guests.items():
        for index, disk in enumerate(guest.disks):
            if disk.storage:
                yield ("guests", name, "disks", index, "storage"), disk.storage
        yield from listed(("guests", name, "storage"), guest.storage)
    for name, container in topology.document.containers.items():
        yield from listed(("containers", name, "storage"), container.storage)
    for name, gateway in topology.document.gateways.items():
        for index, export in enumerate(exports(gateway)):
            if export.storage:
                yield ("gateways", name, exports_key(gateway), index), export.storage
    yield from device_names(topology)


def device_names(topology: Topology) -> Iterator[Reference]:
    """Yield the storage that other storage lies on."""
    for name, storage in topology.document.storage.items():
        for where, device in storage.lies_on:
            if not device.startswith("/"):
                yield ("storage", name, *where), device


def listed(path: Sequence[Step], names: Iterable[str]) -> Iterator[Reference]:
    for index, name in enumerate(names):
        yield (*path, index), name


def dangling(topology: Topology, kind: Kind, references: Iterable[Reference]) -> Iterator[Problem]:
    what, known = kind
    for path, name in references:
        if name not in known:
            yield topology.problem(path, f"there is no {what} {name!r}", mend(what, name, known))


def mend(what: str, name: str, known: Iterable[str]) -> str:
    if (what, name) == ("fence device", WATCHDOG):
        return "remove it: fencing.watchdog is the last level by itself"
    names = list(known)
    otherwise = f"known: {one_of(names)}" if names else f"define the {what} first"
    return did_you_mean(name, names, otherwise)


def workloads(topology: Topology) -> Iterator[tuple[str, str, Placed]]:
    """Yield section, name and entry of every guest, container and gateway."""
    for name, guest in topology.document.guests.items():
        yield "guests", name, guest
    for name, container in topology.document.containers.items():
        yield "containers", name, container
    for name, gateway in topology.document.gateways.items():
        yield "gateways", name, gateway


def peers(topology: Topology) -> Iterator[Problem]:
    names = {name for _, name, _ in workloads(topology)}
    for section, name, entry in workloads(topology):
        for key, others in named_peers(entry):
            for place, other in others:
                path = (section, name, key, *place)
                if other == name:
                    yield topology.problem(path, f"{name} names itself", "remove it")
                elif other not in names:
                    what = "guest, container or gateway"
                    yield topology.problem(
                        path, f"there is no {what} {other!r}", mend(what, other, sorted(names))
                    )


def named_peers(entry: Placed) -> Iterator[tuple[str, Iterable[Reference]]]:
    yield "after", (((index,), other) for index, other in enumerate(entry.after))
    for key in ("together", "apart"):
        yield key, (((), other) for other in getattr(entry, key))


def node_names(topology: Topology) -> Iterator[Problem]:
    nodes = ("node", topology.document.nodes)
    for section, name, entry in workloads(topology):
        preferred = [((section, name, "prefer", node), node) for node in entry.prefer]
        yield from dangling(topology, nodes, preferred)
        yield from dangling(topology, nodes, listed((section, name, "nodes"), entry.nodes))


def raw_names(subject: Subject) -> Iterator[Problem]:
    topology, cluster = subject.topology, subject.cluster
    resources = ("resource", {resource.id: None for resource in cluster.resources})
    nodes = ("node", topology.document.nodes)
    for index, item in enumerate(topology.document.raw):
        path = ("raw", index)
        if isinstance(item, RawOrder):
            found = [((*path, "first"), item.first), ((*path, "then"), item.then)]
            yield from dangling(topology, resources, found)
        elif isinstance(item, RawColocation):
            found = [((*path, "resource"), item.resource), ((*path, "with"), item.with_)]
            yield from dangling(topology, resources, found)
        elif isinstance(item, RawLocation):
            yield from dangling(topology, resources, [((*path, "resource"), item.resource)])
            yield from dangling(topology, nodes, [((*path, "node"), item.node)])
