"""Which element refers to which: knows every way one part of a CIB names another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

from lxml import etree
from lxml.etree import _Element

from hactl.model.fencing import WATCHDOG

REFERRING_ATTRIBUTES = ("rsc", "with-rsc", "first", "then", "template", "id-ref", "reference")
REFERRING_ELEMENTS = ("resource_ref", "obj_ref")


def path(expression: str) -> etree.XPath:
    # Without smart strings these run at libxml2's speed; a union of them would be sorted, which
    # costs more than all the rest.
    return etree.XPath(expression, smart_strings=False)


NO_ID = "self::node or self::resource_ref or self::obj_ref or self::role"
IDS = path(f"descendant::*[not({NO_ID})]/@id")
NAMED = (
    *(path(f"constraints/descendant::*/@{name}") for name in ("rsc", "with-rsc", "first", "then")),
    *(path(f"descendant::*/@{name}") for name in ("template", "id-ref", "reference")),
    *(path(f"descendant::{name}/@id") for name in REFERRING_ELEMENTS),
)
DEVICES = path("fencing-topology/*/@devices")


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
    devices = (devices_of(listed) for listed in strings(DEVICES, configuration))
    named = (name for path in NAMED for name in strings(path, configuration))
    return {*named, *(name for some in devices for name in some)}


def dangling(configuration: _Element) -> tuple[Reference, ...]:
    """Return the references that lead nowhere."""
    missing = targets(configuration) - set(ids(configuration))
    return tuple(references_to(configuration, missing)) if missing else ()


def twice(configuration: _Element) -> tuple[str, ...]:
    """Return the ids that are given out more than once."""
    given = ids(configuration)
    if len(set(given)) == len(given):
        return ()
    return tuple(name for name, count in Counter(given).items() if count > 1)


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
        yield from devices_of(devices)


def devices_of(listed: str) -> Iterator[str]:
    """Yield the devices of a fencing level, without the one that is not in the configuration."""
    names = (name.strip() for name in listed.split(","))
    yield from (name for name in names if name != WATCHDOG)


def strings(path: etree.XPath, configuration: _Element) -> list[str]:
    return cast(list[str], path(configuration))
