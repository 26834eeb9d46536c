"""A wish keeps nothing from running: whoever finds a place without it finds one with it."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy

from lxml.etree import _Element

from hactl.model.resource import Clone, primitives
from tests.hactl.blast.matrix import SKIPPED, states
from tests.hactl.blast.settled import Settled
from tests.hactl.blast.states import lost
from tests.hactl.transitions import running

LEAVING = ("failed three times", "failed to start", "banned")


def kept_down(run: Settled) -> Iterator[str]:
    """Say what would run without the wishes and does not with them: cold, or after a loss."""
    for what, cib in situations(run):
        for name in sorted(running_after(run, without_wishes(cib)) - running_after(run, cib)):
            yield f"{what}: {name}"


def situations(run: Settled) -> Iterator[tuple[str, _Element]]:
    yield "cold start", without_history(run.slim)
    for node in run.nodes:
        for how, before in {"": run.slim, "cold start ": without_history(run.slim)}.items():
            cib = deepcopy(before)
            lost(node)(cib)
            yield f"{how}without {node}", cib
    for state in states(run):
        if state.name in LEAVING and state.subject not in run.everywhere:
            cib = deepcopy(run.slim)
            state.edit(cib)
            yield str(state), cib


def without_history(cib: _Element) -> _Element:
    cold = deepcopy(cib)
    for histories in cold.iter("lrm_resources"):
        histories[:] = []
    return cold


def without_wishes(cib: _Element) -> _Element:
    """Return a copy without what is neither a must nor a ban."""
    copy = deepcopy(cib)
    for each in copy.xpath("//rsc_colocation | //rsc_location"):
        scores = [each.get("score", ""), *(rule.get("score", "") for rule in each.iter("rule"))]
        roles = each.xpath(".//@role")
        if not roles and not any("INFINITY" in score for score in scores):
            each.getparent().remove(each)
    return copy


def running_after(run: Settled, cib: _Element) -> set[str]:
    """Return what of the workload runs somewhere when all is done."""
    graph, said = run.asked(cib)
    places = set(running(said.find("cluster_status"))[0]) - set(graph.of("stop"))
    places |= {*graph.of("start"), *graph.of("migrate_from")}
    alive = {name for name, node in places if node not in graph.fences}
    workload = (u for u in run.units.values() if u.kind not in SKIPPED and not isinstance(u, Clone))
    return {each.id for unit in workload for each in primitives(unit)} & alive
