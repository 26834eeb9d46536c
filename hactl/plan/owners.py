"""Which resource a primitive is a part of, before a change and after it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lxml.etree import _Element

from hactl.cib.ownership import kind_of
from hactl.cib.read import meta

PARTS = ("primitive", "group", "clone", "master", "bundle")


@dataclass(frozen=True)
class Unit:
    """A top-level resource: its id, and the kind hactl marked it with (empty: not hactl's)."""

    id: str
    kind: str


@dataclass(frozen=True)
class Owners:
    """Knows every part of every resource, as it is (``live``) and as it will be (``wanted``).

    A part may be in both under different units. Parts that Pacemaker makes itself, such as the
    connection to a guest node, belong to what they are made for.
    """

    live: Mapping[str, Unit]
    wanted: Mapping[str, Unit]
    containers: Mapping[str, Unit]
    connections: Mapping[str, Unit]
    holders: Mapping[str, Unit]

    @classmethod
    def of(cls, live: _Element, merged: _Element) -> Owners:
        """Read two whole ``<cib>``."""
        both = (live, merged)
        return cls(
            live=dict(primitives(live)),
            wanted=dict(primitives(merged)),
            containers={f"{name}-": unit for cib in both for name, unit in bundles(cib)},
            connections={name: unit for cib in both for name, unit in connections(cib)},
            holders={name: unit for cib in both for name, unit in holders(cib)},
        )

    @property
    def all(self) -> set[str]:
        """Every primitive that somebody configured or configures."""
        return {*self.live, *self.wanted}

    def find(self, name: str) -> Unit | None:
        """Return what ``name``, a primitive, belongs to; None where nobody configured it."""
        found = self.wanted.get(name) or self.live.get(name) or self.connections.get(name)
        if found is None:
            around = (unit for start, unit in self.containers.items() if name.startswith(start))
            found = next(around, None)
        return found

    def unit(self, name: str) -> str:
        """Return the id of the top-level resource that ``name``, of any size, belongs to."""
        found = self.find(name) or self.holders.get(name)
        return found.id if found else name

    def kind(self, name: str) -> str:
        found = self.find(name)
        if name in self.connections and name not in self.wanted:
            return "connection"
        return (found.kind if found else "") or "resource"

    def foreign(self, name: str) -> bool:
        found = self.find(name)
        return found is None or not found.kind

    def leaves(self, name: str) -> bool:
        """Whether ``name`` is configured no longer, though what it was part of may be."""
        plain = name.partition(":")[0]
        return plain in self.live and plain not in self.wanted

    def joins(self, name: str) -> bool:
        return name in self.wanted and name not in self.live


def units(cib: _Element) -> Iterator[tuple[_Element, Unit]]:
    for element in cib.iterfind("configuration/resources/*"):
        if element.tag != "template":
            yield element, Unit(element.get("id", ""), kind_of(element) or "")


def primitives(cib: _Element) -> Iterator[tuple[str, Unit]]:
    for element, unit in units(cib):
        for primitive in element.iter("primitive"):
            yield primitive.get("id", ""), unit


def holders(cib: _Element) -> Iterator[tuple[str, Unit]]:
    for element, unit in units(cib):
        for part in element.iter(*PARTS):
            yield part.get("id", ""), unit


def bundles(cib: _Element) -> Iterator[tuple[str, Unit]]:
    return ((unit.id, unit) for element, unit in units(cib) if element.tag == "bundle")


def connections(cib: _Element) -> Iterator[tuple[str, Unit]]:
    """Yield the connections to guest nodes: Pacemaker makes one for each ``remote-node``."""
    for element, unit in units(cib):
        for primitive in element.iter("primitive"):
            if node := meta(primitive).get("remote-node"):
                yield node, unit
