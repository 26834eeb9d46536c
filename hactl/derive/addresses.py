"""Addresses that move with what they belong to (ocf:heartbeat:IPaddr2)."""

from __future__ import annotations

from hactl.model.resource import Agent, Operation, Primitive

IPADDR2 = Agent("ocf", "heartbeat", "IPaddr2")
OPERATIONS = (
    Operation("start", 20_000),
    Operation("stop", 20_000),
    Operation("monitor", 20_000, interval=10_000),
)


def address_id(name: str, place: int = 0) -> str:
    """Return the id of the first address of a container or gateway, its second ..."""
    return f"{name}-address" + (f"-{place + 1}" if place else "")


def address(id_: str, written: str, nic: str | None) -> Primitive:
    """Return the address ``10.77.10.53/24``, on an interface of the node's."""
    ip, prefix = written.split("/")
    on = {"nic": nic} if nic else {}
    params = {"ip": ip, "cidr_netmask": prefix} | on
    return Primitive(id_, IPADDR2, "address", params, operations=OPERATIONS)
