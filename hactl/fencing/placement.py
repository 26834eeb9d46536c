"""Which nodes the constraints of a CIB let use a resource; knows location, nothing that moves.

The fencer of a node drops a device whose score there is below zero (Pacemaker's
daemons/fenced/fenced_cib.c), so any negative score is a ban.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from lxml.etree import _Element

from hactl.cib.read import properties
from hactl.model.boolean import is_false
from hactl.model.constraint import INFINITY
from hactl.model.score import effective


class Placement:
    """The location constraints of one CIB."""

    def __init__(self, cib: _Element) -> None:
        self.cib = cib
        self.patterns: list[_Element] = []
        self.named: dict[str, list[_Element]] = {}
        for location in cib.iterfind("configuration/constraints/rsc_location"):
            if location.get("rsc-pattern"):
                self.patterns.append(location)
            for name in resources_of(location):
                self.named.setdefault(name, []).append(location)
        self.nodes = {
            node.get("uname", ""): node for node in cib.iterfind("configuration/nodes/node")
        }
        self.tags = {
            tag.get("id", ""): {ref.get("id", "") for ref in tag.iterfind("obj_ref")}
            for tag in cib.iterfind("configuration/tags/tag")
        }
        self.opt_in = is_false(properties(cib).get("symmetric-cluster"))

    def banned(self, resource: _Element, nodes: Iterable[str]) -> frozenset[str]:
        """Return those of ``nodes`` that a resource may not be on."""
        about = list(self.about(resource))
        return frozenset(node for node in nodes if not self.allows(about, node))

    def allows(self, about: Sequence[_Element], node: str) -> bool:
        scores = [score for each in about for score in self.scores(each, node)]
        if self.opt_in and not scores:
            return False
        return -INFINITY not in scores and sum(scores) >= 0

    def about(self, resource: _Element) -> Iterator[_Element]:
        names = {resource.get("id", ""), resource.get("template", "")}
        parent = resource.getparent()
        if parent is not None and parent.tag in ("group", "clone"):
            names.add(parent.get("id", ""))
        names |= {tag for tag, members in self.tags.items() if members & names}
        for name in names - {""}:
            yield from self.named.get(name, ())
        for location in self.patterns:
            if fits(location.get("rsc-pattern", ""), resource):
                yield location

    def scores(self, location: _Element, node: str) -> Iterator[int]:
        if location.get("node", "").lower() == node.lower():
            yield effective(location.get("score", ""))
        for rule in location.iterfind("rule"):
            if rule.get("score") and self.holds(rule, node):
                yield effective(rule.get("score", ""))

    def holds(self, rule: _Element, node: str) -> bool:
        """Whether a rule is true of a node; what cannot be told from the CIB is not."""
        said = [
            self.holds(each, node) if each.tag == "rule" else self.is_so(each, node)
            for each in rule
            if isinstance(each.tag, str)
        ]
        return any(said) if rule.get("boolean-op") == "or" else bool(said) and all(said)

    def is_so(self, expression: _Element, node: str) -> bool:
        if expression.tag != "expression":
            return False
        value = self.attribute(node, expression.get("attribute", ""))
        operation, wanted = expression.get("operation", ""), expression.get("value", "")
        if operation in ("defined", "not_defined"):
            return (value is not None) == (operation == "defined")
        if operation == "ne":
            return value != wanted
        if operation == "eq":
            return value == wanted
        return compared(value, operation, wanted)

    def attribute(self, node: str, name: str) -> str | None:
        element = self.nodes.get(node)
        if name == "#uname" or element is None:
            return node
        if name == "#kind":
            return "remote" if element.get("type") == "remote" else "cluster"
        for pair in element.iterfind("instance_attributes/nvpair"):
            if pair.get("name") == name:
                return pair.get("value", "")
        return None


def resources_of(location: _Element) -> Iterator[str]:
    if location.get("rsc"):
        yield location.get("rsc", "")
    for reference in location.iterfind("resource_set/resource_ref"):
        yield reference.get("id", "")


def compared(value: str | None, operation: str, wanted: str) -> bool:
    try:
        number, limit = float(value or ""), float(wanted)
    except ValueError:
        return False
    return {
        "lt": number < limit,
        "lte": number <= limit,
        "gt": number > limit,
        "gte": number >= limit,
    }.get(operation, False)


def fits(pattern: str, resource: _Element) -> bool:
    """A pattern that begins with ! is for all it does not match."""
    try:
        found = re.search(pattern.removeprefix("!"), resource.get("id", ""))
    except re.error:
        return False
    return bool(pattern) and (found is None) == pattern.startswith("!")
