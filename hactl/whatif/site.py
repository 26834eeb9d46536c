"""What stands where and what feeds what, as far as a CIB says it.

A node says its rack by its attribute ``rack``, a fence device by its meta attribute ``rack``; its
meta attribute ``feeds`` names the nodes and devices that have power from it. A management
controller has power from the node it fences.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from lxml.etree import _Element

from hactl.fencing.configuration import Device, Fencing, fencing, split
from hactl.model.fencing import CONTROLLERS

RACK, FEEDS = "rack", "feeds"
ADDRESS = ("ip", "ipaddr", "ipport")


@dataclass(frozen=True)
class Site:
    """``of_node`` is the rack of each node that says one."""

    of_node: Mapping[str, str]
    fencing: Fencing

    @property
    def racks(self) -> tuple[str, ...]:
        named = [*self.of_node.values(), *(d.meta.get(RACK, "") for d in self.fencing.devices)]
        return tuple(sorted({name for name in named if name}))

    def rack_of(self, node: str) -> str:
        return self.of_node.get(node, "")

    def devices_in(self, rack: str) -> frozenset[str]:
        """Return the devices that stand in a rack, with all that they feed."""
        there = [each for each in self.fencing.devices if each.meta.get(RACK) == rack]
        fed = (name for each in there for name in self.devices_fed(each))
        return frozenset({*(each.id for each in there), *fed})

    def without_power(self, nodes: Collection[str]) -> frozenset[str]:
        """Return the devices that have no power when these nodes have none: their controllers."""
        return frozenset(
            each.id
            for each in self.fencing.devices
            if CONTROLLERS.fullmatch(each.agent)
            and RACK not in each.meta
            and each.listed
            and set(each.listed) <= set(nodes)
        )

    def feeds(self, device: Device) -> frozenset[str]:
        """Return the names of all that a device feeds."""
        return frozenset(split(device.meta.get(FEEDS, "")))

    def devices_fed(self, device: Device) -> frozenset[str]:
        fed = self.feeds(device)
        return frozenset(each.id for each in self.fencing.devices if each.id in fed)

    def same_machine(self, device: Device) -> frozenset[str]:
        """Return the devices that are one machine with this one: the same agent at one address."""
        mine = identity(device)
        return frozenset(
            each.id
            for each in self.fencing.devices
            if each.id == device.id or (mine and identity(each) == mine)
        )


def identity(device: Device) -> tuple[str, ...]:
    address = [device.parameters[key] for key in ADDRESS if key in device.parameters]
    fed = device.meta.get(FEEDS, "")
    return (device.agent, *address, fed) if address or fed else ()


def site(cib: _Element) -> Site:
    """Return what a whole ``<cib>`` says."""
    of_node = {
        node.get("uname", ""): pair.get("value", "")
        for node in cib.iterfind("configuration/nodes/node")
        for pair in node.iterfind("instance_attributes/nvpair")
        if pair.get("name") == RACK
    }
    return Site(of_node, fencing(cib))
