"""All states of all resources and nodes of a topology."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from hactl.model.resource import Clone, Primitive, Resource, primitives
from tests.hactl.blast.judge import above
from tests.hactl.blast.settled import Settled
from tests.hactl.blast.states import (
    Edit,
    Reach,
    State,
    attribute,
    cleaned,
    everything,
    failed,
    located,
    lost,
    meta,
    stopped,
    worn_out,
)

SKIPPED = frozenset({"fencing", "raw"})


def states(run: Settled) -> Iterator[State]:
    """Yield every state of what hactl makes and of the nodes."""
    for unit in run.units.values():
        there = frozenset(node for each in primitives(unit) for node in run.nodes_of(each.id))
        if there and unit.kind not in SKIPPED:
            yield from of_unit(run, unit, there)
            for primitive in primitives(unit):
                yield from Failing(run, primitive).states()
    for node in run.nodes:
        yield from of_node(run, node)


def of_unit(run: Settled, unit: Resource, nodes: frozenset[str]) -> Iterator[State]:
    """Yield what an operator can bring about."""
    name, one = unit.id, min(nodes)
    here = frozenset({one})
    yield State("unmanaged", name, nodes, Reach.NOBODY, meta(name, "is-managed", "false"))
    yield State("in maintenance", name, nodes, Reach.NOBODY, meta(name, "maintenance", "true"))
    yield State("disabled", name, nodes, Reach.STOP, meta(name, "target-role", "Stopped"))
    yield State("banned", name, here, Reach.LEAVE, located(name, one, "-INFINITY"))
    if isinstance(unit, Clone):
        yield State("moved", name, nodes, Reach.ALONE, located(name, one, "INFINITY"))
    for other in sorted(set(run.nodes) - nodes)[: not isinstance(unit, Clone)]:
        yield State("moved", name, here, Reach.LEAVE, located(name, other, "INFINITY"))
    names = [primitive.id for primitive in primitives(unit)]
    yield State("cleaned up", name, nodes, Reach.NOBODY, cleaned(names), probes=True)


@dataclass(frozen=True)
class Failing:
    """What a failure of a primitive can bring about, on one node or on all."""

    run: Settled
    primitive: Primitive

    def states(self) -> Iterator[State]:
        nodes = self.run.nodes_of(self.primitive.id)
        for where in [nodes[:1], nodes] if len(nodes) > 1 else [nodes[:1]]:
            yield from self.checks(where)
            yield from self.ends(where)
        if self.on_fail("stop") != "block":
            edit = failed(self.primitive.id, "stop", nodes[:1])
            yield self.state(
                "failed to stop", nodes[:1], Reach.FENCE, self.after_users(edit, nodes[:1])
            )

    def checks(self, where: Collection[str]) -> Iterator[State]:
        """Yield what a failed check brings about; what stands on it runs."""
        name = self.primitive.id
        once = failed(name, "monitor", where)
        if self.on_fail("monitor") == "fence":
            yield self.state("failed", where, Reach.FENCE, once)
        else:
            worn = worn_out(name, "monitor", where, "3")
            yield self.state("failed", where, Reach.RESTART, once)
            yield self.state("failed three times", where, Reach.LEAVE, worn)
        blocked = failed(name, "monitor", where, on_fail="block")
        yield self.state("blocked after failed monitor", where, Reach.LEAVE, blocked)

    def ends(self, where: Collection[str]) -> Iterator[State]:
        """Yield what a failed start or stop does: a restart, for which its users had stopped."""
        name = self.primitive.id
        worn = self.after_users(worn_out(name, "start", where, "INFINITY"), where)
        yield self.state("failed to start", where, Reach.LEAVE, worn)
        for operation in ("start", "stop"):
            blocked = self.after_users(failed(name, operation, where, on_fail="block"), where)
            yield self.state(f"blocked after failed {operation}", where, Reach.LEAVE, blocked)

    def after_users(self, edit: Edit, where: Collection[str]) -> Edit:
        users = above(self.run, {self.primitive.id}, firm=True) - {self.primitive.id}
        return everything(stopped(users, where), edit)

    def state(self, name: str, where: Collection[str], reach: Reach, edit: Edit) -> State:
        return State(name, self.primitive.id, frozenset(where), reach, edit)

    def on_fail(self, operation: str) -> str:
        own = (op for op in self.primitive.operations if op.name == operation)
        return next((op.options.get("on-fail", "") for op in own), "")


def of_node(run: Settled, node: str) -> Iterator[State]:
    here = frozenset({node})
    standby = attribute(node, "standby", "on")
    yield State("in standby", node, here, Reach.NODE, standby)
    yield State("in maintenance", node, here, Reach.NOBODY, attribute(node, "maintenance", "true"))
    yield State("lost", node, here, Reach.FENCE, lost(node))
    for unit in run.units.values():
        if unit.kind in SKIPPED or isinstance(unit, Clone):
            continue
        for primitive in primitives(unit)[-1:]:
            if (primitive.id, node) in run.places:
                yield from emptied(unit.id, primitive.id, node, standby)


def emptied(unit: str, primitive: str, node: str, standby: Edit) -> Iterator[State]:
    """Yield a node that is to be empty while one thing on it cannot stop."""
    unmanaged = everything(meta(unit, "is-managed", "false"), standby)
    blocked = everything(failed(primitive, "stop", [node], on_fail="block"), standby)
    for how, edit in {"unmanaged": unmanaged, "blocked": blocked}.items():
        name = f"in standby with {unit} {how}"
        yield State(name, node, frozenset({node}), Reach.NODE, edit, held=True)
