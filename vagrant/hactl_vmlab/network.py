"""The lab's switches: a bridge for each network in a namespace of its own, a port for each node."""

from __future__ import annotations

from hactl.lab.network import opened
from hactl_vmlab.definition import Definition, Network, Node


def port(node: Node, network: Network) -> str:
    """The name of the switch's end of a cable."""
    return f"n{node.number}-{network.port}"


def mac(node: Node, network: Network) -> str:
    return f"52:54:00:78:{network.port:02x}:{10 + node.number:02x}"


def build(lab: Definition) -> None:
    """Make all bridges and ports; nothing leads out of the namespace."""
    with opened() as net:
        net.up("lo")
        for network in lab.networks:
            own = f"{network.address(0)}/{network.subnet.prefixlen}" if network.subnet else None
            net.add_switch(network.name, own)
            for node in lab.nodes:
                net.add_tap(port(node, network), network.name)


def set_port(node: Node, network: Network, state: str) -> None:
    with opened() as net:
        net.set(port(node, network), state=state)


def boot_arguments(lab: Definition, node: Node) -> list[str]:
    """What the kernel is told of a node's addresses (systemd-network-generator(8))."""
    return [
        f"ip={each.address(node.number)}:::{each.subnet.netmask}:{node.name}:eth{each.port}:off"
        for each in lab.networks
        if each.subnet is not None
    ]


def hosts_file(lab: Definition) -> str:
    """/etc/hosts of every node: a node's name stands for its address on the first link."""
    lines = ["127.0.0.1 localhost"]
    for node in lab.nodes:
        for network in lab.networks:
            if network.subnet is not None:
                name = f"{node.name} " if network == lab.links[0] else ""
                lines.append(f"{network.address(node.number)} {name}{node.name}-{network.name}")
    lines.append(f"{lab.management.address(0)} hypervisor")
    return "\n".join(lines) + "\n"
