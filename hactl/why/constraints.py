"""Constraints that keep a chain from a node: locations, whom it stays apart from."""

from __future__ import annotations

from collections.abc import Iterator

from lxml import etree
from lxml.etree import _Element

from hactl.cib.ownership import PREFIX
from hactl.fencing.placement import Placement
from hactl.model.constraint import INFINITY
from hactl.model.score import effective
from hactl.simulate.cause_text import at
from hactl.simulate.places import Places
from hactl.simulate.relaxation import MOVED, Chain
from hactl.why.blocker import Blocker, Edit, Sort
from hactl.why.switches import without


def banned(cib: _Element, of: Chain, node: str) -> Iterator[Blocker]:
    """Yield the locations that forbid a node to something in the chain."""
    placement = Placement(cib)
    told = set[str]()
    for element in cib.iterfind("configuration/resources//*"):
        name = element.get("id", "")
        if name not in of.names or element.tag not in ("primitive", "group", "clone", "master"):
            continue
        about = list(placement.about(element))
        scores = {each: list(placement.scores(each, node)) for each in about}
        for location in about:
            id_ = location.get("id", "")
            if any(score <= -INFINITY for score in scores[location]) and id_ not in told:
                told.add(id_)
                yield ban(location, name, node)
        if placement.opt_in and not any(scores.values()) and f"in {node}" not in told:
            told.add(f"in {node}")
            yield not_let_in(name, node)


def ban(location: _Element, name: str, node: str) -> Blocker:
    id_ = location.get("id", "")
    if id_.startswith(MOVED):
        return Blocker(
            Sort.MAY_NOT,
            node,
            f"constraint {id_}",
            f"banned by {id_}, left over from a move",
            f"crm_resource --clear --resource {location.get('rsc', name)} --node {node}",
            edit=without(id_),
        )
    ours = "; in the topology: nodes" if id_.startswith(PREFIX) else ""
    return Blocker(
        Sort.MAY_NOT,
        node,
        f"constraint {id_}",
        f"banned by {id_}{ours}",
        deletion("rsc_location", id_),
        edit=without(id_),
    )


def deletion(tag: str, id_: str) -> str:
    return f"cibadmin --delete --xml-text '<{tag} id=\"{id_}\"/>'"


def not_let_in(name: str, node: str) -> Blocker:
    id_ = f"location-{name}-{node}"
    made = f'<rsc_location id="{id_}" rsc="{name}" node="{node}" score="0"/>'
    return Blocker(
        Sort.MAY_NOT,
        node,
        f"opt-in {name} {node}",
        f"symmetric-cluster=false, and nothing lets {name} run there",
        f"cibadmin --create --scope constraints --xml-text '{made}'",
        edit=let_in(made),
    )


def let_in(made: str) -> Edit:
    def edit(cib: _Element) -> None:
        found = cib.find("configuration/constraints")
        if found is not None:
            found.append(etree.fromstring(made))

    return edit


def apart(cib: _Element, of: Chain, node: str, there: Places) -> Iterator[Blocker]:
    """Yield the constraints by which the chain stays apart from what is on a node."""
    for each in cib.iterfind("configuration/constraints/rsc_colocation[@rsc]"):
        ends = {each.get("rsc", ""), each.get("with-rsc", "")}
        others = ends - of.names
        if effective(each.get("score")) > -INFINITY or not (ends & of.names) or len(others) != 1:
            continue
        (other,) = others
        if node in at(cib, other, there):
            id_ = each.get("id", "")
            yield Blocker(
                Sort.MAY_NOT,
                node,
                f"constraint {id_}",
                f"apart from {other}, which is there ({id_})",
                deletion("rsc_colocation", id_),
                edit=without(id_),
            )
