"""Which element refers to which: knows every way one part of a CIB names another."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lxml import etree
from lxml.etree import _Element

REFERRING_ATTRIBUTES = ("rsc", "with-rsc", "first", "then", "template", "id-ref", "reference")
REFERRING_ELEMENTS = ("resource_ref", "obj_ref")

# Without smart strings these run at libxml2's speed: thousands of guests cost milliseconds.
IDS = etree.XPath(
    "*/descendant::*[not(self::node or self::resource_ref or self::obj_ref)]/@id",
    smart_strings=False,
)
NAMED = etree.XPath(
    " | ".join(
        [f"*//@{name}" for name in REFERRING_ATTRIBUTES]
        + [f"*//{name}/@id" for name in REFERRING_ELEMENTS]
    ),
    smart_strings=False,
)
DEVICES = etree.XPath("fencing-topology/*/@devices", smart_strings=False)


@dataclass(frozen=True, slots=True)
class Reference:
    """``owner``, the constraint, tag, level or resource, names ``target``."""

    owner: _Element
    target: str


def ids(configuration: _Element) -> list[str]:
    """Return every id the configuration gives out, in document order."""
    return strings(IDS, configuration)


def targets(configuration: _Element) -> set[str]:
    """Return every id the configuration refers to."""
    devices = (listed.split(",") for listed in strings(DEVICES, configuration))
    return {*strings(NAMED, configuration), *(name.strip() for some in devices for name in some)}


def dangling(configuration: _Element) -> tuple[Reference, ...]:
    """Return the references that lead nowhere."""
    missing = targets(configuration) - set(ids(configuration))
    return tuple(references_to(configuration, missing)) if missing else ()


def twice(configuration: _Element) -> tuple[str, ...]:
    """Return the ids that are given out more than once."""
    seen: set[str] = set()
    found = []
    for name in ids(configuration):
        if name in seen:
            found.append(name)
        seen.add(name)
    return tuple(dict.fromkeys(found))


def owners(configuration: _Element, name: str) -> list[_Element]:
    """Return the top-level elements that are, or contain, an element with this id."""
    return [
        element
        for section in configuration.iterchildren("*")
        for element in section.iterchildren("*")
        if any(inner.get("id") == name for inner in element.iter("*"))
    ]


def references_to(configuration: _Element, missing: set[str]) -> Iterator[Reference]:
    for section in configuration.iterchildren("*"):
        for owner in section.iterchildren("*"):
            for target in sorted(missing & {name for e in owner.iter("*") for name in named_by(e)}):
                yield Reference(owner, target)


def named_by(element: _Element) -> Iterator[str]:
    for attribute in REFERRING_ATTRIBUTES:
        if name := element.get(attribute):
            yield name
    if element.tag in REFERRING_ELEMENTS:
        yield element.get("id", "")
    if devices := element.get("devices"):
        yield from (name.strip() for name in devices.split(","))


def strings(path: etree.XPath, configuration: _Element) -> list[str]:
    found = path(configuration)
    assert isinstance(found, list)
    return [str(name) for name in found]
