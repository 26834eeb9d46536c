"""A change to the configuration as data: it can say, undo and carry out itself, and runs nothing.

A change concerns one thing an operator has a name for: a resource, a constraint, a fencing level,
a cluster property, a set of defaults, what hactl keeps about a node.
"""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy
from dataclasses import dataclass, replace

from lxml import etree
from lxml.etree import _Element

from hactl.cib.merge import OPTIONAL_SECTIONS


@dataclass(frozen=True, slots=True)
class Place:
    """Where in ``<configuration>`` an element stands: a section, and a holder inside it if any."""

    section: str
    holder: str = ""


@dataclass(frozen=True, slots=True)
class Detail:
    """One attribute that differs; None means it is not there. ``owner`` is the nearest id."""

    owner: str
    name: str
    old: str | None
    new: str | None

    def __str__(self) -> str:
        if self.old is None:
            return f"{self.name} {self.new}"
        return f"{self.name} {self.old} -> {'(none)' if self.new is None else self.new}"

    def reverse(self) -> Detail:
        return replace(self, old=self.new, new=self.old)


@dataclass(frozen=True, slots=True)
class Create:
    """Something new. ``position`` is its place among its siblings once all is done."""

    id: str
    kind: str
    place: Place
    position: int
    after: bytes
    details: tuple[Detail, ...] = ()

    def describe(self) -> str:
        return f"{self.kind} {self.id}: new"

    def reverse(self) -> Delete:
        details = tuple(detail.reverse() for detail in self.details)
        return Delete(self.id, self.kind, self.place, self.position, self.after, details)


@dataclass(frozen=True, slots=True)
class Delete:
    """Something that goes."""

    id: str
    kind: str
    place: Place
    position: int
    before: bytes
    details: tuple[Detail, ...] = ()

    def describe(self) -> str:
        return f"{self.kind} {self.id}: removed"

    def reverse(self) -> Create:
        details = tuple(detail.reverse() for detail in self.details)
        return Create(self.id, self.kind, self.place, self.position, self.before, details)


@dataclass(frozen=True, slots=True)
class Update:
    """Something that stays and becomes different."""

    id: str
    kind: str
    place: Place
    before: bytes
    after: bytes
    details: tuple[Detail, ...] = ()

    def describe(self) -> str:
        if not self.details:
            return f"{self.id}: renewed, nothing an operator would notice"
        return "; ".join(f"{detail.owner}: {detail}" for detail in self.details)

    def reverse(self) -> Update:
        details = tuple(detail.reverse() for detail in self.details)
        return replace(self, before=self.after, after=self.before, details=details)


Change = Create | Update | Delete


def reverse(changes: Iterable[Change]) -> tuple[Change, ...]:
    """Return what undoes ``changes``."""
    return tuple(change.reverse() for change in changes)


def combined(steps: Iterable[Iterable[Change]]) -> tuple[Change, ...]:
    """Return what several steps, one made after the other, come to."""
    net: dict[tuple[Place, str], Change] = {}
    for change in (change for step in steps for change in step):
        address = change.place, change.id
        earlier = net.pop(address, None)
        both = change if earlier is None else then(earlier, change)
        if both is not None:
            net[address] = both
    return tuple(net.values())


def then(first: Change, second: Change) -> Change | None:
    """Return what ``first`` and ``second``, to the same thing, come to; None if to nothing."""
    if isinstance(first, Create):
        if isinstance(second, Delete):
            return None
        return replace(first, after=second.after, details=())
    if isinstance(second, Delete):
        return replace(second, before=first.before, details=())
    return Update(first.id, second.kind, first.place, first.before, second.after)


def carried_out(configuration: _Element, changes: Iterable[Change]) -> _Element:
    """Return a copy of ``<configuration>`` with ``changes`` made.

    Raises LookupError where a thing to update or delete is not there.
    """
    result = deepcopy(configuration)
    changes = tuple(changes)
    for change in changes:
        if isinstance(change, Update):
            there = found(result, change)
            siblings(result, change.place).replace(there, etree.fromstring(change.after))
        elif isinstance(change, Delete):
            delete(result, change)
    creates = [change for change in changes if isinstance(change, Create)]
    for change in sorted(creates, key=lambda create: create.position):
        parent = siblings(result, change.place)
        parent.insert(change.position, etree.fromstring(change.after))
    return result


def delete(configuration: _Element, change: Delete) -> None:
    parent = siblings(configuration, change.place)
    parent.remove(found(configuration, change))
    if not len(parent) and parent.tag in OPTIONAL_SECTIONS:
        configuration.remove(parent)


def found(configuration: _Element, change: Change) -> _Element:
    """Return the element a change is about; raises LookupError if it is not there."""
    for element in siblings(configuration, change.place):
        if identity(element) == change.id:
            return element
    raise LookupError(change.id)


def identity(element: _Element) -> str:
    """What a thing is known by: its id, or the name of a cluster property."""
    return element.get("name" if element.tag == "nvpair" else "id", "")


def siblings(configuration: _Element, place: Place) -> _Element:
    """Return the parent that ``place`` names; a missing section is made."""
    section = configuration.find(place.section)
    if section is None:
        section = etree.SubElement(configuration, place.section)
    if not place.holder:
        return section
    for holder in section:
        if holder.get("id") == place.holder:
            return holder
    raise LookupError(place.holder)
