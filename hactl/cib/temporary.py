"""What an apply writes into the CIB for a moment: made so that everybody sees whose it is.

    hold    a resource that is to be removed is kept from running, so that it stops in its order
            first: a location rule of -INFINITY for every node, and not a target-role, which would
            be taken for an operator's switch
    trial   a new resource whose stop fails is blocked where it is, instead of fencing node after
            node: ``on-fail=block`` in a set of its own inside the operation

All ids begin with ``hactl-temporary-`` and the name of the apply: when it began, to the
microsecond, and on which node. No two applies share one: each answers for its own.
What somebody has changed since is not proven to be ours, and nobody takes it away unasked.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast

from lxml import etree
from lxml.etree import _Element

from hactl.cib.canonical import canonical
from hactl.cib.ids import own
from hactl.model.score import NEVER

PREFIX = own("temporary") + "-"
# Names of before had no fraction of a second.
NAME = re.compile(r"(?P<begun>\d{8}T\d{6})(\.\d{6})?Z-(?P<node>[A-Za-z0-9._]+)")
MARK = re.compile(rf"{PREFIX}(?P<apply>{NAME.pattern})-(?P<what>hold|trial)-(?P<about>.+)")
MARKED = etree.XPath(f"configuration//*[starts-with(@id, '{PREFIX}')]")

# Their failure takes a node, or all that runs there, with it.
SEVERE = frozenset({"fence", "standby"})
ON_FAIL = "on-fail"
WAS = "hactl-on-fail"


@dataclass(frozen=True, slots=True)
class Leftover:
    """Something an apply wrote for a moment: ``about`` a resource; ``what`` is hold or trial.

    ``begun`` is when the apply of that name began, as ISO 8601, on ``node``. Not ``proven``:
    somebody has changed it since.
    """

    about: str
    what: str
    begun: str
    node: str
    apply: str = ""
    proven: bool = True

    def __str__(self) -> str:
        state = {
            "hold": "is kept from running, because it was to be removed",
            "trial": "would be blocked instead of fenced if its stop failed, because it is new",
        }[self.what]
        changed = "" if self.proven else "; somebody has changed that since"
        by = f"by the hactl apply that {self.node} began at {self.begun}"
        return f"{self.about} {state}: written {by}{changed}"


def name(now: datetime, node: str) -> str:
    """Return the name of an apply that begins ``now`` on ``node``."""
    return f"{now.astimezone(UTC):%Y%m%dT%H%M%S.%fZ}-{re.sub('[^A-Za-z0-9._]', '_', node) or '_'}"


def leftovers(cib: _Element) -> tuple[Leftover, ...]:
    """Return what is in ``cib`` for a moment, each resource once: holds first, by name."""
    found: dict[tuple[str, str, str], Leftover] = {}
    for element, mark in marks(cib):
        about = mark["about"] if mark["what"] == "hold" else owner(element)
        proven = proven_ours(element, mark)
        key = mark["what"], about, mark["apply"]
        proven = proven and (key not in found or found[key].proven)
        when = began(mark["begun"])
        found[key] = Leftover(about, mark["what"], when, mark["node"], mark["apply"], proven)
    return tuple(found[key] for key in sorted(found))


def lifted(cib: _Element, apply: str = "", keep: Collection[str] = ()) -> _Element:
    """Return ``cib`` without what was written for a moment, by ``apply`` if it is given.

    What is about one of ``keep`` stays. It is ``cib`` itself where there is nothing.
    """
    if not any(marks(cib)):
        return cib
    copy = deepcopy(cib)
    for element, mark in list(marks(copy)):
        parent = element.getparent()
        about = mark["about"] if mark["what"] == "hold" else owner(element)
        if parent is None or about in keep or (apply and mark["apply"] != apply):
            continue
        if mark["what"] == "trial":
            restore(element, parent)
        parent.remove(element)
    return copy


def trials(cib: _Element) -> Iterator[tuple[str, str]]:
    """Yield each primitive that is on trial, with the name of the apply that made it so."""
    for element, mark in marks(cib):
        if mark["what"] == "trial":
            yield owner(element), mark["apply"]


def tried_operations(cib: _Element) -> Iterator[tuple[str, str]]:
    """Yield each operation that is on trial: its primitive and its name."""
    for element, mark in marks(cib):
        parent = element.getparent()
        if mark["what"] == "trial" and parent is not None:
            place = parent if element.tag == "meta_attributes" else element
            for op in place.iter("op"):
                yield owner(element), op.get("name", "")


def hold(cib: _Element, resources: Collection[str], apply: str) -> None:
    """Keep each of ``resources`` from running anywhere; ``apply`` is the name of the apply."""
    constraints = cib.find("configuration/constraints")
    assert constraints is not None
    held = {element.get("id") for element in constraints}
    made = (ban(resource, apply) for resource in sorted(resources))
    constraints.extend(each for each in made if each.get("id") not in held)


def units(cib: _Element, names: Collection[str]) -> set[str]:
    """Return the top-level resources that hold these primitives."""
    return {
        unit.get("id", "")
        for unit in cib.iterfind("configuration/resources/*")
        if any(primitive.get("id") in names for primitive in unit.iter("primitive"))
    }


def ban(resource: str, apply: str) -> _Element:
    id_ = f"{PREFIX}{apply}-hold-{resource}"
    location = etree.Element("rsc_location", id=id_, rsc=resource)
    rule = etree.SubElement(location, "rule", id=f"{id_}-rule", score=NEVER)
    where = {"id": f"{id_}-everywhere", "attribute": "#uname", "operation": "defined"}
    etree.SubElement(rule, "expression", where)
    return location


def put_on_trial(primitive: _Element, apply: str) -> None:
    """Have failures of a primitive that would take a node down block it where it is."""
    operations = primitive.find("operations")
    ops = [] if operations is None else list(operations.iterchildren("op"))
    for op in ops:
        stops = op.get("name") == "stop" and op.get(ON_FAIL) in (None, "fence")
        if stops or op.get(ON_FAIL) in SEVERE:
            op.append(blocking(op, apply))
    if not any(op.get("name") == "stop" for op in ops):
        add_stop(primitive, operations, apply)


def blocking(op: _Element, apply: str) -> _Element:
    """Return the set of values that blocks; an attribute would outdo it, so it is kept inside."""
    id_ = trial_id(op.get("id", ""), apply)
    made = etree.Element("meta_attributes", id=id_)
    etree.SubElement(made, "nvpair", id=f"{id_}-{ON_FAIL}", name=ON_FAIL, value="block")
    was = op.attrib.pop(ON_FAIL, "")
    if was:
        etree.SubElement(made, "nvpair", id=f"{id_}-was", name=WAS, value=str(was))
    return made


def add_stop(primitive: _Element, operations: _Element | None, apply: str) -> None:
    id_ = trial_id(primitive.get("id", ""), apply)
    if operations is None:
        operations = etree.SubElement(primitive, "operations", id=f"{id_}-operations")
    named = {"id": f"{id_}-stop", "name": "stop", "interval": "0s", ON_FAIL: "block"}
    etree.SubElement(operations, "op", named)


def restore(element: _Element, parent: _Element) -> None:
    for pair in element.iterchildren("nvpair"):
        if pair.get("name") == WAS:
            parent.set(ON_FAIL, pair.get("value", ""))


def trial_id(about: str, apply: str) -> str:
    return f"{PREFIX}{apply}-trial-{about}"


def marks(cib: _Element) -> Iterator[tuple[_Element, re.Match[str]]]:
    """Yield the outermost elements that were written for a moment, each with its mark."""
    for element in cast(list[_Element], MARKED(cib)):
        parent = element.getparent()
        mark = MARK.fullmatch(element.get("id", ""))
        if mark is None or parent is None or not began(mark["begun"]):
            continue
        if not parent.get("id", "").startswith(PREFIX):
            yield element, mark


def began(text: str) -> str:
    """Return when an apply began, as ISO 8601; nothing for what is not a time, so none of ours."""
    try:
        return f"{datetime.strptime(text, '%Y%m%dT%H%M%S').replace(tzinfo=UTC):%FT%TZ}"
    except ValueError:
        return ""


def owner(element: _Element) -> str:
    """Return the id of the primitive that ``element`` stands in."""
    return next((e.get("id", "") for e in element.iterancestors("primitive")), "")


def proven_ours(element: _Element, mark: re.Match[str]) -> bool:
    """Whether ``element`` is to the letter what an apply of this name writes."""
    if mark["what"] == "hold":
        return canonical(element) == canonical(ban(mark["about"], mark["apply"]))
    values = {str(pair.get("name")): pair.get("value") for pair in element.iter("nvpair")}
    if element.tag == "meta_attributes":
        parent = element.getparent()
        untouched = parent is not None and parent.get(ON_FAIL) is None
        return untouched and values in (
            {ON_FAIL: "block"},
            {ON_FAIL: "block", WAS: values.get(WAS)},
        )
    return all(op.get(ON_FAIL) == "block" and not len(op) for op in element.iter("op"))
