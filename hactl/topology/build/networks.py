"""Networks -> clones of the agent that makes them on every node."""

from __future__ import annotations

from hactl.model.resource import Agent, Clone, Operation, Primitive
from hactl.topology.schema.networks import Network

LINUX_BRIDGE = Agent("ocf", "hactl", "LinuxBridge")
# A bridge refuses to go while ports of others are on it, such as guests that the cluster does not
# know. Fencing the node over that would kill what the refusal protects: leave it and say so.
STOP = {"on-fail": "block"}
OPERATIONS = (
    Operation("start", 60_000),
    Operation("stop", 60_000, options=STOP),
    Operation("monitor", 20_000, interval=10_000),
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


def network_clone(name: str, network: Network) -> Clone:
    bridge = Primitive(
        id=f"{name}-bridge",
        agent=LINUX_BRIDGE,
        kind="network",
        params=bridge_params(network),
        operations=OPERATIONS,
    )
    return Clone(id=name, kind="network", of=bridge, meta=CLONE)


def bridge_params(network: Network) -> dict[str, str]:
    params = {"bridge": network.bridge}
    if network.ports:
        params["ports"] = " ".join(network.ports)
    if network.mac:
        params["address"] = network.mac
    for key in OPTIONS:
        value = getattr(network, key)
        if value is not None:
            params[key] = str(value).lower()
    return params | network.params
