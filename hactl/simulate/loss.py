"""What would become of every resource if one node were fenced, as the scheduler has it."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass

from lxml.etree import _Element

from hactl.simulate.scheduler import Run, simulate
from hactl.simulate.transition import Transition

GONE = {"in_ccm": "false", "crmd": "offline", "join": "down", "expected": "down"}
ARRIVES = frozenset({"start", "move", "migrate", "restart", "recover"})
PROMOTED = "8"
LEAVES = frozenset({"stop", "move", "migrate"})


@dataclass(frozen=True, slots=True)
class Move:
    """A resource that runs on the lost node and would run on ``target`` afterwards."""

    resource: str
    source: str
    target: str


@dataclass(frozen=True, slots=True)
class Stranded:
    """A resource that runs now, and would run nowhere."""

    resource: str
    node: str
    why: str

    def __str__(self) -> str:
        return f"{self.resource} runs on {self.node} and would run nowhere: {self.why}"


@dataclass(frozen=True, slots=True)
class Loss:
    """All that losing ``node`` would do; ``fenced`` are other nodes that would go with it."""

    node: str
    moves: tuple[Move, ...]
    stranded: tuple[Stranded, ...]
    fenced: tuple[str, ...]


def loss(cib: _Element, node: str, runner: Run) -> Loss:
    """Return what the scheduler would do once ``node`` has been fenced.

    Raises CannotSimulate where it gives no answer.
    """
    before, after = simulate(cib, runner), simulate(fenced(cib, node), runner)
    moves, stranded = [], []
    for resource, placed in before.resources.items():
        if not placed.nodes or resource in devices(cib):
            continue
        there = places(after, resource)
        new = sorted(there - set(placed.nodes))
        if not there - {node}:
            stranded.append(Stranded(resource, placed.nodes[0], why(after, resource)))
        elif node in placed.nodes and new:
            moves.append(Move(resource, node, new[0]))
    stranded += unpromoted(cib, node, after)
    others = tuple(each.node for each in after.fencing)
    return Loss(node, tuple(moves), tuple(stranded), others)


def fenced(cib: _Element, node: str) -> _Element:
    """Return a copy of ``cib`` as it is when ``node`` has been fenced: gone, and nothing on it."""
    copy = deepcopy(cib)
    for state in copy.iterfind("status/node_state"):
        if state.get("uname") == node:
            for name, value in GONE.items():
                state.set(name, value)
            for part in list(state):
                state.remove(part)
    return copy


def unpromoted(cib: _Element, node: str, after: Transition) -> Iterator[Stranded]:
    """Yield what is promoted on ``node`` alone and would be promoted nowhere."""
    promoted = {state.get("uname", ""): set(promoted_in(state)) for state in cib.iter("node_state")}
    elsewhere = {name for other, names in promoted.items() if other != node for name in names}
    for resource in sorted(promoted.get(node, set()) - elsewhere):
        new = [each for each in after.of(resource) if each.verb == "promote" and not each.blocked]
        if not new:
            yield Stranded(resource, node, "it would be promoted on no other node")


def promoted_in(state: _Element) -> Iterator[str]:
    """Yield the resources whose last word on a node is that they are promoted."""
    for resource in state.iterfind("lrm/lrm_resources/lrm_resource"):
        records = [each for each in resource if each.get("call-id", "").isdigit()]
        last = max(records, key=lambda each: int(each.get("call-id", "0")), default=None)
        if last is None:
            continue
        said, code = last.get("operation"), last.get("rc-code")
        if (said, code) == ("promote", "0") or (said == "monitor" and code == PROMOTED):
            yield resource.get("id", "").partition(":")[0]


def places(transition: Transition, resource: str) -> set[str]:
    """Return the nodes on which a resource is active at the end of a transition."""
    there = set(transition.running(resource))
    for action in transition.of(resource):
        if not action.blocked and action.verb in LEAVES:
            there.discard(action.source)
        if not action.blocked and action.verb in ARRIVES:
            there.add(action.target or action.source)
    return there - {""}


def why(transition: Transition, resource: str) -> str:
    reasons = [action.reason for action in transition.of(resource) if action.reason]
    placed = transition.resources.get(resource)
    if reasons:
        return reasons[0]
    return "no other node can run it" if placed is None or placed.managed else "it is not managed"


def devices(cib: _Element) -> frozenset[str]:
    """Return the fence devices: Pacemaker uses them wherever they run, or do not."""
    fences = {
        each.get("id", "")
        for each in cib.iterfind("configuration/resources//template[@class='stonith']")
    }
    return frozenset(
        each.get("id", "")
        for each in cib.iterfind("configuration/resources//primitive")
        if each.get("class") == "stonith" or each.get("template") in fences
    )
