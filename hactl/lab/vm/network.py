"""The lab's switches: a bridge for each network in a namespace of its own, a port for each node."""

from __future__ import annotations

from hactl.lab.vm.definition import Definition, Network, Node


def port(node: Node, network: Network) -> str:
    """The name of the switch's end of a cable."""
    return f"n{node.number}-{network.port}"


def mac(node: Node, network: Network) -> str:
    return f"52:54:00:78:{network.port:02x}:{10 + node.number:02x}"


def build(lab: Definition) -> str:
    """ip(8) commands that make all bridges and ports; nothing leads out of the namespace."""
    lines = ["link set lo up"]
    for network in lab.networks:
        options = "forward_delay 0 stp_state 0 mcast_snooping 0"
        lines.append(f"link add {network.name} type bridge {options}")
        if network.subnet is not None:
            length = network.subnet.prefixlen
            lines.append(f"address add {network.address(0)}/{length} dev {network.name}")
        lines.append(f"link set {network.name} up")
        for node in lab.nodes:
            name = port(node, network)
            lines.append(f"tuntap add dev {name} mode tap")
            lines.append(f"link set {name} master {network.name} up")
    return "\n".join(lines)


def set_port(node: Node, network: Network, state: str) -> str:
    return f"link set {port(node, network)} {state}"


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
