"""Addresses on Ceph's blocklist that are another node's: who is cut off would be the wrong one."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from hactl.derive.fencing import used_devices, written
from hactl.derive.unfencing import CEPH_BLOCKLIST
from hactl.errors import Problem
from hactl.lint.subject import Subject

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def blocklist(subject: Subject) -> Iterator[Problem]:
    """No node is given the address of the link of another node."""
    topology = subject.topology
    document = topology.document
    seen = set()
    for user, device in used_devices(document):
        if document.fencing.devices[device].agent != CEPH_BLOCKLIST:
            continue
        text = written(document, user, device).get("addresses", "")
        for node, network in given(text):
            for other in document.nodes:
                if other != node and (device, network, other) not in seen:
                    seen.add((device, network, other))
                    if any(holds(network, link) for link in document.nodes[other].links):
                        yield topology.problem(
                            ("fencing", "devices", device, "addresses"),
                            f"{network} of {node} is an address of {other}, which would be cut off",
                            f"write the addresses of {node}",
                        )


def given(text: str) -> Iterator[tuple[str, Network]]:
    """What is not understood, the agent complains of by itself."""
    for word in text.split():
        node, _, addresses = word.partition("=")
        for address in addresses.split(","):
            try:
                yield node, ipaddress.ip_network(address.replace("[", "").replace("]", ""))
            except ValueError:
                continue


def holds(network: Network, link: str) -> bool:
    try:
        return ipaddress.ip_address(link) in network
    except ValueError:
        return False
