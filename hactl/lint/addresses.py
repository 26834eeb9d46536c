"""Addresses, bridges, ports and disks that belong to two at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hactl.derive.exports import path_of
from hactl.derive.locks import locks
from hactl.derive.machine import machine
from hactl.derive.networks import ports
from hactl.derive.rbd_attachment import BY_LIBRBD, exports, exports_key, several_paths
from hactl.derive.storage import device
from hactl.errors import Problem
from hactl.lint.remote_nodes import remote_nodes
from hactl.lint.subject import Subject
from hactl.topology.load import Topology
from hactl.topology.messages import dotted
from hactl.topology.schema.gateways import Iscsi
from hactl.topology.yaml.positions import Step

Claim = tuple[str, Sequence[Step]]


def addresses(subject: Subject) -> Iterator[Problem]:
    """No address, bridge, port, directory or disk is given twice."""
    topology = subject.topology
    yield from twice(topology, "the address", address_claims(topology))
    yield from twice(topology, "the MAC address", mac_claims(subject))
    yield from twice(topology, "the bridge", bridge_claims(topology))
    yield from twice(topology, "the port", port_claims(topology))
    yield from storage_twice(topology)
    yield from twice(topology, "the disk", disk_claims(subject))
    yield from twice(topology, "the target", target_claims(topology))
    yield from twice(topology, "the definition", definition_claims(topology))
    yield from twice(topology, "the guest's name", guest_name_claims(subject))
    yield from twice(topology, "the guest's UUID", uuid_claims(subject))
    yield from twice(topology, "the container", container_claims(topology))
    yield from twice(topology, "the container's directory", container_path_claims(topology))
    yield from twice(topology, "the config", config_claims(topology))
    yield from twice(topology, "the disk of SBD", sbd_claims(topology))
    yield from twice(topology, "the remote node", remote_claims(topology))
    yield from inside_another(topology)
    yield from no_port(topology)


def twice(topology: Topology, what: str, claims: Iterator[Claim]) -> Iterator[Problem]:
    seen: dict[str, Sequence[Step]] = {}
    for value, path in claims:
        if value in seen:
            yield topology.problem(
                path, f"{what} {value} is also that of {dotted(seen[value])}", "give it to one"
            )
        seen.setdefault(value, path)


def address_claims(topology: Topology) -> Iterator[Claim]:
    for name, node in topology.document.nodes.items():
        for index, link in enumerate(node.links):
            yield link, ("nodes", name, "links", index)
    for name, container in topology.document.containers.items():
        if container.address:
            yield container.address.split("/")[0], ("containers", name, "address")
    for name, gateway in topology.document.gateways.items():
        if not several_paths(gateway):
            for index, address in enumerate(gateway.address):
                yield address.split("/")[0], ("gateways", name, "address", index)


def mac_claims(subject: Subject) -> Iterator[Claim]:
    document = subject.topology.document
    for name, guest in document.guests.items():
        for index, nic in enumerate(machine(document, name, guest).nics):
            yield nic.mac, ("guests", name, "nics", index)
    for section in ("guests", "containers"):
        for name in getattr(document, section):
            for mac in subject.survey.needs[name].macs:
                yield mac, (section, name)


def bridge_claims(topology: Topology) -> Iterator[Claim]:
    for name, network in topology.document.networks.items():
        yield network.bridge, ("networks", name, "bridge")


def port_claims(topology: Topology) -> Iterator[Claim]:
    for name, key, index, port in ports(topology.document):
        yield port, ("networks", name, key, index)


def storage_twice(topology: Topology) -> Iterator[Problem]:
    claims: dict[str, list[Claim]] = {}
    for name, storage in topology.document.storage.items():
        what, value, key = storage.claim
        claims.setdefault(what, []).append((value, ("storage", name, key)))
    for what, found in claims.items():
        yield from twice(topology, what, iter(found))


def disk_claims(subject: Subject) -> Iterator[Claim]:
    """Yield every disk, image and device with its user, by the path it would have as a device."""
    document = subject.topology.document
    for name, guest in document.guests.items():
        for index, disk in enumerate(machine(document, name, guest).disks):
            path = f"/dev/rbd/{disk.path}" if disk.ceph else disk.path
            yield path, ("guests", name, "disks", index)
    for name, gateway in document.gateways.items():
        for index, export in enumerate(exports(gateway)):
            if served := path_of(document, subject.survey, export):
                where = ("gateways", name, exports_key(gateway), index)
                yield served.replace(BY_LIBRBD, "/dev/rbd/", 1), where
    for name, storage in document.storage.items():
        for key, below in storage.lies_on:
            yield device(document, below), ("storage", name, *key)


def target_claims(topology: Topology) -> Iterator[Claim]:
    """Yield the names of targets and subsystems; whoever spells them, their case is ignored."""
    for name, gateway in topology.document.gateways.items():
        key = "iqn" if isinstance(gateway, Iscsi) else "nqn"
        yield getattr(gateway, key).lower(), ("gateways", name, key)


def definition_claims(topology: Topology) -> Iterator[Claim]:
    for name, guest in topology.document.guests.items():
        if guest.definition:
            yield guest.definition, ("guests", name, "definition")


def guest_name_claims(subject: Subject) -> Iterator[Claim]:
    """Yield the name of each guest for libvirt, with its URI: libvirt has each name once."""
    for name, guest in subject.topology.document.guests.items():
        known_as = subject.survey.needs[name].libvirt_name or ("" if guest.definition else name)
        if known_as:
            key = ("guests", name, "definition") if guest.definition else ("guests", name)
            yield with_uri(known_as, guest.uri), key


def uuid_claims(subject: Subject) -> Iterator[Claim]:
    for name, guest in subject.topology.document.guests.items():
        if uuid := subject.survey.needs[name].uuid:
            yield with_uri(uuid, guest.uri), ("guests", name, "definition")


def with_uri(name: str, uri: str | None) -> str:
    return f"{name} at {uri}" if uri else name


def container_claims(topology: Topology) -> Iterator[Claim]:
    """Yield each container's name for LXC, with the directory that LXC would look it up in."""
    for name, container in topology.document.containers.items():
        lxcpath = (container.path or "").rpartition("/")[0]
        known_as = container.container or name
        where = f"{known_as} in {lxcpath}" if lxcpath else known_as
        yield where, ("containers", name, *(["container"] if container.container else []))


