"""The fencing half of a CIB as values: devices, whom they fence, who may use them, levels."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from lxml.etree import _Element

from hactl.cib.node_state import is_member
from hactl.cib.read import all_primitives, properties
from hactl.fencing.host_map import host_map
from hactl.fencing.placement import Placement
from hactl.model.boolean import is_false

SEPARATORS = re.compile(r"[\s,;]+")
FENCERS = ("member", "normal", "")  # types of nodes that run a fencer of their own


@dataclass(frozen=True, slots=True)
class Device:
    """One stonith resource. ``banned``: the nodes that may not use it."""

    id: str
    agent: str
    parameters: Mapping[str, str]
    banned: frozenset[str]
    enabled: bool
    meta: Mapping[str, str] = field(default_factory=dict)

    @property
    def aliases(self) -> dict[str, str]:
        """Node -> what the device calls it, as far as that is written down (pcmk_host_map)."""
        return host_map(self.parameters.get("pcmk_host_map", ""))[0]

    @property
    def static(self) -> bool:
        """Whether the CIB says which nodes it fences; otherwise the device itself is asked."""
        check = self.parameters.get("pcmk_host_check", "")
        written = {"pcmk_host_list", "pcmk_host_map"} & set(self.parameters)
        return check == "static-list" or (not check and bool(written))

    @property
    def listed(self) -> tuple[str, ...]:
        """The nodes it is said to fence."""
        named = split(self.parameters.get("pcmk_host_list", ""))
        return tuple(dict.fromkeys([*named, *self.aliases]))

    def fences(self, node: str) -> bool:
        """Whether it fences a node for certain, or may for all that the CIB says."""
        return not self.static or node.lower() in (each.lower() for each in self.listed)

    def plug(self, node: str) -> str:
        """What the device is given for a node: Pacemaker leaves a fixed plug alone."""
        fixed = self.parameters.get("plug") or self.parameters.get("port")
        return fixed if fixed and fixed != "dynamic" else self.aliases.get(node, node)


@dataclass(frozen=True, slots=True)
class Level:
    """All ``devices`` together fence ``target``; a pattern or an attribute has no ``target``.

    ``targets`` are the nodes of this cluster it is for, however that is written.
    """

    target: str
    index: int
    devices: tuple[str, ...]
    targets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Fencing:
    """``online``: the nodes that are members of the cluster; empty in a CIB without status.

    ``requires``: what resources wait for before they are started, where that is written.
    """

    enabled: bool
    timeout: str
    nodes: tuple[str, ...]
    online: frozenset[str]
    devices: tuple[Device, ...]
    levels: tuple[Level, ...]
    properties: Mapping[str, str] = field(default_factory=dict)
    remote: frozenset[str] = frozenset()
    requires: Mapping[str, str] = field(default_factory=dict)

    @property
    def watchdog(self) -> str:
        """After how long a node counts as reset by its own watchdog; '' where none is counted on.

        Pacemaker takes any negative time as: find out.
        """
        value = fencing_property(self.properties, "watchdog-timeout", "0").strip()
        return "" if re.fullmatch(r"0*\s*[a-z]*", value) else value

    def device(self, name: str) -> Device | None:
        return next((device for device in self.devices if device.id == name), None)

    def users(self, device: Device) -> tuple[str, ...]:
        """The nodes that may use a device; a remote node has no fencer."""
        return tuple(
            node for node in self.nodes if node not in device.banned and node not in self.remote
        )

    def levels_of(self, node: str) -> tuple[Level, ...]:
        return tuple(level for level in self.levels if node in level.targets)


def fencing(cib: _Element) -> Fencing:
    """Return what a whole ``<cib>`` says."""
    given = properties(cib)
    nodes = {
        node.get("uname", ""): node.get("type", "")
        for node in cib.iterfind("configuration/nodes/node")
    }
    return Fencing(
        enabled=not is_false(fencing_property(given, "enabled", "true")),
        timeout=fencing_property(given, "timeout", "60s"),
        nodes=tuple(nodes),
        online=frozenset(online(cib)),
        devices=tuple(devices(cib)),
        levels=tuple(levels(cib)),
        properties=given,
        remote=frozenset(node for node, sort in nodes.items() if sort not in FENCERS),
        requires=dict(waiting(cib)),
    )


def fencing_property(properties: Mapping[str, str], name: str, default: str) -> str:
    """Pacemaker 3.0.2 has a new name for these, and reads it first."""
    return properties.get(f"fencing-{name}", properties.get(f"stonith-{name}", default))


def devices(cib: _Element) -> Iterator[Device]:
    templates = {each.get("id"): each for each in cib.iterfind("configuration/resources/template")}
    nodes = [node.get("uname", "") for node in cib.iterfind("configuration/nodes/node")]
    placement = Placement(cib)
    for primitive in all_primitives(cib):
        template = templates.get(primitive.get("template"))
        sources = [each for each in (template, primitive) if each is not None]
        if not any(each.get("class") == "stonith" for each in sources):
            continue
        yield Device(
            id=primitive.get("id", ""),
            agent=next((each.get("type", "") for each in sources if each.get("type")), ""),
            parameters=merged(sources, "instance_attributes"),
            banned=placement.banned(primitive, nodes),
            enabled=not stopped(cib, sources),
            meta=merged(sources, "meta_attributes"),
        )


def stopped(cib: _Element, sources: list[_Element]) -> bool:
    """Whether a target-role keeps it off: its own, its group's, or the default of all."""
    parent = sources[-1].getparent()
    own = merged(sources, "meta_attributes").get("target-role")
    above = merged([parent], "meta_attributes") if parent is not None else {}
    default = dict(pairs(cib.iterfind("configuration/rsc_defaults/meta_attributes/nvpair")))
    role = own or above.get("target-role") or default.get("target-role", "")
    return role.lower() == "stopped"


