"""vagrant/lab.yaml -> what nodes, networks and disks the VM lab has, or why it cannot be read."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import yaml
from pydantic import BeforeValidator, Field, ValidationError

from hactl.errors import Problem, TopologyError
from hactl.suggest import did_you_mean
from hactl.topology import messages
from hactl.topology.checked import Checked, wrong
from hactl.topology.schema.section import Section, nothing_is_empty
from hactl.topology.types import Duration, Name, Size, Text
from hactl.topology.units import shown
from hactl.topology.yaml import source
from hactl.topology.yaml.loader import Complaint, Unreadable
from hactl.topology.yaml.parse import Parsed, parse
from hactl.topology.yaml.positions import line_of
from hactl_vmlab.box import SUITES

FIRST_NODE = 10  # node1 is host 11 of every subnet, the hypervisor host 1
MAX_NODES = 9
MAX_PORTS = 8
LINK = "link"
STORAGE = "storage"
CEPH_MEMORY = 512  # MiB, for a monitor and an OSD
NODE_NAMES = tuple(f"node{number}" for number in range(1, MAX_NODES + 1))


def check_subnet(value: object) -> str | None:
    """Read ``10.78.1.0/24``, or nothing for a network without addresses."""
    if value is None:
        return None
    try:
        if isinstance(value, str) and (network := ipaddress.IPv4Network(value)).prefixlen <= 24:
            return str(network)
    except ValueError:
        pass
    raise wrong(f"{shown(value)} is not a subnet for a lab", "write it like 10.78.1.0/24")


def check_node(value: object) -> str:
    if value in NODE_NAMES:
        return str(value)
    raise wrong(f"{shown(value)} is not a node", f"nodes are called node1 to node{MAX_NODES}")


Subnet = Annotated[str | None, Checked(check_subnet, {"type": ["string", "null"]})]
NodeName = Annotated[str, Checked(check_node, {"type": "string"})]
Emptyable = BeforeValidator(nothing_is_empty)


class BoxSection(Section):
    suite: Literal["bookworm", "trixie"] = Field("bookworm", description="Debian release.")
    public: Text = Field(description="Box of Vagrant's public catalogue.")


class Machine(Section):
    memory: Size | None = Field(None, description="Memory of a node.")
    cpus: int | None = Field(None, ge=1, le=16, description="Cores of a node.")


class Power(Section):
    port: int = Field(7410, ge=1024, le=65535, description="TCP port of the power switch.")


class Timing(Section):
    """How long things take at most, in milliseconds, on one kind of machine."""

    token: Duration
    dc_deadtime: Duration
    watchdog: Duration
    boots_within: Duration
    answers_within: Duration
    forms_within: Duration
    recovers_within: Duration


class Timings(Section):
    kvm: Timing
    tcg: Timing


class LabFile(Section):
    """The whole of lab.yaml."""

    box: BoxSection
    machine: Machine = Machine()
    nodes: dict[NodeName, Annotated[Machine, Emptyable]] = Field(min_length=1)
    networks: dict[Name, Subnet] = Field(min_length=1, max_length=MAX_PORTS)
    disks: dict[Name, Size] = Field({})
    power: Power = Power()
    ceph: NodeName | None = Field(None, description="The node that has a small Ceph for all.")
    timing: Timings
    topology: dict[str, Any] = Field({})


@dataclass(frozen=True, slots=True)
class Node:
    """One machine. ``memory`` is in MiB."""

    name: str
    number: int
    memory: int
    cpus: int


@dataclass(frozen=True, slots=True)
class Network:
    """One switch, at the same port of every node."""

    name: str
    port: int
    subnet: ipaddress.IPv4Network | None

    def address(self, number: int) -> str:
        """Of node ``number``; 0 is the hypervisor."""
        assert self.subnet is not None
        return str(self.subnet[FIRST_NODE + number if number else 1])


@dataclass(frozen=True, slots=True)
class Definition:
    """What the lab consists of; the file as it was read is ``text``."""

    nodes: tuple[Node, ...]
    networks: tuple[Network, ...]
    disks: tuple[tuple[str, int], ...]
    power_port: int
    file: LabFile
    text: str

    @property
    def suite(self) -> str:
        return self.file.box.suite

    @property
    def ceph(self) -> Node | None:
        """The node with the Ceph, if there is one."""
        return next((node for node in self.nodes if node.name == self.file.ceph), None)

    def with_ceph(self) -> Definition:
        """The same with a Ceph, on the last node where the file names none."""
        if self.ceph:
            return self
        return loads(f"{self.text.rstrip()}\nceph: {self.nodes[-1].name}\n")

    def with_suite(self, suite: str) -> Definition:
        """The same with machines of another Debian release."""
        if suite == self.suite:
            return self
        document = yaml.safe_load(self.text)
        document["box"]["suite"] = suite
        return loads(yaml.safe_dump(document, sort_keys=False))

    def address_for_storage(self, node: Node) -> str:
        """Of the network called storage, or else of the first link."""
        found = [each for each in self.networks if each.name == STORAGE and each.subnet]
        return (found or [*self.links])[0].address(node.number)

    @property
    def management(self) -> Network:
        return self.networks[0]

    @property
    def links(self) -> tuple[Network, ...]:
        return tuple(each for each in self.networks if each.name.startswith(LINK))

    def timing(self, accelerator: str) -> Timing:
        return self.file.timing.kvm if accelerator == "kvm" else self.file.timing.tcg


def load(path: Path) -> Definition:
    """Read a lab file. Raises TopologyError with all that is wrong with it."""
    text, _ = source.read_text(str(path))
    return loads(text, str(path))


def loads(text: str, file: str = "lab.yaml") -> Definition:
    """Read the text of a lab file. Raises TopologyError."""
    try:
        parsed = parse(text)
    except Unreadable as exc:
        raise refused(file, [exc.complaint]) from None
    if parsed.complaints:
        raise refused(file, parsed.complaints)
    try:
        document = LabFile.model_validate(parsed.value)
    except ValidationError as exc:
        errors = exc.errors(include_url=False)
        raise refused(file, [complaint(parsed, dict(error)) for error in errors]) from None
    definition = build(document, text)
    if mistakes := contradictions(parsed, definition):
        raise refused(file, mistakes)
    return definition


def refused(file: str, complaints: Iterable[Complaint]) -> TopologyError:
    return TopologyError(
        [
            Problem(file, each.line, messages.dotted(each.path), each.message, each.hint)
            for each in complaints
        ]
    )


def complaint(parsed: Parsed, error: dict[str, Any]) -> Complaint:
    if error["type"] != "extra_forbidden":
        return messages.complaint(parsed.root, error)
    path = messages.document_path(parsed.root, error["loc"])
    hint = did_you_mean(str(path[-1]), known_keys(path[:-1]), "see vagrant/lab.yaml of the project")
    return Complaint(line_of(parsed.root, path), path, "unknown key", hint)


def known_keys(path: tuple[Any, ...]) -> list[str]:
    """The keys that may stand at a place of a lab file."""
    sections: dict[str, type[Section]] = {
        "box": BoxSection, "machine": Machine, "nodes": Machine, "power": Power, "timing": Timing,
    }  # fmt: skip
    section = sections.get(str(path[0]), LabFile) if path else LabFile
    return list(section.model_fields)


def build(document: LabFile, text: str) -> Definition:
    nodes = tuple(
        Node(
            name,
            int(name.removeprefix("node")),
            ((each.memory or document.machine.memory or 768 << 20) >> 20)
            + (CEPH_MEMORY if name == document.ceph else 0),
            each.cpus or document.machine.cpus or 1,
        )
        for name, each in document.nodes.items()
    )
    networks = tuple(
        Network(name, port, ipaddress.IPv4Network(subnet) if subnet else None)
        for port, (name, subnet) in enumerate(document.networks.items())
    )
    disks = tuple(document.disks.items())
    return Definition(nodes, networks, disks, document.power.port, document, text)


def contradictions(parsed: Parsed, lab: Definition) -> list[Complaint]:
    """What is wrong with the parts taken together."""
    found: list[Complaint] = []

    def wrong_at(name: str, message: str, hint: str) -> None:
        path = ("networks", name)
        found.append(Complaint(line_of(parsed.root, path), path, message, hint))

    if lab.file.ceph and not lab.ceph:
        path = ("ceph",)
        message = f"there is no {lab.file.ceph}"
        found.append(Complaint(line_of(parsed.root, path), path, message, "name one of nodes:"))
    if not lab.links:
        wrong_at(lab.management.name, "is not a link for Corosync", "add link0: 10.78.1.0/24")
    for network in {lab.management, *lab.links}:
        if network.subnet is None:
            wrong_at(network.name, "has no subnet", "ssh and Corosync need one: 10.78.1.0/24")
    for index, network in enumerate(lab.networks):
        for other in lab.networks[:index]:
            if network.subnet and other.subnet and network.subnet.overlaps(other.subnet):
                hint = "give each network a subnet of its own"
                wrong_at(network.name, f"overlaps with {other.name}", hint)
    return found


assert set(SUITES) == set(get_args(BoxSection.model_fields["suite"].annotation))
