"""What people did to owned elements by hand: finds it in the live CIB, judges nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from lxml.etree import _Element

from hactl.cib import kept
from hactl.cib.canonical import digest, runtime_switch, same
from hactl.cib.ownership import edited_by_hand, is_ours, pair_edited_by_hand

# Their ids say their whole content, so other content under the same id was written by hand.
SAYING_IDS = ("constraints", "fencing-topology")
PROPERTIES = "crm_config/cluster_property_set/nvpair"
SETS = ("rsc_defaults/*", "op_defaults/*", "nodes/node/*")


@dataclass(frozen=True, slots=True)
class Switch:
    """A runtime switch on an owned resource, such as target-role=Stopped: always kept."""

    resource: str
    name: str
    value: str

    def __str__(self) -> str:
        return f"{self.resource}: {self.name}={self.value}"


def edits(live: _Element, wanted: _Element) -> tuple[str, ...]:
    """Return the ids of owned elements whose edit by hand the configuration would undo.

    An edit that says what ``wanted`` says anyway undoes nothing and is left out. Both arguments
    are ``<configuration>`` elements.
    """
    return (
        *edited_resources(live, wanted),
        *edited_constraints(live, wanted),
        *edited_properties(live, wanted),
        *edited_sets(live, wanted),
        *kept.edited(live, wanted),
    )


def edited_resources(live: _Element, wanted: _Element) -> Iterator[str]:
    ours = {resource.get("id"): resource for resource in wanted.iterfind("resources/*")}
    for resource in live.iterfind("resources/*"):
        new = ours.get(resource.get("id"))
        if new is not None and same(new, resource):
            continue
        if edited_by_hand(resource) and (new is None or digest(new) != digest(resource)):
            yield resource.get("id", "")


def edited_constraints(live: _Element, wanted: _Element) -> Iterator[str]:
    for section in SAYING_IDS:
        ours = {element.get("id"): element for element in wanted.iterfind(f"{section}/*")}
        for element in live.iterfind(f"{section}/*"):
            new = ours.get(element.get("id"))
            if new is not None and is_ours(element) and not same(new, element):
                yield element.get("id", "")


def edited_properties(live: _Element, wanted: _Element) -> Iterator[str]:
    """Yield the names of cluster properties."""
    new = values(wanted.iterfind(PROPERTIES))
    for pair in live.iterfind(PROPERTIES):
        name = pair.get("name", "")
        differs = new.get(name) != pair.get("value")
        if is_ours(pair) and pair_edited_by_hand(pair) and differs:
            yield name


def edited_sets(live: _Element, wanted: _Element) -> Iterator[str]:
    """Yield the ids of our sets of defaults, and of what a node offers."""
    ours = {found.get("id"): values(found) for found in own_sets(wanted)}
    for found in own_sets(live):
        edited = any(pair_edited_by_hand(pair) for pair in found.iterchildren("nvpair"))
        if edited and ours.get(found.get("id")) != values(found):
            yield found.get("id", "")


def own_sets(configuration: _Element) -> Iterator[_Element]:
    for path in SETS:
        yield from (found for found in configuration.iterfind(path) if is_ours(found))


def values(pairs: Iterable[_Element]) -> dict[str, str]:
    return {pair.get("name", ""): pair.get("value", "") for pair in pairs if pair.tag == "nvpair"}


def switches(live: _Element) -> tuple[Switch, ...]:
    """Return the runtime switches set on owned resources, in document order."""
    return tuple(
        Switch(owner(pair), pair.get("name", ""), pair.get("value", ""))
        for resource in live.iterfind("resources/*")
        if is_ours(resource)
        for pair in resource.iterfind(".//meta_attributes/nvpair")
        if runtime_switch(pair)
    )


def owner(pair: _Element) -> str:
    nvpairs = pair.getparent()
    holder = None if nvpairs is None else nvpairs.getparent()
    return "" if holder is None else holder.get("id", "")
