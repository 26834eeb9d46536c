"""The live CIB and what hactl wants, in one: keeps all that is not ours, runs nothing.

Owned and wanted is updated, wanted and absent is created, owned and no longer wanted is deleted;
everything else stays as it is: what Pacemaker writes itself (dc-version, have-watchdog, tickets),
other people's resources, constraints, properties, ACLs, alerts and tags, nvpair sets with ids that
are not ours inside owned resources, and the runtime switches (target-role, is-managed,
maintenance).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from copy import deepcopy

from lxml import etree
from lxml.etree import _Element

from hactl.cib.canonical import (
    NVPAIR_SETS,
    attributes,
    elements,
    own_set,
    runtime_switch,
    same,
)
from hactl.cib.kept import as_it_is, drop_unwanted, ledger, renewed, seal
from hactl.cib.options import PROPERTY_SET as PROPERTIES
from hactl.cib.ownership import PREFIX, edited_by_hand, is_ours, lost_its_mark
from hactl.cib.properties import same_property
from hactl.cib.refusals import Refused, refusals
from hactl.model.kept import TAGS

# Sections whose elements are merged by their ids alone.
BY_ID = tuple(each for each in TAGS if each not in ("crm_config", "nodes", "resources"))
OPTIONAL_SECTIONS = frozenset(BY_ID) - {"constraints"}
MEMBERS_IN_ORDER = frozenset(
    {"group", "resource_set", "rsc_order", "rsc_colocation", "rsc_location", "rsc_ticket", "rule"}
)


def merge(live: _Element, wanted: _Element, adopt: Collection[str] = ()) -> _Element:
    """Return the whole ``<cib>`` to commit: ``live`` with the ``<configuration>`` hactl wants.

    ``adopt`` names foreign resources that are to become ours. Both trees stay untouched.

    Raises Refused, with one sentence for each reason: a node the cluster does not have, a foreign
    element where ours should stand, a foreign element that refers to what would be deleted, a
    reference to something that is nowhere.
    """
    merged = deepcopy(live)
    configuration = child(merged, "configuration")
    wanted = as_it_is(wanted, configuration)
    kept = ledger(configuration)
    drop_unwanted(configuration, wanted)
    merge_properties(configuration, wanted)
    merge_property_sets(configuration, wanted)
    merge_nodes(configuration, wanted)
    merge_resources(configuration, wanted, {*adopt, *kept}, {*kept, *ledger(wanted)})
    for section in BY_ID:
        merge_section(configuration, wanted, section)
    reasons = refusals(child(live, "configuration"), wanted, configuration, adopt)
    if reasons:
        raise Refused(reasons)
    return merged


def merge_properties(configuration: _Element, wanted: _Element) -> None:
    pairs = wanted.findall(f"crm_config/cluster_property_set[@id='{PROPERTIES}']/nvpair")
    holder = bootstrap_options(configuration, needed=bool(pairs))
    if holder is None:
        return
    named = {pair.get("name", ""): pair for pair in holder.iterchildren("nvpair")}
    for pair in pairs:
        names = same_property(pair.get("name", ""))
        there = next((named.pop(name) for name in names if name in named), None)
        if there is None:
            holder.append(deepcopy(pair))
        else:
            renew(there, pair)
    for pair in named.values():
        if is_ours(pair):
            holder.remove(pair)


def renew(there: _Element, wanted: _Element) -> None:
    """Give a property its value; one that others made keeps the id they gave it."""
    there.set("value", wanted.get("value", ""))
    if is_ours(there):
        there.set("id", wanted.get("id", ""))


def bootstrap_options(configuration: _Element, needed: bool) -> _Element | None:
    section = child(configuration, "crm_config")
    for found in section.iterchildren("cluster_property_set"):
        if found.get("id") == PROPERTIES:
            return found
    if not needed:
        return None
    return etree.SubElement(section, "cluster_property_set", id=PROPERTIES)


def merge_property_sets(configuration: _Element, wanted: _Element) -> None:
    """Sets beside the one that Pacemaker writes to: some held to the letter, and the ledger."""
    others = etree.Element("crm_config")
    others.extend(
        deepcopy(found)
        for found in wanted.iterfind("crm_config/*")
        if found.get("id") != PROPERTIES
    )
    merge_children(child(configuration, "crm_config"), others)


def merge_nodes(configuration: _Element, wanted: _Element) -> None:
    """Nodes are matched by name: the id is the cluster's, and hactl never adds a node to it."""
    section = child(configuration, "nodes")
    there = {node.get("uname"): node for node in section.iterchildren("node")}
    new_cluster = not there
    for node in wanted.iterfind("nodes/node"):
        twin = there.pop(node.get("uname"), None)
        if twin is not None:
            merge_children(twin, node)
        elif new_cluster:
            section.append(deepcopy(node))
    for node in there.values():
        merge_children(node, etree.Element("node"))


