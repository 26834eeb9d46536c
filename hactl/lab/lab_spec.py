"""What a lab is asked to be: its nodes, names and addresses. Knows no process and no file."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass

from hactl.errors import UsageError

LINKS = 2  # Corosync's knet links: eth0 and eth1 of every node
LAN = LINKS  # the port for bridges and guests: eth2 of every node
PORTS = LINKS + 1
LAN_SUBNET = 10
SWITCH_HOST = 254  # the address of the switch, "client", in each subnet
MAX_NODES = 16
SERVICES = ("libvirt", "lxc", "ovs")
CLIENT = "client"
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,30}")


@dataclass(frozen=True, slots=True)
class LabSpec:
    """One lab. ``token`` is Corosync's token timeout in milliseconds."""

    name: str = "lab"
    nodes: int = 3
    token: int = 1000
    rootless: bool = False
    services: tuple[str, ...] = ()
    start: bool = True

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise UsageError(
                f"{self.name!r} is not a name for a lab",
                "use lower-case letters, digits and '-', at most 31",
            )
        if not 1 <= self.nodes <= MAX_NODES:
            raise UsageError(f"a lab has 1 to {MAX_NODES} nodes, not {self.nodes}")
        if not 100 <= self.token <= 600_000:
            raise UsageError(f"a token of {self.token} ms is outside 100ms to 10m")
        for service in self.services:
            if service not in SERVICES:
                raise UsageError(f"{service!r} is none of {', '.join(SERVICES)}")

    @property
    def node_names(self) -> tuple[str, ...]:
        return tuple(f"node{index}" for index in range(1, self.nodes + 1))

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> LabSpec:
        values = json.loads(text)
        return cls(**{**values, "services": tuple(values["services"])})


def node_index(node: str) -> int:
    """``node3`` -> 3."""
    return int(node.removeprefix("node"))


def address(port: int, host: int) -> str:
    """The IPv4 address of host number ``host`` in the subnet of a port of the switch."""
    return f"10.77.{LAN_SUBNET if port == LAN else port + 1}.{host}"


def hardware_address(port: int, host: int) -> str:
    """The MAC address of a node's network card: the same after every boot, as a machine's is.

    Whoever has it in their ARP table need not ask again. Locally administered (IEEE 802).
    """
    return f"02:00:00:00:{port:02x}:{host:02x}"


def port_name(node: str, port: int) -> str:
    """The switch's end of a node's cable."""
    return f"{node}-{port}"


def hosts_file(spec: LabSpec) -> str:
    """/etc/hosts of every node: node names stand for their address on link 0."""
    lines = ["127.0.0.1 localhost"]
    for node in spec.node_names:
        index = node_index(node)
        lines.append(f"{address(0, index)} {node} {node}-link0")
        lines.append(f"{address(1, index)} {node}-link1")
    lines.append(f"{address(LAN, SWITCH_HOST)} {CLIENT}")
    return "\n".join(lines) + "\n"
