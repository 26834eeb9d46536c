"""Networks -> clones of the agent that makes them on every node."""

from __future__ import annotations

from collections.abc import Iterator

from hactl.derive.operations import Usual, operations, written
from hactl.derive.ovs import ovs_params
from hactl.derive.parts import Parts
from hactl.model.dependency import lives_beside
from hactl.model.resource import Agent, Clone, Operation, Primitive
from hactl.topology.schema.document import Document
from hactl.topology.schema.networks import Bridge, Network
from hactl.topology.schema.ovs import Ovs

# The service of Open vSwitch, where the cluster is to start it.
VSWITCHD = "ovs-vswitchd"
# A bridge refuses to go while ports of others are on it, such as guests that the cluster does not
# know. Fencing the node over that would kill what the refusal protects: leave it and say so.
BLOCK = {"on-fail": "block"}
USUAL = Usual(start=60_000, stop=60_000, monitor=20_000, interval=10_000, on_stop=BLOCK)
# Flows are counted by every check, and compared by the one in depth.
WITH_FLOWS = Usual(60_000, 60_000, 20_000, 10_000, deep=60_000, deep_timeout=30_000, on_stop=BLOCK)
SERVICE_OPERATIONS = (
    Operation("start", 60_000),
    Operation("stop", 60_000, options=BLOCK),
    Operation("monitor", 60_000, interval=30_000),
)
CLONE = {"interleave": "true"}
OPTIONS = (
    "vlan_filtering",
    "stp",
    "multicast_snooping",
    "multicast_querier",
    "mtu",
    "adopt",
    "drift",
    "on_port_down",
)


def network_parts(document: Document) -> Parts:
    """Return a clone for every network, and the service they live beside where it is ours."""
    clones = tuple(network_clone(name, network) for name, network in document.networks.items())
    served = list(served_by_cluster(document))
    if not served:
        return Parts(clones)
    agent = Agent.named(served[0][1])
    daemon = Primitive(f"{VSWITCHD}-daemon", agent, "network", operations=SERVICE_OPERATIONS)
    service = Clone(VSWITCHD, "network", daemon, CLONE)
    beside = (each for name, _ in served for each in lives_beside(name, VSWITCHD))
    return Parts((service, *clones), tuple(beside))


def served_by_cluster(document: Document) -> Iterator[tuple[str, str]]:
    """Yield the bridges whose Open vSwitch the cluster is to start, and its service."""
    for name, network in document.networks.items():
        if network.started_by:
            yield name, network.started_by


def network_clone(name: str, network: Network) -> Clone:
    return Clone(id=name, kind="network", of=bridge_of(name, network), meta=CLONE)


def bridge_of(name: str, network: Network) -> Primitive:
    match network:
        case Bridge():
            return linux_bridge(name, network)
        case Ovs():
            return ovs_bridge(name, network)


def linux_bridge(name: str, network: Bridge) -> Primitive:
    return Primitive(
        id=f"{name}-bridge",
        agent=network.run_by,
        kind="network",
        params=bridge_params(network),
        operations=operations(network, USUAL),
    )


def bridge_params(network: Bridge) -> dict[str, str]:
    mac = {"address": network.mac} if network.mac else {}
    own = {"bridge": network.bridge} | written(network, "ports") | mac
    return own | written(network, *OPTIONS) | network.params


def ovs_bridge(name: str, network: Ovs) -> Primitive:
    return Primitive(
        id=f"{name}-bridge",
        agent=network.run_by,
        kind="network",
        params=ovs_params(network) | network.params,
        operations=operations(network, WITH_FLOWS if network.flows else USUAL),
    )


def interface(network: Network, vlan: int | None) -> str | None:
    """Return the node's own interface in a network, or None if there is none in that VLAN."""
    if vlan is None:
        return network.bridge
    return next((name for name, tag in network.own_interfaces.items() if tag == vlan), None)


def ports(document: Document) -> Iterator[tuple[str, str, int, str]]:
    """Yield network, key, place and name of every interface that a network takes for itself."""
    for name, network in document.networks.items():
        key, taken = network.taken
        for place, port in enumerate(taken):
            yield name, key, place, port
