"""The lab's switches: three bridges in the lab's own namespace, and a cable from each to each node.

Which node is alive is not its business. One-way cuts are rules of nft(8).
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable

from hactl.errors import HactlError
from hactl.lab import network
from hactl.lab.lab_spec import (
    LAN,
    PORTS,
    SWITCH_HOST,
    address,
    hardware_address,
    node_index,
    port_name,
)

BRIDGES = tuple("lan" if port == LAN else f"link{port}" for port in range(PORTS))
Cut = tuple[str, int, str]  # node, port, "both" | "in" | "out" as the node sees it


def power_up() -> None:
    """Make the bridges."""
    with network.opened() as net:
        net.up("lo")
        for port, bridge in enumerate(BRIDGES):
            net.add_switch(bridge, f"{address(port, SWITCH_HOST)}/24")


def plug_in(node: str, pid: int, unplugged: Iterable[int]) -> None:
    """Run a cable from each bridge into the namespace of process ``pid``, and give it power."""
    out = frozenset(unplugged)
    with network.opened() as net:
        for port, bridge in enumerate(BRIDGES):
            name = port_name(node, port)
            hardware = hardware_address(port, node_index(node))
            net.add_cable(name, bridge, f"eth{port}", pid, hardware)
            if port not in out:
                net.up(name)


def give_addresses(node: str) -> None:
    """Inside a node: addresses on the links, none on the lan port."""
    with network.opened() as net:
        net.up("lo")
        for port in range(PORTS):
            if port != LAN:
                net.add_address(f"eth{port}", f"{address(port, node_index(node))}/24")
            net.up(f"eth{port}")


def silence(node: str) -> None:
    """Nothing the node still sends is heard any more."""
    with network.opened() as net:
        net.silence(ports_of(node))


def pull_out(node: str) -> None:
    """Take a node's cables away; the kernel would do so too, but at its leisure."""
    with network.opened() as net:
        net.remove(ports_of(node))


def ports_of(node: str) -> list[str]:
    return [port_name(node, port) for port in range(PORTS)]


def set_port(node: str, port: int, state: str) -> None:
    with network.opened() as net:
        net.set(port_name(node, port), state=state)


def one_way_rules(cuts: Iterable[Cut]) -> str:
    """The nft(8) ruleset for all one-way cuts together."""
    lines = ["table netdev cuts", "delete table netdev cuts", "table netdev cuts {"]
    for node, port, direction in sorted(cuts):
        name = port_name(node, port)
        # a frame the node sends comes in at the switch's port
        hook = "ingress" if direction == "out" else "egress"
        lines.append(
            f'  chain {direction}-{name} {{ type filter hook {hook} device "{name}" priority 0; '
            "policy drop; }"
        )
    return "\n".join([*lines, "}", ""])


def apply_one_way(cuts: Iterable[Cut]) -> None:
    if shutil.which("nft") is None:
        raise HactlError("a one-way cut needs nft", "apt install nftables")
    rules = one_way_rules(cuts)
    done = subprocess.run(["nft", "-f", "-"], input=rules, text=True, capture_output=True)
    if done.returncode:
        raise HactlError(f"nft: {' '.join(done.stderr.split())}")
