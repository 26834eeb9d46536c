"""What an element of the CIB says, attribute by attribute, in an operator's words."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lxml.etree import _Element

from hactl.cib.canonical import NVPAIR_SETS, attributes, elements, own_set
from hactl.cib.ownership import RESOURCE_TAGS
from hactl.plan.change import Detail

SECRET = re.compile(r"passw|secret|passphrase|(^|_)(key|token|psk)$|^chap", re.IGNORECASE)
HIDDEN = "(hidden)"
# A secret in a value that is XML itself, such as the password of a guest's console.
INSIDE = re.compile(r"""(<[^<>]*\s\w*(?:passw|secret)\w*=(["']))[^"'<>]*(\2)""", re.IGNORECASE)
OWNERS = {
    "cluster_property_set": "cluster",
    "rsc_defaults": "every resource",
    "op_defaults": "every operation",
}
PREFIXES = {"meta_attributes": "meta ", "utilization": "utilization "}

# (the id it belongs to, what it is called) -> its value
Attributes = dict[tuple[str, str], str]


def differences(before: _Element | None, after: _Element | None) -> tuple[Detail, ...]:
    """Return the attributes in which two versions of one element differ, in reading order."""
    old = {} if before is None else attributes_of(before)
    new = {} if after is None else attributes_of(after)
    return tuple(
        Detail(
            owner, name, shown(name, old.get((owner, name))), shown(name, new.get((owner, name)))
        )
        for owner, name in [*new, *(key for key in old if key not in new)]
        if old.get((owner, name)) != new.get((owner, name))
    )


def attributes_of(element: _Element) -> Attributes:
    """Return everything ``element`` says, except ids and the mark, which say nothing."""
    return dict(statements(element, owner_of(element)))


def owner_of(element: _Element) -> str:
    """Return the name an operator has for what ``element`` is about."""
    parent = element.getparent()
    if element.tag == "node":
        return element.get("uname", "")
    if parent is not None and parent.tag == "node":
        return parent.get("uname", "")
    if parent is not None and parent.tag in OWNERS:
        return OWNERS[str(parent.tag)]
    return element.get("id", "")


def shown(name: str, value: str | None) -> str | None:
    """Return ``value`` as it may be seen: plans are printed, stored and sent around."""
    if value is None:
        return None
    return HIDDEN if SECRET.search(name) else INSIDE.sub(rf"\g<1>{HIDDEN}\g<3>", value)


def statements(element: _Element, owner: str) -> Iterator[tuple[tuple[str, str], str]]:
    if element.tag in RESOURCE_TAGS:
        yield from resource(element)
    elif element.tag in NVPAIR_SETS:
        yield from nvpairs(element, owner)
    elif element.tag == "nvpair":
        yield (owner, element.get("name", "")), element.get("value", "")
    elif element.tag == "operations":
        yield from operations(element, owner)
    else:
        yield from anything(element, owner)


def resource(element: _Element) -> Iterator[tuple[tuple[str, str], str]]:
    owner = element.get("id", "")
    agent = [element.get(part) for part in ("class", "provider", "type")]
    if any(agent):
        yield (owner, "agent"), ":".join(part for part in agent if part)
    if template := element.get("template"):
        yield (owner, "template"), template
    members = [child.get("id", "") for child in elements(element) if child.tag in RESOURCE_TAGS]
    if element.tag == "group":
        yield (owner, "members"), ", ".join(members)
    for child in elements(element):
        yield from statements(child, owner)


def nvpairs(element: _Element, owner: str) -> Iterator[tuple[tuple[str, str], str]]:
    prefix = PREFIXES.get(str(element.tag), "")
    place = "" if own_set(element) or element.get("id", "").startswith("hactl-") else where(element)
    if score := element.get("score"):
        yield (owner, f"{prefix}score{place}"), score
    for child in elements(element):
        if child.tag == "nvpair":
            yield (owner, f"{prefix}{child.get('name', '')}{place}"), child.get("value", "")
        else:
            yield from anything(child, owner)


def where(element: _Element) -> str:
    name = element.get("id") or element.get("id-ref")
    return f" (in {name})" if name else ""


def operations(element: _Element, owner: str) -> Iterator[tuple[tuple[str, str], str]]:
    names = [child.get("name") for child in elements(element)]
    for op in elements(element):
        name = op.get("name", "")
        if names.count(name) > 1:
            name = f"{name} {op.get('interval', '')}"
        for attribute, value in attributes(op).items():
            if attribute not in ("id", "name"):
                yield (owner, f"{name} {attribute}"), value
        for child in elements(op):
            for (_, inner), value in statements(child, owner):
                yield (owner, f"{name} {inner}"), value


def anything(element: _Element, owner: str) -> Iterator[tuple[tuple[str, str], str]]:
    """What has no words of its own is said by its attributes; order among equals is counted."""
    inner = "" if owner == owner_of(element) else f"{element.tag} {element.get('id', '')} ".lstrip()
    for attribute, value in attributes(element).items():
        if attribute != "id":
            yield (owner, f"{inner}{attribute}"), value
    listed = [child.get("id", "") for child in elements(element) if child.tag == "resource_ref"]
    if listed:
        yield (owner, f"{inner}members"), ", ".join(listed)
    for child in elements(element):
        if child.tag != "resource_ref":
            yield from statements(child, owner)
