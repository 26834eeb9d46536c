"""Fence devices that are reached through what they fence, or through what is lost with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from ipaddress import ip_address

from hactl.errors import Problem
from hactl.lint.addresses import Claim, address_claims
from hactl.lint.subject import Subject
from hactl.topology.load import Topology
from hactl.topology.messages import dotted
from hactl.topology.yaml.positions import Step

ADDRESSES = ("ip", "ipaddr")
# Its addresses are those of the nodes as Ceph sees them.
BY_CLIENTS = frozenset({"fence_ceph_blocklist"})


def reach(subject: Subject) -> Iterator[Problem]:
    """No fence device has an address of a node, or one that moves with a resource."""
    topology = subject.topology
    known = dict(reversed(list(address_claims(topology))))
    for address, path in device_addresses(topology):
        yield from own(topology, address, path)
        if address in known:
            yield topology.problem(
                path,
                f"{address} is the address of {dotted(known[address])}: it is gone when it is "
                "needed",
                "write the address of the device itself",
            )


def own(topology: Topology, address: str, path: Sequence[Step]) -> Iterator[Problem]:
    """Report an address that every node has for itself: it would reach whoever asks."""
    try:
        found = ip_address(address)
    except ValueError:
        return
    if found.is_loopback or found.is_unspecified or found.is_multicast:
        yield topology.warning(
            path,
            f"{address} is not a machine's address: every node would reach itself, or nobody",
            "write the address of the device itself",
        )


def device_addresses(topology: Topology) -> Iterator[Claim]:
    document = topology.document
    devices = document.fencing.devices
    for name, device in devices.items():
        if device.agent not in BY_CLIENTS:
            for key, value in addressed(device.parameters):
                yield value, ("fencing", "devices", name, key)
    for node, entry in document.nodes.items():
        for used, params in entry.fencing.items():
            if used in devices and devices[used].agent not in BY_CLIENTS:
                for key, value in addressed(params):
                    yield value, ("nodes", node, "fencing", used, key)


def addressed(params: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for key in ADDRESSES:
        if key in params:
            yield key, params[key].strip()
