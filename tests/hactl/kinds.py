"""Topologies with networks, storage and gateways of every kind."""

import re

from tests.hactl.topologies import BASE

# Nine lines without a problem; what a test adds begins on line 10.
OVS = BASE.replace(
    "{lan: {kind: bridge, bridge: br-lan}}",
    "{lan: {kind: ovs, bridge: br-lan, uplinks: [eth2], vlans: [10, 20-22]}}",
)
TWO_DEVICES = (
    BASE.replace("{plug: node1}}", "{plug: node1}, pdu: }")
    .replace("{plug: node2}}", "{plug: node2}, pdu: }")
    .replace("{plug: node3}}", "{plug: node3}, pdu: }")
    .replace("{agent: fence_lab}}", "{agent: fence_lab}, pdu: {agent: fence_apc}}")
)


def with_storage(entry: str, base: str = TWO_DEVICES) -> str:
    if "gfs2" in entry:  # DLM takes one link
        base = re.sub(r", 10\.0\.1\.[0-9]\]", "]", base)
    return base.replace("{vms: ", f"{{{entry}, vms: ")


def with_gateway(entry: str, storage: str = "vol1: {kind: rbd, image: a/vol1}") -> str:
    return with_storage(storage) + f"gateways:\n  san1: {{{entry}}}\n"


def guest(rest: str, base: str = OVS) -> str:
    return base + f"guests:\n  web1: {{cpus: 1, memory: 1GiB, {rest}}}\n"


ISCSI = (
    "kind: iscsi, address: 10.9.0.1/24, iqn: iqn.2026-11.a:b, luns: [vol1], chap: {file: /etc/c}"
)
NVMEOF = (
    "kind: nvmeof, address: 10.9.0.1/24, nqn: nqn.2026-11.a:b, namespaces: [vol1], "
    "auth: {file: /etc/c}"
)
GFS2 = "shared: {kind: gfs2, path: /srv/shared, device: /dev/sdx, journals: 3}"
