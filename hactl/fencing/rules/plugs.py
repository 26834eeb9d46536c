"""Plugs that hit another node than they are meant for, as far as the CIB tells."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hactl.errors import Severity
from hactl.fencing.configuration import Device, Fencing
from hactl.fencing.finding import Finding, Subject
from hactl.model.fencing import CONTROLLERS
from hactl.model.secret import SECRET

PLACES = ("ip", "ipaddr", "hostname")
# How a device is spoken to, not which one it is.
MANNERS = re.compile(
    r"(pcmk_.*|plug|port|action|.*_(timeout|wait|script|file)|delay|timeout|retry_on|login|username"
    r"|verbose|debug|debug_file|method|cipher|privlvl|auth|lanplus|ssl.*|secure|quiet|provides)"
)


def plugs(fencing: Fencing) -> Iterator[Finding]:
    certain = [*shared(fencing), *controllers(fencing)]
    yield from certain
    known = {finding.subject for finding in certain}
    for device in fencing.devices:
        for node in device.listed if Subject.device(device.id) not in known else ():
            yield from somebody_elses(fencing, device, node)


def shared(fencing: Fencing) -> Iterator[Finding]:
    """Two nodes on one plug of one device: fencing the one hits the other."""
    seen: dict[tuple[object, ...], str] = {}
    for device in fencing.devices:
        for node in device.listed:
            where = (*outlets_of(device), same_plug(device.plug(node)))
            other = seen.setdefault(where, node)
            if other != node:
                yield Finding(
                    "device.shared-plug",
                    Subject.device(device.id),
                    f"fencing {node} would hit {other}: both are plug {device.plug(node)!r}",
                    f"give {node} a plug of its own",
                    key=plug_key(device),
                )


def outlets_of(device: Device) -> tuple[object, ...]:
    """Tell which device it is: by its address, whoever speaks to it, or by all its parameters."""
    place = device.parameters.get(address_key(device), "").strip()
    if place and not CONTROLLERS.fullmatch(device.agent):
        return (place.lower(), device.parameters.get("ipport", ""))
    return (device.agent, *sorted(reached_by(device)))


def address_key(device: Device) -> str:
    """Return the parameter that has the address of a device, '' where none has."""
    return next((name for name in PLACES if name in device.parameters), "")


def plug_key(device: Device) -> str:
    return "port" if "port" in device.parameters and "plug" not in device.parameters else "plug"


def same_plug(plug: str) -> str:
    """Return a plug in one spelling: devices count outlets, and take 01 for 1, or with a blank."""
    plug = plug.strip()
    return str(int(plug)) if plug.isascii() and plug.isdigit() else plug


def reached_by(device: Device) -> Iterator[tuple[str, str]]:
    """The parameters that tell which device it is."""
    for name, value in device.parameters.items():
        if not MANNERS.fullmatch(name) and not SECRET.fullmatch(name):
            yield name, value


def controllers(fencing: Fencing) -> Iterator[Finding]:
    """A management controller is one machine's, and known by its address alone."""
    seen: dict[tuple[str, str], str] = {}
    for device in fencing.devices:
        place = device.parameters.get(address_key(device), "").strip()
        if not place or not CONTROLLERS.fullmatch(device.agent):
            continue
        port = device.parameters.get("ipport", "")
        for node in device.listed:
            other = seen.setdefault((place.lower(), port), node)
            if other != node:
                yield Finding(
                    "device.shared-controller",
                    Subject.device(device.id),
                    f"fencing {node} would hit {other}: {place} is the controller of both",
                    f"write the address of the controller of {node}",
                    key=address_key(device),
                )
            if place.lower() == node.lower():
                yield Finding(
                    "device.controller-is-node",
                    Subject.device(device.id),
                    f"{place} is {node} itself, which does not answer when it has to be fenced",
                    "write the address of its management controller",
                    key=address_key(device),
                )


def somebody_elses(fencing: Fencing, device: Device, node: str) -> Iterator[Finding]:
    """A plug that bears the name of another node is most likely that node's."""
    plug = device.plug(node)
    others = [other for other in fencing.nodes if other.lower() != node.lower()]
    exact = next((other for other in others if other.lower() == plug.lower()), "")
    if exact:
        yield Finding(
            "device.plug-of-other",
            Subject.device(device.id),
            f"fencing {node} would hit {exact}: the plug is called {plug!r}",
            f"give {node} a plug of its own",
            key=plug_key(device),
        )
        return
    like = [other for other in others if named(other, plug)]
    if like and not named(node, plug):
        yield Finding(
            "device.plug-like-other",
            Subject.device(device.id),
            f"the plug {plug!r} of {node} looks like that of {like[0]}",
            f"look at it: which plug has {node}?",
            severity=Severity.WARNING,
            key=plug_key(device),
        )


def named(node: str, plug: str) -> bool:
    """Whether a name stands in a plug as a word."""
    return (
        re.search(rf"(?<![a-z0-9]){re.escape(node.lower())}(?![a-z0-9])", plug.lower()) is not None
    )
