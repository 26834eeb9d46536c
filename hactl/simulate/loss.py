"""What would become of every resource if one node of a running cluster were fenced."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lxml.etree import _Element

from hactl.simulate.cause import cause
from hactl.simulate.losses import devices, lost
from hactl.simulate.places import Places, places
from hactl.simulate.scheduler import Run, simulate
from hactl.simulate.transition import Placed, Transition

EXPLAINED = 3


@dataclass(frozen=True, slots=True)
class Move:
    """A resource that runs on the lost node and would run, or be promoted, on ``target``."""

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
    """Return what the scheduler would do at the moment that ``node`` is gone.

    It decides with the node unclean, and with all in its history that ran and failed there. Raises
    CannotSimulate where it gives no answer.
    """
    scene = lost(cib, [node])
    before, seen = simulate(cib, runner), simulate(scene, runner)
    after = places(seen)
    after.lose([node])
    there = running(cib, before)
    down = [name for name in there if not after.active.get(name)]
    found = [
        Stranded(name, there[name].nodes[0], why)
        for name, why in reasons(scene, down, seen, runner)
    ]
    found += unpromoted(there, node, after)
    others = tuple(each.node for each in seen.fencing if each.node != node)
    return Loss(node, tuple(moves(there, node, after)), tuple(found), others)


def running(cib: _Element, before: Transition) -> dict[str, Placed]:
    """Return what is active somewhere and is not a fence device: those work from anywhere."""
    fences = devices(cib)
    names = before.instances or before.resources
    return {name: names[name] for name in sorted(names) if names[name].nodes and name not in fences}


def moves(there: Mapping[str, Placed], node: str, after: Places) -> Iterator[Move]:
    """Yield what leaves the node for another, be it only its promoted role."""
    for name, placed in there.items():
        come = after.active.get(name, set()) - set(placed.nodes) if node in placed.nodes else set()
        if node in placed.promoted:
            come |= after.promoted.get(name, set()) - set(placed.promoted)
        if come:
            yield Move(name, node, min(come))


def unpromoted(there: Mapping[str, Placed], node: str, after: Places) -> Iterator[Stranded]:
    """Yield what is promoted on the node and runs elsewhere, and would be promoted nowhere."""
    for name, placed in there.items():
        if node in placed.promoted and after.active.get(name) and not after.promoted.get(name):
            yield Stranded(name, node, "it would be promoted on no other node")


def reasons(
    scene: _Element, down: list[str], seen: Transition, runner: Run
) -> Iterator[tuple[str, str]]:
    """Yield each stranded resource with why; the first few are proven by more simulations."""
    units = {
        inner.get("id", ""): unit.get("id", "")
        for unit in scene.iterfind("configuration/resources/*")
        for inner in unit.iter("primitive")
    }
    for number, name in enumerate(down):
        unit = units.get(name.partition(":")[0])
        if unit is None or number >= EXPLAINED:
            yield name, "no other node can run it"
        else:
            yield name, cause(scene, unit, seen, runner).text
