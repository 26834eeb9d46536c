"""The lab's network: three bridges in the lab's own namespace, and a cable from each to each node.

Runs ip(8) and nft(8); which node is alive is not its business.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable

from hactl.errors import HactlError
from hactl.lab.lab_spec import LAN, PORTS, SWITCH_HOST, address, node_index, port_name

BRIDGES = tuple("lan" if port == LAN else f"link{port}" for port in range(PORTS))
Cut = tuple[str, int, str]  # node, port, "both" | "in" | "out" as the node sees it


def power_up() -> str:
    """ip(8) commands that make the bridges."""
    lines = ["link set lo up"]
    for port, bridge in enumerate(BRIDGES):
        options = "forward_delay 0 stp_state 0 mcast_snooping 0"
        lines += [
            f"link add {bridge} type bridge {options}",
            f"address add {address(port, SWITCH_HOST)}/24 dev {bridge}",
            f"link set {bridge} up",
        ]
    return "\n".join(lines)


def plug_in(node: str, pid: int, unplugged: Iterable[int]) -> str:
    """ip(8) commands that run a cable from each bridge into the namespace of process ``pid``."""
    out = frozenset(unplugged)
    lines = []
    for port, bridge in enumerate(BRIDGES):
        name = port_name(node, port)
        lines += [
            f"link add {name} type veth peer name eth{port} netns {pid}",
            f"link set {name} master {bridge}",
        ]
        if port not in out:
            lines.append(f"link set {name} up")
    return "\n".join(lines)


def node_addresses(node: str) -> str:
    """ip(8) commands for inside a node: addresses on the links, none on the lan port."""
    lines = ["link set lo up"]
    for port in range(PORTS):
        if port != LAN:
            lines.append(f"address add {address(port, node_index(node))}/24 dev eth{port}")
        lines.append(f"link set eth{port} up")
    return "\n".join(lines)


def silence(node: str) -> None:
    """Nothing the node still sends is heard any more."""
    ip("\n".join(f"link set {port_name(node, port)} down" for port in range(PORTS)), tolerant=True)


def pull_out(node: str) -> None:
    """Take a node's cables away; the kernel would do so too, but at its leisure."""
    ip("\n".join(f"link delete {port_name(node, port)}" for port in range(PORTS)), tolerant=True)


def set_port(node: str, port: int, state: str) -> None:
    ip(f"link set {port_name(node, port)} {state}")


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
    run(["nft", "-f", "-"], one_way_rules(cuts))


def ip(batch: str, *, tolerant: bool = False) -> None:
    """Run ip(8) commands, one a line. ``tolerant`` goes on after one that fails."""
    force = ["-force"] if tolerant else []
    run(["ip", *force, "-batch", "-"], batch + "\n", check=not tolerant)


def run(argv: list[str], stdin: str, *, check: bool = True) -> None:
    done = subprocess.run(argv, input=stdin, text=True, capture_output=True, check=False)
    if check and done.returncode:
        raise HactlError(f"{argv[0]}: {' '.join(done.stderr.split())}")
