"""Addresses, bridges, ports and disks that belong to two at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hactl.errors import Problem
from hactl.topology.build.machine import machine
from hactl.topology.lint import Subject
from hactl.topology.load import Topology
from hactl.topology.messages import dotted
from hactl.topology.places import Step

Claim = tuple[str, Sequence[Step]]


def addresses(subject: Subject) -> Iterator[Problem]:
    """No address, bridge, port, directory or disk is given twice."""
    topology = subject.topology
    yield from twice(topology, "the address", address_claims(topology))
    yield from twice(topology, "the MAC address", mac_claims(subject))
    yield from twice(topology, "the bridge", bridge_claims(topology))
    yield from twice(topology, "the port", port_claims(topology))
    yield from twice(topology, "the directory", directory_claims(topology))
    yield from twice(topology, "the disk", disk_claims(topology))
    yield from twice(topology, "the definition", definition_claims(topology))


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
    for name, network in topology.document.networks.items():
        for index, port in enumerate(network.ports):
            yield port, ("networks", name, "ports", index)


def directory_claims(topology: Topology) -> Iterator[Claim]:
    for name, storage in topology.document.storage.items():
        yield storage.path, ("storage", name, "path")


def disk_claims(topology: Topology) -> Iterator[Claim]:
    document = topology.document
    for name, guest in document.guests.items():
        for index, disk in enumerate(machine(document, name, guest).disks):
            yield disk.path, ("guests", name, "disks", index)


def definition_claims(topology: Topology) -> Iterator[Claim]:
    for name, guest in topology.document.guests.items():
        if guest.definition:
            yield guest.definition, ("guests", name, "definition")


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
    if most == 1 and len(counts) > 1 and set(counts.values()) == {1}:
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
