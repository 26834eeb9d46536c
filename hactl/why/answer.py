"""Why a resource is not on a node: every blocker confirmed by taking it away on the scheduler.

A node's blockers are those without which, and only without all of which, the resource would run
there, the other nodes being forbidden. What would start it is proven once more, with nothing
forbidden.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cached_property

from lxml import etree
from lxml.etree import _Element

from hactl.simulate.lean import lean_running
from hactl.simulate.places import Places, places
from hactl.simulate.relaxation import Chain, chain
from hactl.simulate.scenario import slim
from hactl.simulate.scheduler import CannotSimulate, Run, asked, refuse_unread
from hactl.simulate.transition import Transition, transition
from hactl.why.blocker import Blocker
from hactl.why.find import Look, top
from hactl.why.make_room import make_room
from hactl.why.slice import LARGE, sliced

PROVEN = 4  # sets that would start it
CLONES = ("clone", "master", "bundle")


@dataclass(frozen=True)
class AtNode:
    """What keeps the resource from ``node``: ``proven``, or nothing is known that does."""

    node: str
    blockers: tuple[Blocker, ...] = ()
    proven: bool = True
    runs: bool = False


@dataclass(frozen=True)
class Way:
    """A smallest set of acts that would start it on ``node``, as was simulated."""

    node: str
    blockers: tuple[Blocker, ...]

    @property
    def commands(self) -> tuple[str, ...]:
        return tuple(each.command for each in self.blockers)


@dataclass(frozen=True)
class Answer:
    """``on`` is where it is to be when the cluster has done what it is about to do."""

    resource: str
    unit: str
    on: tuple[str, ...]
    nodes: tuple[AtNode, ...] = ()
    ways: tuple[Way, ...] = ()

    @property
    def runs(self) -> bool:
        return bool(self.on)


@dataclass
class Asking:
    """Asks about one resource of one cluster; a ``large`` one, by primitives, in parts.

    Raises CannotSimulate.
    """

    cib: _Element
    resource: str
    runner: Run
    large: int = LARGE
    seen: Transition = field(init=False)

    def __post_init__(self) -> None:
        self.seen = unfenced(self.cib, self.runner)
        if all(action.blocked for action in self.seen.actions):
            self.cib = lean_running(self.cib)

    def answer(self, nodes: Collection[str] = ()) -> Answer:
        """Return why it is not on each of ``nodes``, or on any that there is."""
        wanted = [name for name in self.seen.nodes if not nodes or name in nodes]
        at = [self.at_node(node) for node in wanted if node not in self.on or nodes]
        ways = tuple(self.ways(at)) if not set(self.on) & set(nodes or self.on) else ()
        return Answer(self.resource, self.of.units[0], tuple(self.on), tuple(at), ways)

    @cached_property
    def of(self) -> Chain:
        return chain(self.cib, top(self.cib, self.resource))

    @cached_property
    def own(self) -> frozenset[str]:
        """The primitives of the resource itself."""
        for element in self.cib.iterfind("configuration/resources//*"):
            if element.get("id") == self.resource:
                return frozenset(each.get("id", "") for each in element.iter("primitive"))
        return frozenset()

    @cached_property
    def clone(self) -> bool:
        found = self.cib.iterfind("configuration/resources/*")
        return any(each.get("id") == self.of.units[0] and each.tag in CLONES for each in found)

    @cached_property
    def look(self) -> Look:
        return Look(self.cib, self.seen, places(self.seen))

    @cached_property
    def on(self) -> list[str]:
        return self.on_nodes(self.seen, self.look.there)

    def on_nodes(self, seen: Transition, there: Places) -> list[str]:
        """Return the nodes on which all of it is active, those that are lost left out."""
        found = [
            {n for name, on in there.active.items() if name.partition(":")[0] == one for n in on}
            for one in self.own
        ]
        here = set.intersection(*found) if found else set()
        return sorted(name for name in here if name in seen.nodes and seen.nodes[name].online)

    def at_node(self, node: str) -> AtNode:
        if node in self.on:
            return AtNode(node, runs=True)
        suspects = self.look.blockers(self.of, node)
        if not self.would_run(suspects, node):
            return AtNode(node, tuple(suspects), proven=False)
        needed = list(suspects)
        for each in suspects:
            rest = [other for other in needed if other is not each]
            if self.would_run(rest, node):
                needed = rest
        return AtNode(node, tuple(needed))

    @cached_property
    def part(self) -> _Element:
        """The part of the cluster that decides, if it decides there as in the whole."""
        small = sliced(self.cib, self.of, self.look.there, self.large)
        if small is self.cib:
            return small
        try:
            seen = unfenced(small, self.runner)
        except CannotSimulate:
            return self.cib
        return small if self.on_nodes(seen, places(seen)) == self.on else self.cib

    def would_run(self, without: Sequence[Blocker], node: str = "") -> bool:
        """Whether it runs when all of this is taken away; on a node, in the part that decides."""
        copy = deepcopy(self.part if node else self.cib)
        for each in without:
            each.edit(copy)
        if node and not self.clone:
            pin(copy, self.of, node)
        try:
            seen = unfenced(copy, self.runner)
        except CannotSimulate:
            return False
        after = places(seen)
        spared = [each.spares for each in without if each.spares]
        if not all(after.active.get(name) for name in spared):
            return False
        on = self.on_nodes(seen, after)
        return node in on if node else bool(on)

    def ways(self, at: Iterable[AtNode]) -> list[Way]:
        """Return the smallest sets that would start it, each proven with nothing forbidden."""
        sets: dict[frozenset[str], Way] = {}
        for each in at:
            if each.proven and each.blockers:
                for blockers in make_room(self.cib, self.of, each.blockers, self.look.there):
                    sets.setdefault(frozenset(b.key for b in blockers), Way(each.node, blockers))
        doable = [way for way in sets.values() if all(way.commands)]
        doable.sort(key=lambda way: len(way.blockers))
        smallest = len(doable[0].blockers) if doable else 0
        tried = [way for way in doable if len(way.blockers) == smallest][:PROVEN]
        return [way for way in tried if self.would_run(way.blockers)]


def unfenced(cib: _Element, runner: Run) -> Transition:
    """Return what the cluster would do as long as no fencing that it wants has come.

    Raises CannotSimulate.
    """
    result, graph = asked(etree.tostring(slim(cib)), runner)
    refuse_unread(cib, result)
    seen = transition(result, graph)
    waits = {each.node for each in seen.fencing}
    return transition(result, graph, waits) if waits else seen


def pin(cib: _Element, of: Chain, node: str) -> None:
    """Forbid the chain every other node."""
    constraints = cib.find("configuration/constraints")
    if constraints is None:
        return
    made = etree.SubElement(constraints, "rsc_location", id="why-pin", rsc=of.units[0])
    rule = etree.SubElement(made, "rule", {"id": "why-pin-rule", "score": "-INFINITY"})
    expression = {"id": "why-pin-node", "attribute": "#uname", "operation": "ne", "value": node}
    etree.SubElement(rule, "expression", expression)
