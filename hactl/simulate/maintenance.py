"""What is in maintenance, the cluster, a node or a resource, and what leaving it would do."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from enum import StrEnum

from lxml.etree import _Element

from hactl.cib.read import property_pairs
from hactl.model.boolean import is_false, is_true
from hactl.simulate.effect import Effect, What
from hactl.simulate.outcome import outcome
from hactl.simulate.scheduler import Run, simulate

MODE = "maintenance-mode"
MAINTENANCE = "maintenance"
MANAGED = "is-managed"


class Level(StrEnum):
    """What is not looked after."""

    CLUSTER = "cluster"
    NODE = "node"
    RESOURCE = "resource"


@dataclass(frozen=True, slots=True)
class Maintained:
    """``name`` is that of the node or the resource, empty for the cluster."""

    level: Level
    name: str = ""

    def __str__(self) -> str:
        return {
            Level.CLUSTER: "the cluster is in maintenance mode: nothing is looked after",
            Level.NODE: f"{self.name} is in maintenance: what is on it is left alone",
            Level.RESOURCE: f"{self.name} is not managed: nobody starts, stops or recovers it",
        }[self.level]

    @property
    def command(self) -> str:
        """The command that ends it."""
        return {
            Level.CLUSTER: f"pcs property set {MODE}=false",
            Level.NODE: f"pcs node unmaintenance {self.name}",
            Level.RESOURCE: f"pcs resource manage {self.name}",
        }[self.level]


def maintained(cib: _Element) -> Iterator[Maintained]:
    """Yield what is in maintenance, the largest first; what is inside a larger one too."""
    if any(is_true(pair.get("value")) for pair in modes(cib)):
        yield Maintained(Level.CLUSTER)
    for node in cib.iterfind("configuration/nodes/node"):
        if any(map(holds, node_pairs(cib, node))):
            yield Maintained(Level.NODE, node.get("uname", ""))
    for element in resources(cib):
        if any(map(holds, element.iterfind("meta_attributes/nvpair"))):
            yield Maintained(Level.RESOURCE, element.get("id", ""))


def left(cib: _Element, held: Maintained) -> _Element:
    """Return a copy of ``cib`` in which ``held`` is no longer so."""
    copy = deepcopy(cib)
    if held.level is Level.CLUSTER:
        pairs = list(modes(copy))
    elif held.level is Level.NODE:
        nodes = copy.iterfind("configuration/nodes/node")
        pairs = [p for n in nodes if n.get("uname") == held.name for p in node_pairs(copy, n)]
    else:
        found = (each for each in resources(copy) if each.get("id") == held.name)
        pairs = [pair for each in found for pair in each.iterfind("meta_attributes/nvpair")]
    for pair in pairs:
        if pair.get("name") in (MODE, MAINTENANCE):
            pair.set("value", "false")
        elif pair.get("name") == MANAGED:
            pair.set("value", "true")
    return copy


def leaving(cib: _Element, held: Maintained, runner: Run) -> tuple[Effect, ...]:
    """Return what would happen if ``held`` ended, and not what merely stays.

    Raises CannotSimulate.
    """
    return tuple(
        effect
        for effect in outcome(simulate(left(cib, held), runner))
        if effect.moves_role
        or effect.what not in (What.STAYS, What.STRANDED)
        or (effect.what is What.STRANDED and effect.source)
    )


def modes(cib: _Element) -> Iterator[_Element]:
    for pair in property_pairs(cib):
        if pair.get("name") == MODE:
            yield pair


def node_pairs(cib: _Element, node: _Element) -> Iterator[_Element]:
    """Yield the attributes of a node, those that last and those that do not."""
    yield from node.iterfind("instance_attributes/nvpair")
    for state in cib.iterfind("status/node_state"):
        if state.get("id") == node.get("id"):
            yield from state.iterfind("transient_attributes//nvpair")


def resources(cib: _Element) -> Iterator[_Element]:
    for tag in ("primitive", "group", "clone", "master", "bundle"):
        yield from cib.iterfind(f"configuration/resources//{tag}")


def holds(pair: _Element) -> bool:
    """Whether an attribute puts what it is about into maintenance."""
    name, value = pair.get("name"), pair.get("value", "").lower()
    return (name == MAINTENANCE and is_true(value)) or (name == MANAGED and is_false(value))
