"""What an agent says of itself in its metadata: its actions and parameters, and who breaks them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lxml import etree

from hactl.fencing.configuration import Device
from hactl.suggest import did_you_mean

OURS = frozenset({"action", "plug", "port", "nodename"})
# Every agent built on fencing.py takes these, whether its metadata says so or not.
TOLERATED = frozenset({"verbose", "debug", "delay"})
# Pacemaker's own, however it came here.
PACEMAKERS = ("pcmk_", "provides", "stonith-timeout", "priority")
# What a device must be able to do, and what may stand in for it.
ACTIONS = ("off", "reboot", "monitor", "status")


class Unreadable(ValueError):
    """This is not metadata."""


@dataclass(frozen=True)
class Parameter:
    """``instead``: the older name for the same."""

    required: bool
    instead: str


@dataclass(frozen=True)
class Manual:
    """``on_target``: that `on` only works on the node it is for."""

    parameters: Mapping[str, Parameter]
    actions: frozenset[str]
    on_target: bool

    def offers(self, action: str) -> bool:
        """Whether it has an action; one that names none is taken to have all."""
        return not self.actions or action in self.actions

    @property
    def host_argument(self) -> str:
        """The parameter by which Pacemaker names the target."""
        return "plug" if "plug" in self.parameters else "port"

    def objections(self, device: Device) -> Iterator[tuple[str, str]]:
        """What speaks against a device as it is configured, and what mends it."""
        yield from self.missing(device)
        yield from self.unknown(device)
        yield from self.lacking(device)
        if self.on_target and device.banned & set(device.listed):
            node = min(device.banned & set(device.listed))
            yield (
                f"it lets {node} in to its storage again, on {node} itself, and may not run there",
                f"remove the location constraint that bans it from {node}",
            )

    def missing(self, device: Device) -> Iterator[tuple[str, str]]:
        given = device.parameters
        for name, parameter in self.parameters.items():
            there = name in given or parameter.instead in given
            if parameter.required and name not in OURS and not there:
                yield f"{name} is required, and not set", f"set {name}"

    def unknown(self, device: Device) -> Iterator[tuple[str, str]]:
        for name in device.parameters:
            known = name in self.parameters or name in OURS or name in TOLERATED
            if not known and not name.startswith(PACEMAKERS):
                hint = did_you_mean(name, self.parameters, f"see {device.agent} -o metadata")
                yield f"{name} is not a parameter of {device.agent}", hint

    def lacking(self, device: Device) -> Iterator[tuple[str, str]]:
        """Actions that the agent does not know, as they would be asked for."""
        for action in ACTIONS:
            wanted = device.parameters.get(f"pcmk_{action}_action", "")
            if wanted and not self.offers(wanted):
                offered = ", ".join(sorted(self.actions))
                yield (
                    f"pcmk_{action}_action={wanted}, and {device.agent} offers {offered}",
                    f"remove pcmk_{action}_action",
                )
        if self.actions and not {"off", "reboot"} & self.actions:
            yield f"{device.agent} offers neither off nor reboot", "take another agent"


def manual(text: str) -> Manual:
    """Read metadata. Raises Unreadable."""
    try:
        metadata = etree.fromstring(text.encode())
    except etree.XMLSyntaxError as problem:
        raise Unreadable(str(problem)) from None
    on = metadata.find("actions/action[@name='on'][@on_target='1']")
    return Manual(
        {
            each.get("name", ""): parameter(each)
            for each in metadata.iterfind("parameters/parameter")
        },
        frozenset(each.get("name", "") for each in metadata.iterfind("actions/action")),
        on is not None,
    )


def parameter(element: etree._Element) -> Parameter:
    """One with a default is never missing, nor is an older name."""
    content = element.find("content")
    default = content is not None and content.get("default")
    old = element.get("deprecated") == "1"
    required = element.get("required") == "1" and not default and not old
    return Parameter(required, element.get("obsoletes", ""))
