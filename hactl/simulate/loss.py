"""What would become of every resource if one node were fenced, as the scheduler has it."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass

from lxml.etree import _Element

from hactl.simulate.oracle import Run, simulate
from hactl.simulate.transition import Transition

GONE = {"in_ccm": "false", "crmd": "offline", "join": "down", "expected": "down"}
ARRIVES = frozenset({"start", "move", "migrate", "restart", "recover"})
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
