"""The keys of an Open vSwitch bridge -> the parameters of its agent."""

from __future__ import annotations

from collections.abc import Iterator

from hactl.derive.operations import written
from hactl.topology.schema.ovs import Bond, Mirror, Ovs, Qos, Sflow

# Key of the topology = parameter of the agent.
PLAIN = (
    "uplinks",
    "vlan_mode",
    "datapath",
    "fail_mode",
    "protocols",
    "controllers",
    "connection_mode",
    "managers",
    "rstp",
    "rstp_priority",
    "stp",
    "multicast_snooping",
    "mtu",
    "flows",
    "adopt",
    "drift",
    "on_member_down",
    "on_controller_down",
)


def ovs_params(network: Ovs) -> dict[str, str]:
    return {"bridge": network.bridge} | written(network, *PLAIN) | dict(parts(network))


def parts(network: Ovs) -> Iterator[tuple[str, str]]:
    """Yield what is called or written otherwise than in the file."""
    if network.vlan:
        yield "tag", str(network.vlan)
    if network.vlans:
        yield "trunks", ",".join(network.vlans)
    if network.internal:
        ports = (f"{name}={vlan}" if vlan else name for name, vlan in network.internal.items())
        yield "internal", " ".join(ports)
    if network.mac:
        yield "address", network.mac
    if network.tls:
        yield "ssl_private_key", network.tls.private_key
        yield "ssl_certificate", network.tls.certificate
        yield "ssl_ca_cert", network.tls.ca_cert
    if network.bond:
        yield from bond(network.bond)
    if network.qos:
        yield from qos(network.qos)
    if network.mirror:
        yield from mirror(network.mirror)
    if network.sflow:
        yield from sflow(network.sflow)


def bond(bond: Bond) -> Iterator[tuple[str, str]]:
    yield "bond", bond.name
    yield from written(bond, "lacp", "lacp_time", "lacp_fallback").items()
    for key in ("mode", "primary", "updelay", "downdelay"):
        value = getattr(bond, key)
        if value is not None:
            yield f"bond_{key}", str(value)


def qos(qos: Qos) -> Iterator[tuple[str, str]]:
    yield "qos_max_rate", str(qos.max_rate)
    if qos.type:
        yield "qos_type", qos.type
    if qos.queues:
        queues = (f"{i}={queue.min or 0}-{queue.max}" for i, queue in enumerate(qos.queues))
        yield "qos_queues", " ".join(queues)


def mirror(mirror: Mirror) -> Iterator[tuple[str, str]]:
    for key, value in written(mirror, "to", "vlan", "ports").items():
        yield f"mirror_{key}", value


def sflow(sflow: Sflow) -> Iterator[tuple[str, str]]:
    yield "sflow", " ".join(sflow.collectors)
    if sflow.polling is not None:
        yield "sflow_polling", str(-(-sflow.polling // 1000))
    for key, value in written(sflow, "agent", "sampling").items():
        yield f"sflow_{key}", value
