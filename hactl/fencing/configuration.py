"""The fencing half of a CIB as values: devices, whom they fence, who may use them, levels."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lxml.etree import _Element

SEPARATORS = re.compile(r"[\s,;]+")
FALSE = frozenset({"false", "no", "off", "n", "0"})


@dataclass(frozen=True, slots=True)
class Device:
    """One stonith resource. ``banned``: the nodes that may not use it."""

    id: str
    agent: str
    parameters: Mapping[str, str]
    banned: frozenset[str]
    enabled: bool

    @property
    def aliases(self) -> dict[str, str]:
        """Node -> what the device calls it, as far as that is written down (pcmk_host_map)."""
        pairs = (word.partition(":") for word in split(self.parameters.get("pcmk_host_map", ";")))
        return {node: plug for node, _, plug in pairs}

    @property
    def static(self) -> bool:
        """Whether the CIB says which nodes it fences; otherwise the device itself is asked."""
        check = self.parameters.get("pcmk_host_check", "")
        return bool(self.listed) and check in ("", "static-list")

    @property
    def listed(self) -> tuple[str, ...]:
        """The nodes it is said to fence."""
        named = split(self.parameters.get("pcmk_host_list", ""))
        return tuple(dict.fromkeys([*named, *self.aliases]))

    def fences(self, node: str) -> bool:
        """Whether it fences a node for certain, or may for all that the CIB says."""
        return node in self.listed or not self.static

    def plug(self, node: str) -> str:
        """What the device is given for a node: Pacemaker leaves a fixed plug alone."""
        fixed = self.parameters.get("plug") or self.parameters.get("port")
        return fixed if fixed and fixed != "dynamic" else self.aliases.get(node, node)


@dataclass(frozen=True, slots=True)
class Level:
    """All ``devices`` together fence ``target``; a pattern or an attribute has no ``target``."""

    target: str
    index: int
    devices: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Fencing:
    """``online``: the nodes that are members of the cluster; empty in a CIB without status."""

    enabled: bool
    timeout: str
    nodes: tuple[str, ...]
    online: frozenset[str]
    devices: tuple[Device, ...]
    levels: tuple[Level, ...]

    def device(self, name: str) -> Device | None:
        return next((device for device in self.devices if device.id == name), None)

    def users(self, device: Device) -> tuple[str, ...]:
        """The nodes that may use a device."""
        return tuple(node for node in self.nodes if node not in device.banned)


def fencing(cib: _Element) -> Fencing:
    """Return what a whole ``<cib>`` says."""
    properties = dict(pairs(cib.iterfind("configuration/crm_config//nvpair")))
    nodes = [node.get("uname", "") for node in cib.iterfind("configuration/nodes/node")]
    return Fencing(
        enabled=said(properties, "enabled", "true").lower() not in FALSE,
        timeout=said(properties, "timeout", "60s"),
        nodes=tuple(nodes),
        online=frozenset(online(cib)),
        devices=tuple(devices(cib)),
        levels=tuple(levels(cib)),
    )


def said(properties: Mapping[str, str], name: str, default: str) -> str:
    """Pacemaker 3.0.2 has a new name for these, and reads it first."""
    return properties.get(f"fencing-{name}", properties.get(f"stonith-{name}", default))


def devices(cib: _Element) -> Iterator[Device]:
    templates = {each.get("id"): each for each in cib.iterfind("configuration/resources/template")}
    for primitive in cib.iterfind("configuration/resources//primitive"):
        template = templates.get(primitive.get("template"))
        sources = [each for each in (template, primitive) if each is not None]
        if not any(each.get("class") == "stonith" for each in sources):
            continue
        name = primitive.get("id", "")
        meta = merged(sources, "meta_attributes")
        yield Device(
            id=name,
            agent=next(each.get("type", "") for each in sources if each.get("type")),
            parameters=merged(sources, "instance_attributes"),
            banned=frozenset(bans(cib, name)),
            enabled=meta.get("target-role", "Started") != "Stopped",
        )


def merged(sources: list[_Element], kind: str) -> dict[str, str]:
    return {k: v for source in sources for k, v in pairs(source.iterfind(f"{kind}/nvpair"))}


def bans(cib: _Element, device: str) -> Iterator[str]:
    for location in cib.iterfind("configuration/constraints/rsc_location"):
        if location.get("rsc") == device and location.get("score") == "-INFINITY":
            yield location.get("node", "")


def levels(cib: _Element) -> Iterator[Level]:
    for level in cib.iterfind("configuration/fencing-topology/fencing-level"):
        names = tuple(split(level.get("devices", "")))
        yield Level(level.get("target", ""), int(level.get("index", "0")), names)


def online(cib: _Element) -> Iterator[str]:
    """Pacemaker 2 writes words here, Pacemaker 3 times at which it became so."""
    for state in cib.iterfind("status/node_state"):
        member = state.get("in_ccm", "false") not in ("false", "0")
        if member and state.get("crmd", "offline") not in ("offline", "0"):
            yield state.get("uname", "")


def pairs(nvpairs: Iterator[_Element]) -> Iterator[tuple[str, str]]:
    for nvpair in nvpairs:
        yield nvpair.get("name", ""), nvpair.get("value", "")


def split(text: str) -> list[str]:
    return [word for word in SEPARATORS.split(text) if word]
