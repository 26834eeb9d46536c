"""A resource that is handed from one agent to another: unmanaged meanwhile, by a mark of ours.

The mark is a runtime switch, so that every plan and apply leaves it alone, also one that is made
while somebody's conversion has died: what is in the middle of it is not managed unasked.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from copy import deepcopy

from lxml import etree
from lxml.etree import _Element

from hactl.cib.history import RUNNING, histories
from hactl.cib.ids import derived, own

PREFIX = own("converting") + "-"
META = "meta_attributes"


def primitive(cib: _Element, name: str) -> _Element | None:
    """Return the primitive of this id in a whole ``<cib>``, wherever it stands."""
    found = cib.iterfind("configuration/resources//primitive")
    return next((each for each in found if each.get("id") == name), None)


def agent(element: _Element) -> str:
    parts = (element.get(name) for name in ("class", "provider", "type"))
    return ":".join(part for part in parts if part)


def marked(cib: _Element, names: Collection[str]) -> _Element:
    """Return a copy of ``cib`` in which ``names`` are not managed, by our mark."""
    copy = deepcopy(cib)
    for name in names:
        element = primitive(copy, name)
        if element is not None and name not in converting(copy):
            nvset = next(iter(element.iterfind(META)), None)
            if nvset is None:
                nvset = etree.Element(META, id=derived(name, META))
                element.insert(0, nvset)
            pair = {"id": f"{PREFIX}{name}", "name": "is-managed", "value": "false"}
            nvset.insert(0, etree.Element("nvpair", pair))
    return copy


def unmarked(cib: _Element, names: Collection[str]) -> _Element:
    """Return a copy of ``cib`` without our mark on ``names``."""
    copy = deepcopy(cib)
    for name in names:
        for pair in copy.findall(f"configuration/resources//nvpair[@id='{PREFIX}{name}']"):
            nvset = pair.getparent()
            owner = None if nvset is None else nvset.getparent()
            if nvset is None or owner is None:
                continue
            nvset.remove(pair)
            if not len(nvset):
                owner.remove(nvset)
    return copy


def converting(cib: _Element) -> tuple[str, ...]:
    """Return what a conversion is under way of, or was left in the middle of."""
    pairs = cib.iterfind("configuration/resources//nvpair[@name='is-managed']")
    ids = (pair.get("id", "") for pair in pairs)
    return tuple(id_.removeprefix(PREFIX) for id_ in ids if id_.startswith(PREFIX))


def running_on(cib: _Element, name: str) -> tuple[str, ...]:
    """Return the nodes where a primitive is on record as running: by what was done last there."""
    return tuple(node for node, code in last_words(cib, name) if code in RUNNING)


def last_words(cib: _Element, name: str) -> Iterator[tuple[str, str]]:
    """Yield each node that has a record of a primitive, with the exit code of what was last done.

    A stop that went well says that it does not run.
    """
    for node, resource, history in histories(cib):
        if resource == name and len(history):
            last = max(history.iterchildren("*"), key=lambda r: int(r.get("call-id", "0")))
            stopped = last.get("operation") == "stop" and last.get("rc-code") == "0"
            yield node, "7" if stopped else last.get("rc-code", "")


def begun(cib: _Element, name: str) -> tuple[tuple[str, str], ...]:
    """Return what was done to a primitive beside looking at it, each with the node."""
    return tuple(
        (record.get("operation", ""), node)
        for node, resource, history in histories(cib)
        if resource == name
        for record in history.iterchildren("*")
        if record.get("operation") not in ("monitor", "notify", "meta-data")
    )
