"""What failed and was not seen to stop since: what it would cost to remove it, or end its trial.

Pacemaker fences the node where something that is no longer configured does not stop. So what is on
trial and is to go has to be forgotten and stopped under its trial first: not only where its stop
has failed, but also where another failure blocks it, since its stop has not been tried then.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy

from lxml.etree import _Element

from hactl.cib.history import ever_ran, histories, standing
from hactl.cib.read import all_primitives
from hactl.cib.temporary import ON_FAIL, SEVERE, trials, tried_operations


def stuck(live: _Element, merged: _Element) -> set[tuple[str, str]]:
    """Return what is on trial, failed, did not stop since and is not in ``merged``, with the node.

    Removed as it is, it could fence; the cluster has to forget its failure first.
    """
    there = {each.get("id") for each in all_primitives(merged)}
    going = {name for name, _ in trials(live) if name not in there}
    return {(name, node) for name, node in unstopped(live) if name in going} if going else set()


def forgotten(live: _Element, merged: _Element) -> _Element:
    """Return ``merged`` with a status that has forgotten what is `stuck`."""
    failed = stuck(live, merged)
    if not failed:
        return merged
    copy = deepcopy(merged)
    for node, name, resource in list(histories(copy)):
        parent = resource.getparent()
        if (name, node) in failed and parent is not None:
            parent.remove(resource)
    return copy


def unstopped(cib: _Element) -> set[tuple[str, str]]:
    """Return the primitives that failed and were not seen to stop since, each with the node."""
    return {(name, node) for node, name, _ in standing(cib)}


def spared(cib: _Element) -> set[str]:
    """Return the primitives that failed, and take no node for it only because they are on trial.

    Among them is what has never run and was not seen to stop: its stop has yet to be tried.
    """
    tried, ran = set(tried_operations(cib)), ever_ran(cib)
    return {
        name
        for name, _, operation in failures(cib)
        if (name, operation) in tried or ((name, "stop") in tried and name not in ran)
    }


def severe(cib: _Element) -> set[tuple[str, str, str]]:
    """Return each failure that takes its node: the primitive, the node and the operation."""
    tried, declared = set(tried_operations(cib)), on_fail(cib)

    def takes_node(name: str, operation: str) -> bool:
        usual = {"fence"} if operation == "stop" else set()
        costs = declared.get((name, operation), usual)
        return bool(costs & SEVERE) and (name, operation) not in tried

    return {(name, node, op) for name, node, op in failures(cib) if takes_node(name, op)}


def on_fail(cib: _Element) -> dict[tuple[str, str], set[str]]:
    """Return what is said to follow where an operation fails, by primitive and operation."""
    found: dict[tuple[str, str], set[str]] = {}
    for primitive in all_primitives(cib):
        for op in primitive.iterfind("operations/op"):
            what = op.get(ON_FAIL)
            if what:
                key = primitive.get("id", ""), op.get("name", "")
                found.setdefault(key, set()).add(what)
    return found


def failures(cib: _Element) -> Iterator[tuple[str, str, str]]:
    for node, name, record in standing(cib):
        yield name, node, record.get("operation", "")
