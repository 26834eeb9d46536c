"""Room on a node is made by somebody who leaves it: whom, is tried on the scheduler."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lxml import etree
from lxml.etree import _Element

from hactl.simulate.cause_text import shares, total
from hactl.simulate.places import Places
from hactl.simulate.relaxation import Chain
from hactl.why.blocker import Blocker, Edit, Sort

TRIED = 2


def make_room(
    cib: _Element, of: Chain, blockers: Sequence[Blocker], there: Places
) -> Iterator[tuple[Blocker, ...]]:
    """Yield the sets that may do: where room is lacking, with each of a few that may leave."""
    short = [each for each in blockers if each.sort is Sort.CANNOT]
    rest = tuple(each for each in blockers if each.sort is not Sort.CANNOT)
    if not short:
        yield rest
        return
    for name in leavers(cib, of, short[0].node, there):
        node = short[0].node
        yield (
            *rest,
            Blocker(
                Sort.CANNOT,
                node,
                f"{name} on {node}",
                f"{name} takes the room",
                f"crm_resource --ban --resource {name} --node {node}",
                name,
                edit=away(name, node),
            ),
        )


def leavers(cib: _Element, of: Chain, node: str, there: Places) -> list[str]:
    """Return the smallest resources that free enough when they leave a node."""
    asked = total(cib, of.primitives)
    free = {}
    for name, offer, taken in shares(cib, there):
        if name == node:
            free = {what: offer.get(what, 0) - taken.get(what, 0) for what in asked}
    single = {
        each.get("id", "")
        for each in cib.iterfind("configuration/resources/primitive")
        if each.get("class") != "stonith"
    }
    found = []
    for name, on in there.active.items():
        if node in on and name in single and name not in of.names:
            own = total(cib, [name])
            if all(free.get(what, 0) + own.get(what, 0) >= asked[what] for what in asked):
                found.append((sum(own.values()), name))
    return [name for _, name in sorted(found)[:TRIED]]


def away(name: str, node: str) -> Edit:
    def edit(cib: _Element) -> None:
        constraints = cib.find("configuration/constraints")
        if constraints is not None:
            made = {"id": f"why-away-{name}", "rsc": name, "node": node, "score": "-INFINITY"}
            etree.SubElement(constraints, "rsc_location", made)

    return edit
