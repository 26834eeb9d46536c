"""Elements that a topology holds to the letter: they keep their ids, and a ledger says whose.

An id or a description of hactl's own would change what others made. So the mark of ownership of
such an element stands beside it: a set of cluster properties, ``hactl-kept``, with a digest of each
(Pacemaker reads only the properties that it knows). What is set at run time does not count, and a
secret does not leave the CIB: in its place stands a word, and the digest is taken with that word.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from copy import deepcopy

from lxml import etree
from lxml.etree import _Element

from hactl.cib.canonical import attributes, canonical, runtime_switch
from hactl.cib.ownership import PREFIX, RESOURCE_TAGS
from hactl.cib.pairs import add_pairs
from hactl.model.kept import TAGS
from hactl.model.secret import STAYS_IN_CIB, may_be_secret

LEDGER = f"{PREFIX}kept"
SEAL_LENGTH = 12
# Up to 2.1 Pacemaker itself writes these so (crm_xml_escape() in lib/common/xml.c).
REWRITTEN = str.maketrans({"\n": "\\n", "\r": "\\r", "\t": "    "})
PAIRS = f"crm_config/cluster_property_set[@id='{LEDGER}']/nvpair"

Place = tuple[str, tuple[str, ...]]


def ledger(configuration: _Element) -> dict[str, str]:
    """Return the ids of what is kept to the letter, each with the digest hactl wrote."""
    return {
        pair.get("name", "").removeprefix(f"{LEDGER}-"): pair.get("value", "")
        for pair in configuration.iterfind(PAIRS)
    }


def ledger_set(kept: Iterable[_Element]) -> _Element | None:
    """Return the set that says what is kept; None where nothing is."""
    made = etree.Element("cluster_property_set", id=LEDGER)
    add_pairs(made, "", {f"{LEDGER}-{element.get('id')}": seal(element) for element in kept})
    return made if len(made) else None


def seal(element: _Element) -> str:
    """Return 12 hex digits for all that is configured in an element, but for secrets."""
    copy = bare(element)
    for part in copy.iter("*"):
        for name, value in attributes(part).items():
            part.set(name, value.translate(REWRITTEN))
    return hashlib.sha256(canonical(copy)).hexdigest()[:SEAL_LENGTH]


def bare(element: _Element) -> _Element:
    """Return a copy as a topology may hold it: without runtime switches and without secrets."""
    copy = deepcopy(element)
    copy.tail = None
    if copy.tag in RESOURCE_TAGS:
        drop_switches(copy)
    for part in copy.iter("*"):
        mask(part)
    return copy


def drop_switches(resource: _Element) -> None:
    for pair in [pair for pair in resource.iter("nvpair") if runtime_switch(pair)]:
        holder = pair.getparent()
        assert holder is not None
        holder.remove(pair)
        owner = holder.getparent()
        if owner is not None and not len(holder) and not (set(holder.attrib) - {"id"}):
            owner.remove(holder)


def mask(part: _Element) -> None:
    for name, value in attributes(part).items():
        called = part.get("name", "") if name == "value" else ""
        if name not in ("id", "name") and may_be_secret(called, value):
            part.set(name, STAYS_IN_CIB)


def as_it_is(wanted: _Element, live: _Element) -> _Element:
    """Return ``wanted`` with what is kept and says the same spelled as ``live`` has it.

    What says something else gets its secrets from there. Both are ``<configuration>``.
    """
    if not ledger(wanted):
        return wanted
    copy = deepcopy(wanted)
    known = listed(live)
    for element in list(kept_in(copy)):
        holder, other = element.getparent(), known.get(element.get("id", ""))
        if holder is not None and other is not None and alike(element, other):
            holder.replace(element, deepcopy(other))
    fill(copy, live)
    return copy


def alike(one: _Element, other: _Element) -> bool:
    return one.tag == other.tag and seal(one) == seal(other)


def fill(copy: _Element, live: _Element) -> None:
    """Put secrets that were left out back in, as ``live`` has them."""
    left_out = masked(copy)
    there = {place(part): part for part in live.iter("*")} if left_out else {}
    for part in left_out:
        known = there.get(place(part))
        for name, value in attributes(part).items():
            if value == STAYS_IN_CIB and known is not None:
                part.set(name, known.get(name, STAYS_IN_CIB))


def masked(configuration: _Element) -> list[_Element]:
    """Return the elements in which a secret is left out."""
    return [part for part in configuration.iter("*") if STAYS_IN_CIB in part.values()]


def place(part: _Element) -> Place:
    """Return where an element stands: the nearest id, and the tags from there."""
    tags: list[str] = []
    for each in (part, *part.iterancestors()):
        tags.append(str(each.tag))
        if (id_ := each.get("id")) and each.tag != "node":
            return id_, tuple(tags)
    return "", tuple(tags)


def listed(configuration: _Element) -> dict[str, _Element]:
    """Return by its id every element that a topology could hold to the letter."""
    found: dict[str, _Element] = {}
    for section, tags in TAGS.items():
        path = f"{section}/node/*" if section == "nodes" else f"{section}/*"
        for element in configuration.iterfind(path):
            if element.tag in tags and element.get("id"):
                found[element.get("id", "")] = element
    return found


def edited(live: _Element, wanted: _Element) -> Iterator[str]:
    """Yield the ids of what is kept, was changed by hand, and would be changed back."""
    sealed, there, ours = ledger(live), listed(live), ledger(wanted)
    for id_, digest in sealed.items():
        if id_ in there and seal(there[id_]) not in (digest, ours.get(id_)):
            yield id_


def drop_unwanted(configuration: _Element, wanted: _Element) -> None:
    """Take out what was kept and is no longer wanted."""
    ours, still = ledger(configuration), listed(wanted)
    for id_, element in listed(configuration).items():
        holder = element.getparent()
        if id_ in ours and id_ not in still and holder is not None:
            holder.remove(element)


def renewed(live: _Element, wanted: _Element) -> _Element:
    """Return ``wanted`` with the runtime switches that stand in ``live``."""
    new = deepcopy(wanted)
    drop_switches(new)
    parts = {(part.tag, part.get("id")): part for part in new.iter("*")}
    for pair in live.iter("nvpair"):
        holder = pair.getparent()
        if runtime_switch(pair) and holder is not None:
            put_back(parts, pair, holder)
    return new


def put_back(
    parts: dict[tuple[str, str | None], _Element], pair: _Element, holder: _Element
) -> None:
    owner = holder.getparent()
    into = parts.get((str(holder.tag), holder.get("id")))
    if into is None and owner is not None:
        new_owner = parts.get((str(owner.tag), owner.get("id")))
        if new_owner is None:
            return
        into = etree.Element(holder.tag, attributes(holder))
        new_owner.insert(0, into)
        parts[str(holder.tag), holder.get("id")] = into
    if into is not None:
        into.append(deepcopy(pair))


def unchanged(live: _Element, wanted: _Element) -> Iterator[str]:
    """Yield the ids of what the CIB has as it is wanted: it can become ours unasked."""
    there = listed(live)
    for element in kept_in(wanted):
        other = there.get(element.get("id", ""))
        if other is not None and alike(element, other):
            yield element.get("id", "")


def kept_in(wanted: _Element) -> Iterator[_Element]:
    """Yield the elements of a rendered configuration that are held to the letter."""
    names = ledger(wanted)
    yield from (element for id_, element in listed(wanted).items() if id_ in names)
