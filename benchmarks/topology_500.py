"""Writes a topology of many guests on many nodes: `topology_500.py [GUESTS [NODES]] > big.yaml`."""

from __future__ import annotations

import sys
from collections.abc import Iterator


def topology(guests: int, nodes: int) -> Iterator[str]:
    yield "cluster: {name: big, migration: {bandwidth: 1GiB/s}}"
    yield "nodes:"
    for number in range(1, nodes + 1):
        links = f"[10.1.0.{number}, 10.2.0.{number}]"
        room = f"cpus: 64, memory: {4 * (guests // nodes + 16)}GiB"
        fencing = f"fencing: {{bmc: {{ip: 10.3.0.{number}}}}}"
        yield f"  node{number}: {{links: {links}, {room}, {fencing}}}"
    yield "fencing:"
    yield "  devices: {bmc: {agent: fence_ipmilan, username: fence, password_script: /etc/bmc}}"
    yield "networks:"
    yield "  lan: {kind: bridge, bridge: br-lan, ports: [eth2]}"
    yield "  san: {kind: bridge, bridge: br-san, ports: [eth3]}"
    yield "storage:"
    yield '  vms: {kind: directory, path: /srv/vms, device: "nas:/vms", fstype: nfs4}'
    yield "guests:"
    for number in range(guests):
        yield f"  vm{number:04d}:"
        yield "    cpus: 1"
        yield "    memory: 2GiB"
        yield "    disks: [vms]"
        yield "    nics: [{network: lan}, {network: san}]"
        yield f"    priority: {number % 5}"
        if number % 10 == 1:
            yield f"    apart: [vm{number - 1:04d}]"


if __name__ == "__main__":
    counts = [int(word) for word in sys.argv[1:3]] + [500, 16][len(sys.argv) - 1 :]
    print("\n".join(topology(*counts)))