def merge_resources(
    configuration: _Element, wanted: _Element, adopt: Collection[str], letter: Collection[str]
) -> None:
    """``letter`` are the ids of what is held to the letter: in the live CIB, or from now on."""
    section = child(configuration, "resources")
    missing = {resource.get("id", ""): resource for resource in wanted.iterfind("resources/*")}
    for resource in list(elements(section)):
        id_ = resource.get("id", "")
        new = missing.pop(id_, None)
        ours = is_ours(resource) or id_ in adopt
        ours = ours or (new is not None and lost_its_mark(configuration, resource, new))
        if new is None and is_ours(resource):
            section.remove(resource)
        elif new is not None and ours and id_ in letter:
            if seal(new) != seal(resource):
                section.replace(resource, renewed(resource, new))
        elif new is not None and ours and not settled(resource, new):
            section.replace(resource, graft(resource, new))
    section.extend(deepcopy(resource) for resource in missing.values())


def settled(resource: _Element, wanted: _Element) -> bool:
    marked = resource.get("description") == wanted.get("description")
    return same(resource, wanted) or (marked and not edited_by_hand(resource))


def merge_section(configuration: _Element, wanted: _Element, name: str) -> None:
    ours = wanted.find(name)
    there = configuration.find(name)
    if there is None and ours is not None and len(ours):
        there = etree.SubElement(configuration, name)
    if there is not None and len(there) + (0 if ours is None else len(ours)):
        merge_children(there, ours if ours is not None else etree.Element(name))
        if not len(there) and name in OPTIONAL_SECTIONS:
            configuration.remove(there)


def merge_children(there: _Element, wanted: _Element) -> None:
    """Make the children whose ids begin with ``hactl-`` those of ``wanted``, in place."""
    missing = {element.get("id", ""): element for element in elements(wanted)}
    for element in list(elements(there)):
        new = missing.pop(element.get("id", ""), None)
        if new is None and element.get("id", "").startswith(PREFIX):
            there.remove(element)
        elif new is not None and not same(element, new):
            there.replace(element, deepcopy(new))
    there.extend(deepcopy(element) for element in missing.values())


def graft(live: _Element, wanted: _Element) -> _Element:
    """Return ``wanted`` with what others keep inside ``live``, in the order of ``live``."""
    if live.tag != wanted.tag:
        return deepcopy(wanted)
    twins = {key(element): element for element in elements(live)}
    positions = {name: position for position, name in enumerate(twins)}
    new = [grafted(twins.pop(key(element), None), element) for element in elements(wanted)]
    kept = list(foreign_parts(twins.values()))
    merged = etree.Element(wanted.tag, attributes(wanted))
    switches = {pair.get("name") for pair in kept if pair.tag == "nvpair"}
    new = [element for element in new if not switched(element, switches)]
    merged.extend(arranged(wanted, new + kept, positions))
    return merged


def grafted(live: _Element | None, wanted: _Element) -> _Element:
    return deepcopy(wanted) if live is None else graft(live, wanted)


def foreign_parts(left_over: Iterable[_Element]) -> Iterator[_Element]:
    """Yield copies of what stays although hactl does not want it: others' sets, and switches."""
    for element in left_over:
        if stays(element):
            yield deepcopy(element)
        elif element.tag == "meta_attributes":
            yield from switches_only(element)


def stays(element: _Element) -> bool:
    if element.tag == "nvpair":
        return runtime_switch(element)
    return element.tag in NVPAIR_SETS and not own_set(element)


def switches_only(meta: _Element) -> Iterator[_Element]:
    switches = [deepcopy(pair) for pair in elements(meta) if runtime_switch(pair)]
    if switches:
        kept = etree.Element(meta.tag, attributes(meta))
        kept.extend(switches)
        yield kept


def switched(element: _Element, switches: Collection[str | None]) -> bool:
    return element.tag == "nvpair" and element.get("name") in switches


def arranged(
    wanted: _Element, children: Iterable[_Element], positions: dict[tuple[str, str], int]
) -> list[_Element]:
    """Keep the live order, except where the order of members is itself what is wanted."""
    ordered = wanted.tag in MEMBERS_IN_ORDER
    last = len(positions)

    def position(element: _Element) -> tuple[bool, int]:
        member = ordered and element.tag not in NVPAIR_SETS
        return member, 0 if member else positions.get(key(element), last)

    return sorted(children, key=position)


def key(element: _Element) -> tuple[str, str]:
    return element.tag, element.get("id") or element.get("id-ref") or ""


def child(parent: _Element, name: str) -> _Element:
    """Return the section ``name``, made if it is not there."""
    found = parent.find(name)
    return etree.SubElement(parent, name) if found is None else found