def container_path_claims(topology: Topology) -> Iterator[Claim]:
    for name, container in topology.document.containers.items():
        if container.path:
            yield container.path, ("containers", name, "path")


def inside_another(topology: Topology) -> Iterator[Problem]:
    """Report a container below the directory of another: what is done to one is done to both."""
    paths = {name: each.path for name, each in topology.document.containers.items() if each.path}
    for name, path in paths.items():
        above = next((each for each in paths if path.startswith(f"{paths[each]}/")), "")
        if above:
            yield topology.problem(
                ("containers", name, "path"),
                f"{path} lies in the directory of containers.{above}",
                "put it beside that",
            )


def no_port(topology: Topology) -> Iterator[Problem]:
    """Report what the kernel takes as a port of no bridge."""
    bridges = {each.bridge: name for name, each in topology.document.networks.items()}
    linux = {each.bridge for each in topology.document.networks.values() if not each.tags_ports}
    for name, key, index, port in ports(topology.document):
        own = topology.document.networks[name].bridge
        refused = port == own or (own in linux and port in linux)
        if refused or port == "lo":
            what = f"the bridge of networks.{bridges[port]}" if refused else "the loopback device"
            yield topology.problem(
                ("networks", name, key, index),
                f"{port} is {what}, which can be a port of no bridge",
                "write the interface that leads out of the node",
            )


def config_claims(topology: Topology) -> Iterator[Claim]:
    for name, container in topology.document.containers.items():
        if container.config:
            yield container.config, ("containers", name, "config")


def sbd_claims(topology: Topology) -> Iterator[Claim]:
    dog = topology.document.fencing.watchdog
    for index, disk in enumerate(dog.disks if dog else ()):
        yield disk, ("fencing", "watchdog", "disks", index)


def remote_claims(topology: Topology) -> Iterator[Claim]:
    """Yield all that Pacemaker knows as a node; its names of nodes ignore case."""
    for name in topology.document.nodes:
        yield name.lower(), ("nodes", name)
    for path, name, _ in remote_nodes(topology.document):
        yield name.lower(), path


def links(subject: Subject) -> Iterator[Problem]:
    """All nodes have the same links, and more than one."""
    topology = subject.topology
    counts = {name: len(node.links) for name, node in topology.document.nodes.items()}
    most = max(counts.values())
    for name, count in counts.items():
        if count != most:
            yield topology.problem(
                ("nodes", name, "links"),
                f"has {count} links, other nodes have {most}",
                "give every node one address on each link",
            )
    bonded = locks(topology.document)  # DLM takes one link, so a bond is all that is left
    if most == 1 and len(counts) > 1 and set(counts.values()) == {1} and not bonded:
        yield topology.warning(
            ("nodes",),
            "the nodes have one link only: one cable or switch takes the cluster apart",
            "give every node a second address on another network",
        )


def node_ids(subject: Subject) -> Iterator[Problem]:
    """Node ids are all given or all counted, and none twice."""
    topology = subject.topology
    given = {name: node.id for name, node in topology.document.nodes.items()}
    without = [name for name, number in given.items() if number is None]
    if without and len(without) < len(given):
        for name in without:
            yield topology.problem(
                ("nodes", name), "has no id, other nodes have one", "add id: to all nodes or none"
            )
        return
    claims = ((str(number), ("nodes", name, "id")) for name, number in given.items() if number)
    yield from twice(topology, "the id", claims)
