"""What may keep a resource from running, each as an edit of the CIB that takes it away.

An edit is about a `Chain`: a resource and all that it can only run beside. Whether that was what
kept it, the scheduler is asked (`cause`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from lxml.etree import _Element

from hactl.cib.history import EXPECTED, histories
from hactl.cib.read import all_primitives, property_pairs
from hactl.model.constraint import INFINITY
from hactl.model.score import NEVER, effective

MOVED = ("cli-ban-", "cli-prefer-", "cli-standby-")
WELL = EXPECTED | {"190"}
OFF = frozenset({"standby", "maintenance"})


@dataclass(frozen=True)
class Chain:
    """``units`` are top-level resources, ``primitives`` everything inside them."""

    units: tuple[str, ...]
    primitives: frozenset[str]

    @property
    def names(self) -> frozenset[str]:
        return self.primitives | set(self.units)


def chain(cib: _Element, unit: str) -> Chain:
    """Return ``unit`` with what it must run beside, clones left out: those it only stands on."""
    units = {each.get("id", ""): each for each in cib.iterfind("configuration/resources/*")}
    single = {name for name, each in units.items() if each.tag in ("primitive", "group")}
    found = [unit]
    for name in found:
        others = (each.get("with-rsc", "") for each in beside(cib, name))
        found += [other for other in others if other in single and other not in found]
    inside = {
        inner.get("id", "")
        for name in found
        if name in units
        for inner in units[name].iter("primitive", "group", "clone")
    }
    return Chain(tuple(found), frozenset(inside))


def beside(cib: _Element, name: str) -> Iterator[_Element]:
    for element in colocations(cib):
        if element.get("rsc") == name and effective(element.get("score")) >= INFINITY:
            yield element


def colocations(cib: _Element) -> list[_Element]:
    return cib.findall("configuration/constraints/rsc_colocation")


def locations(cib: _Element) -> list[_Element]:
    return cib.findall("configuration/constraints/rsc_location")


def drop(elements: Collection[_Element]) -> None:
    for element in elements:
        parent = element.getparent()
        if parent is not None:
            parent.remove(element)


# the edits; each changes the CIB it is given


def without_size(cib: _Element, of: Chain) -> None:
    for element in all_primitives(cib):
        if element.get("id") in of.primitives:
            drop(element.findall("utilization"))


def without_failures(cib: _Element, of: Chain) -> None:
    drop([
        pair
        for pair in cib.iterfind("status/node_state/transient_attributes//nvpair")
        if counted(pair.get("name", "")) in of.primitives
    ])  # fmt: skip
    drop([each for each in histories_of(cib, of) if any(map(failed, each))])


def counted(attribute: str) -> str:
    """Return the resource that a fail count or the time of a failure is about, or nothing."""
    for prefix in ("fail-count-", "last-failure-"):
        if attribute.startswith(prefix):
            return attribute.removeprefix(prefix).partition("#")[0].partition(":")[0]
    return ""


def histories_of(cib: _Element, of: Chain) -> Iterator[_Element]:
    yield from (each for _, name, each in histories(cib) if name in of.primitives)


def failed(record: _Element) -> bool:
    return record.get("rc-code") not in WELL


def without_moves(cib: _Element, of: Chain) -> None:
    drop([each for each in banning(cib, of) if each.get("id", "").startswith(MOVED)])


def without_bans(cib: _Element, of: Chain) -> None:
    drop(banning(cib, of))


def banning(cib: _Element, of: Chain) -> list[_Element]:
    """Return the locations that forbid nodes to the chain, or only allow some."""
    return [
        each
        for each in locations(cib)
        if each.get("rsc") in of.names
        and NEVER in (each.get("score"), *(rule.get("score") for rule in each.iter("rule")))
    ]


def without_apart(cib: _Element, of: Chain) -> None:
    drop(apart(cib, of))


def apart(cib: _Element, of: Chain) -> list[_Element]:
    return [
        each
        for each in colocations(cib)
        if each.get("score") == NEVER and {each.get("rsc"), each.get("with-rsc")} & of.names
    ]


def without_needs(cib: _Element, of: Chain) -> None:
    drop(needs(cib, of))


def needs(cib: _Element, of: Chain) -> list[_Element]:
    """Return what ties the chain to resources outside of it."""
    tied = [
        each
        for each in colocations(cib)
        if effective(each.get("score")) >= INFINITY
        and each.get("rsc") in of.names
        and each.get("with-rsc") not in of.names
    ]
    orders = cib.iterfind("configuration/constraints/rsc_order")
    return [*tied, *(o for o in orders if o.get("then") in of.names | {None})]


def with_all_nodes(cib: _Element, of: Chain) -> None:  # noqa: ARG001
    for pair in cib.iterfind("configuration/nodes/node//nvpair"):
        if pair.get("name") in OFF:
            pair.set("value", "off" if pair.get("name") == "standby" else "false")
    for pair in cib.iterfind("status/node_state/transient_attributes//nvpair"):
        if pair.get("name") in OFF:
            pair.set("value", "off" if pair.get("name") == "standby" else "false")


def without_fencing(cib: _Element, of: Chain) -> None:  # noqa: ARG001
    for pair in property_pairs(cib):
        if pair.get("name") in ("stonith-enabled", "fencing-enabled"):
            pair.set("value", "false")


Edit = Callable[[_Element, Chain], None]