def waiting(cib: _Element) -> Iterator[tuple[str, str]]:
    """(resource, requires) wherever somebody has written it."""
    for nvpair in cib.iterfind("configuration/resources//meta_attributes/nvpair"):
        if nvpair.get("name") == "requires":
            owner = nvpair.getparent().getparent()  # type: ignore[union-attr]
            yield owner.get("id", ""), nvpair.get("value", "")  # type: ignore[union-attr]


def merged(sources: list[_Element], kind: str) -> dict[str, str]:
    return {k: v for source in sources for k, v in pairs(source.iterfind(f"{kind}/nvpair"))}


def levels(cib: _Element) -> Iterator[Level]:
    for level in cib.iterfind("configuration/fencing-topology/fencing-level"):
        names = tuple(split(level.get("devices", "")))
        target, index = level.get("target", ""), level.get("index", "")
        number = int(index) if re.fullmatch(r"\d{1,9}", index, re.ASCII) else 0
        yield Level(target, number, names, tuple(meant(cib, level)))


def meant(cib: _Element, level: _Element) -> Iterator[str]:
    """The nodes that a level is for: by name, by pattern, or by an attribute and its value."""
    for node in cib.iterfind("configuration/nodes/node"):
        name = node.get("uname", "")
        if level.get("target"):
            fits = level.get("target", "").lower() == name.lower()
        elif level.get("target-pattern"):
            fits = matches(level.get("target-pattern", ""), name)
        else:
            given = dict(pairs(node.iterfind("instance_attributes/nvpair")))
            wanted = level.get("target-value", "")
            fits = given.get(level.get("target-attribute", "")) == wanted
        if fits:
            yield name


def matches(pattern: str, name: str) -> bool:
    """Pacemaker looks for an extended POSIX expression, whatever the case."""
    try:
        return re.search(pattern, name, re.IGNORECASE) is not None
    except re.error:
        return False


def online(cib: _Element) -> Iterator[str]:
    for state in cib.iterfind("status/node_state"):
        if is_member(state):
            yield state.get("uname", "")


def pairs(nvpairs: Iterator[_Element]) -> Iterator[tuple[str, str]]:
    for nvpair in nvpairs:
        yield nvpair.get("name", ""), nvpair.get("value", "")


def split(text: str) -> list[str]:
    return [word for word in SEPARATORS.split(text) if word]
