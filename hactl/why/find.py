"""All that may keep a chain from a node, also what keeps from it what the chain stands on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from lxml.etree import _Element

from hactl.simulate.cause_text import at
from hactl.simulate.places import Places
from hactl.simulate.relaxation import Chain, chain
from hactl.simulate.transition import Transition
from hactl.why.blocker import Blocker, Sort
from hactl.why.conditions import conditions, of_node
from hactl.why.constraints import apart, banned, deletion
from hactl.why.lower import Tie, ties
from hactl.why.node_facts import failures, room, unknown
from hactl.why.switches import switches, without


@dataclass(frozen=True)
class Look:
    """A cluster in which something does not run: ``there`` is where everything is to be."""

    cib: _Element
    seen: Transition
    there: Places

    def blockers(self, of: Chain, node: str) -> list[Blocker]:
        """Return everything that may keep ``of`` from ``node``; each act once."""
        found: dict[str, Blocker] = {}
        for each in self.suspected(of, node, frozenset(of.units)):
            found.setdefault(each.key, each)
        return list(found.values())

    def suspected(self, of: Chain, node: str, asked: frozenset[str]) -> Iterator[Blocker]:
        yield from switches(self.cib, of)
        yield from conditions(self.cib, of, self.seen)
        yield from of_node(self.cib, node, self.seen)
        yield from banned(self.cib, of, node)
        yield from apart(self.cib, of, node, self.there)
        yield from failures(self.cib, of, node)
        yield from unknown(self.cib, of, node)
        yield from room(self.cib, of, node, self.there)
        for tie in ties(self.cib, of):
            on = at(self.cib, tie.name, self.there)
            if tie.name not in asked and (node not in on if tie.here else not on):
                yield from self.waiting(tie, node, asked | {tie.name})

    def waiting(self, tie: Tie, node: str, asked: frozenset[str]) -> Iterator[Blocker]:
        """Yield what keeps from the node what is needed there; the tie, if nothing does."""
        lower = chain(self.cib, top(self.cib, tie.name))
        inner = list(self.suspected(lower, node, asked | set(lower.units)))
        for each in inner:
            told = each.text if each.text.startswith("waits for") else f"{tie.name}: {each.text}"
            text = told if told.startswith("waits for") else f"waits for {told}"
            mine = each.sort is Sort.SAID and not each.key.endswith(tuple(lower.names))
            yield (
                each
                if mine or each.sort is Sort.WAITS
                else replace(each, sort=Sort.WAITS, text=text)
            )
        if not inner:
            yield Blocker(
                Sort.WAITS,
                node if tie.here else "",
                f"constraint {tie.constraint}",
                f"needs {tie.name}, which is not {'there' if tie.here else 'running'} "
                f"({tie.constraint})",
                deletion(tie.tag, tie.constraint),
                edit=without(tie.constraint),
            )


def top(cib: _Element, name: str) -> str:
    """Return the top-level resource that ``name`` is a part of."""
    for unit in cib.iterfind("configuration/resources/*"):
        if any(each.get("id") == name for each in unit.iter("*")):
            return unit.get("id", "")
    return name
