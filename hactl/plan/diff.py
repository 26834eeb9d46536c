"""What differs between two CIBs, thing by thing: compares trees, knows nothing of the cluster."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lxml import etree
from lxml.etree import _Element

from hactl.cib.canonical import NVPAIR_SETS, same
from hactl.cib.kept import LEDGER
from hactl.cib.ownership import RESOURCE_TAGS, kind_of
from hactl.plan.attributes import differences
from hactl.plan.change import Change, Create, Delete, Place, Update, identity

SECTIONS = (
    "crm_config",
    "nodes",
    "rsc_defaults",
    "op_defaults",
    "fencing-topology",
    "resources",
    "constraints",
    "tags",
    "alerts",
    "acls",
)
# These are seen through: a property and a node's own values are changes in their own right.
HOLDERS = frozenset({"cluster_property_set", "node"})

MARKS = "marks"
KINDS = {
    "cluster_property_set": "properties",
    "node": "node",
    "rsc_order": "order",
    "rsc_colocation": "colocation",
    "rsc_location": "location",
    "rsc_ticket": "ticket",
    "acl_role": "acl",
    "acl_target": "acl",
    "acl_group": "acl",
}
# In the order in which they are read: what holds first, what is held by it after.
ORDER = (
    *("properties", "property", "node", "defaults", "fencing", "fencing-level"),
    *("network", "storage", "address", "gateway", "container", "guest", "raw", "resource"),
    *("order", "colocation", "location", "ticket"),
)


@dataclass(frozen=True, slots=True)
class Unit:
    """One thing that can change, where it stands, and how many siblings stand before it."""

    element: _Element
    position: int


Units = dict[tuple[Place, str], Unit]


def changes(live: _Element, merged: _Element) -> tuple[Change, ...]:
    """Return what turns the configuration of ``live`` into that of ``merged``, both ``<cib>``.

    The order of elements makes no difference, except where Pacemaker minds it. The result is in a
    stable order: by kind, then by id.
    """
    before, after = units(live), units(merged)
    found: list[Change] = [*created(before, after), *deleted(before, after)]
    found += updated(before, after)
    return tuple(sorted(found, key=reading_order))


def created(before: Units, after: Units) -> Iterator[Create]:
    for (place, name), new in after.items():
        if (place, name) not in before and not inside_new_holder(place, before):
            details = differences(None, new.element)
            yield Create(
                name, kind(new.element), place, new.position, spelled(new.element), details
            )


def deleted(before: Units, after: Units) -> Iterator[Delete]:
    for (place, name), old in before.items():
        if (place, name) not in after and not inside_new_holder(place, after):
            details = differences(old.element, None)
            yield Delete(
                name, kind(old.element), place, old.position, spelled(old.element), details
            )


def updated(before: Units, after: Units) -> Iterator[Update]:
    for address, new in after.items():
        old = before.get(address)
        if (
            old is not None
            and new.element.tag not in HOLDERS
            and not same(old.element, new.element)
        ):
            place, name = address
            details = differences(old.element, new.element)
            yield Update(
                name,
                kind(new.element),
                place,
                spelled(old.element),
                spelled(new.element),
                details,
            )


def inside_new_holder(place: Place, other: Units) -> bool:
    """Whether a whole holder comes or goes: then it is the change, and not what is in it."""
    return bool(place.holder) and (Place(place.section), place.holder) not in other


def units(cib: _Element) -> Units:
    return {
        (place, identity(element)): Unit(element, position)
        for section in SECTIONS
        for place, position, element in members(cib, section)
    }


def members(cib: _Element, section: str) -> Iterator[tuple[Place, int, _Element]]:
    parent = cib.find(f"configuration/{section}")
    if parent is None:
        return
    for position, element in enumerate(parent):
        if isinstance(element.tag, str):
            yield Place(section), position, element
            if element.tag in HOLDERS:
                place = Place(section, element.get("id", ""))
                for inner_position, inner in enumerate(element):
                    if isinstance(inner.tag, str):
                        yield place, inner_position, inner


def spelled(element: _Element) -> bytes:
    return etree.tostring(element, with_tail=False)


def kind(element: _Element) -> str:
    """Return the word an operator has for ``element``."""
    if element.tag in RESOURCE_TAGS:
        return kind_of(element) or "resource"
    parent = element.getparent()
    if LEDGER in (element.get("id"), None if parent is None else parent.get("id")):
        return MARKS
    if element.tag == "nvpair":
        return "property"
    if parent is not None and parent.tag == "node":
        return "node"
    if element.tag in NVPAIR_SETS:
        return "defaults" if element.tag != "cluster_property_set" else "properties"
    return KINDS.get(str(element.tag), str(element.tag))


def reading_order(change: Change) -> tuple[int, str, str]:
    rank = ORDER.index(change.kind) if change.kind in ORDER else len(ORDER)
    return rank, change.place.holder, change.id
