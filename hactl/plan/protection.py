"""What a plan takes away of the cluster's protection: the fencing of a member, or all fencing.

A node that is no longer in the topology is still a member until it is taken out of the cluster.
Whatever fenced it must not go before that: a member that cannot be fenced stops all recovery.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lxml.etree import _Element

from hactl.fencing.configuration import Fencing, fencing


@dataclass(frozen=True, slots=True)
class Unprotected:
    """``node`` is empty where it is about the whole cluster; ``what`` is a clause about it."""

    node: str
    what: str
    mend: str

    def __str__(self) -> str:
        return f"{self.node or 'the cluster'} {self.what}"


def unprotected(live: _Element, merged: _Element) -> tuple[Unprotected, ...]:
    """Return what is fenced in ``live``, and would not be in ``merged``, both ``<cib>``."""
    return tuple(found(live, fencing(live), fencing(merged)))


def found(live: _Element, before: Fencing, after: Fencing) -> Iterator[Unprotected]:
    protected = [node for node in members(live) if before.enabled and fenced(before, node)]
    if protected and not after.enabled:
        yield Unprotected("", "would go on without fencing", "keep cluster.fencing true")
        return
    for node in protected:
        if not fenced(after, node):
            yield Unprotected(
                node,
                "is a member of the cluster and nothing would fence it any more",
                f"take it out of the cluster first: stop Pacemaker there and `crm_node "
                f"--remove {node}`, or `pcs cluster node remove {node}`",
            )


def members(cib: _Element) -> Iterator[str]:
    """Yield the nodes that are there, or may be: all but those that were shut down in order."""
    states = {state.get("uname", ""): state for state in cib.iterfind("status/node_state")}
    for node in cib.iterfind("configuration/nodes/node"):
        name = node.get("uname", "")
        if node.get("type", "member") in ("member", "normal", "") and not gone(states.get(name)):
            yield name


def gone(state: _Element | None) -> bool:
    if state is None:
        return False
    return state.get("join", "down") == "down" and state.get("expected", "down") == "down"


def fenced(of: Fencing, node: str) -> bool:
    devices = (each for each in of.devices if each.enabled and each.agent != "watchdog")
    return any(device.fences(node) for device in devices) or bool(of.watchdog)
