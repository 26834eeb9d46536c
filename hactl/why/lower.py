"""What a chain stands on: clones and others that it can only run beside, or after."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lxml.etree import _Element

from hactl.model.constraint import INFINITY
from hactl.model.score import MUST, effective
from hactl.simulate.relaxation import Chain


@dataclass(frozen=True, slots=True)
class Tie:
    """The chain needs ``name``: ``here``, on its own node, or anywhere at all."""

    name: str
    constraint: str
    tag: str
    here: bool


def ties(cib: _Element, of: Chain) -> Iterator[Tie]:
    """Yield what the chain needs outside of itself, by the constraint that says so."""
    for each in cib.iterfind("configuration/constraints/rsc_colocation"):
        if effective(each.get("score", MUST)) >= INFINITY:
            yield from tied(each, of, each.get("with-rsc", ""), here=True)
    for each in cib.iterfind("configuration/constraints/rsc_order"):
        first = each.get("first-action", "start")
        then = each.get("then-action", first)
        if each.get("kind", "Mandatory") == "Mandatory" and then in ("start", "promote"):
            yield from tied(each, of, each.get("first", ""), here=False)


def tied(constraint: _Element, of: Chain, lower: str, *, here: bool) -> Iterator[Tie]:
    upper = constraint.get("rsc") or constraint.get("then") or ""
    id_, tag = constraint.get("id", ""), str(constraint.tag)
    if lower:
        if upper in of.names and lower not in of.names:
            yield Tie(lower, id_, tag, here)
        return
    for other, own in in_sets(constraint):
        if own & of.names:
            yield from (Tie(name, id_, tag, here) for name in sorted(other - of.names))


def in_sets(constraint: _Element) -> Iterator[tuple[set[str], set[str]]]:
    """Yield, for resource sets, what is needed and by whom: the other way round in an order."""
    sets = [
        {ref.get("id", "") for ref in each.iterfind("resource_ref")}
        for each in constraint.iterfind("resource_set")
    ]
    for number, own in enumerate(sets):
        if constraint.tag == "rsc_order":
            yield set().union(*sets[:number]), own
        else:
            yield set().union(*sets[number + 1 :]), own
