"""Hands what runs from one agent to another without a stop, in steps that can be begun again.

unmanage    a mark of ours; from here on nobody recovers it
exchange    the definition, in one guarded commit (a primitive that is deleted would be stopped)
ask anew    its history is deleted on all nodes, and each is probed by the new agent
manage      where it was found running, and the scheduler says that it stays

Whatever happens in between, it stays unmanaged and is named by `hactl status`; the same command
goes on from there. Where the new agent does not find it, the old definition comes back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lxml.etree import _Element

from hactl.cib.conversion import agent, begun, converting, marked, primitive, running_on, unmarked
from hactl.cib.read import effective_meta, properties
from hactl.errors import ClusterError
from hactl.live.operator import Operator, Options
from hactl.live.patch import edit
from hactl.live.session import World
from hactl.live.take_back import at_rest
from hactl.model.boolean import is_false, is_true
from hactl.plan.change import Change, Create
from hactl.plan.diff import MARKS
from hactl.plan.gate import refuse_harm
from hactl.plan.plan import Planned, foreseen, planned
from hactl.plan.revert import NotReverted, reverted

ALONG = frozenset({"order", "colocation", "location"})


class NotConverted(ClusterError):
    """It was not handed over; the message says why, and what stands."""


@dataclass(frozen=True, slots=True)
class Handed:
    """``name`` runs on ``node`` under ``agent``; nobody would have recovered it for ``seconds``."""

    name: str
    node: str
    agent: str
    seconds: float

    def __str__(self) -> str:
        return (
            f"{self.name} runs on {self.node} under {self.agent}; it was not stopped, and "
            f"unmanaged for {self.seconds:.0f} s"
        )


@dataclass(frozen=True)
class Conversion:
    """Of ``names``, to what ``wanted``, a ``<configuration>``, says of them."""

    world: World
    wanted: _Element
    names: Sequence[str]
    options: Options
    operator: Operator

    def carry_out(self) -> tuple[Handed, ...]:
        """Go through all steps; raises NotConverted, or what planning and committing raises."""
        before = at_rest(self.world, self.options, self.operator).cib
        self.options.refuse_other(before)
        places = {name: self.place(before, name) for name in self.names}
        refuse_more(self.toward(before), self.names)
        self.world.committer.prove()
        since = self.world.clock.now()
        self.step("unmanaging", lambda cib: marked(cib, self.names))
        try:
            changes = self.exchange()
        except ClusterError:
            self.step("managing again", lambda cib: unmarked(cib, self.names))
            raise
        self.ask_anew(places, changes)
        self.manage(places)
        seconds = self.world.clock.now() - since
        now = self.world.pacemaker.cib()
        return tuple(Handed(n, places[n], agent_of(now, n), seconds) for n in self.names)

    def place(self, cib: _Element, name: str) -> str:
        """Return where ``name`` runs; raises NotConverted where it cannot be handed over."""
        element = primitive(cib, name)
        if element is None:
            raise NotConverted(f"the cluster has no primitive {name}", "name one that is there")
        if element.xpath("ancestor::clone|ancestor::master|ancestor::bundle"):
            raise NotConverted(f"{name} is part of a clone", "only what runs once can be converted")
        meta = effective_meta(cib, element)
        if name not in converting(cib) and is_false(meta.get("is-managed")):
            raise NotConverted(f"{name} is unmanaged", f"pcs resource manage {name}, and again")
        if is_true(meta.get("maintenance")) or is_true(properties(cib).get("maintenance-mode")):
            raise NotConverted(f"{name} is in maintenance", "end the maintenance first")
        nodes = running_on(cib, name)
        if len(nodes) != 1:
            where = f"runs on {' and '.join(nodes)} at once" if nodes else "does not run"
            raise NotConverted(
                f"{name} {where}", "mend that first; apply exchanges what is stopped"
            )
        refuse_maintained(cib)
        return nodes[0]

    def toward(self, cib: _Element) -> Planned:
        return planned(cib, self.wanted, self.world.runner, self.names)

    def step(self, doing: str, change: Callable[[_Element], _Element]) -> None:
        """Write what ``change`` makes of the CIB, unless it interrupts anything; wait for rest."""
        self.write(doing, change)
        at_rest(self.world, self.options, self.operator)

    def write(self, doing: str, change: Callable[[_Element], _Element]) -> None:
        self.operator.progress(doing)

        def harmless(cib: _Element) -> _Element:
            made = change(cib)
            refuse_harm(foreseen(cib, made, self.world.runner).plan)
            return made

        edit(self.world, harmless)

    def exchange(self) -> tuple[Change, ...]:
        """Write the new definitions; return the changes, nothing where they are there already.

        There is no rest before the history is deleted: until then the executor of each node knows
        the old agent, and calls that with the new one's parameters.
        """
        done: list[tuple[Change, ...]] = [()]

        def exchanged(cib: _Element) -> _Element:
            plan = self.toward(cib)
            refuse_more(plan, self.names)
            done.append(plan.plan.changes)
            return plan.merged

        self.write("exchanging the definition", exchanged)
        return done[-1]

    def ask_anew(self, places: dict[str, str], changes: Sequence[Change]) -> None:
        """Have each node probe with the new agent; take it back where that finds something else."""
        wrong = self.probed(places)
        if not wrong:
            return
        why = f"{'; '.join(wrong)}: the new agent does not find what runs"
        try:
            self.write("taking it back", lambda cib: reverted(cib, changes, self.world.runner))
        except (NotReverted, ClusterError) as problem:
            names = ", ".join(self.names)
            raise NotConverted(
                f"{why}; it is not taken back ({problem}), {names} stays unmanaged"
            ) from None
        still = self.probed(places)
        if still:
            raise NotConverted(f"{why}; taken back, but {'; '.join(still)}: it stays unmanaged")
        self.step("managing again", lambda cib: unmarked(cib, self.names))
        raise NotConverted(f"{why}; taken back, and managed as before")

    def probed(self, places: dict[str, str]) -> list[str]:
        """Return what is found elsewhere than it ran, or not at all."""
        self.operator.progress("asking the agent on every node")
        for name in self.names:
            self.world.pacemaker.look_anew(name)
        now = at_rest(self.world, self.options, self.operator).cib
        found = {name: running_on(now, name) for name in self.names}
        return [
            f"{name} ran on {places[name]} and is found on {' and '.join(nodes) or 'no node'}"
            for name, nodes in found.items()
            if nodes != (places[name],)
        ]

    def manage(self, places: dict[str, str]) -> None:
        self.step("managing it", lambda cib: unmarked(cib, self.names))
        now = self.world.pacemaker.cib()
        for name, node in places.items():
            done = [f"{what} on {where}" for what, where in begun(now, name)]
            if done or running_on(now, name) != (node,):
                said = ", ".join(done) or "it does not run there"
                raise NotConverted(f"{name} was handed over on {node}, and then: {said}")


def refuse_maintained(cib: _Element) -> None:
    """Raise NotConverted where Pacemaker would not probe on every node."""
    for each in cib.iterfind("configuration/nodes/node"):
        pairs = {p.get("name"): p.get("value") for p in each.iter("nvpair")}
        if is_true(pairs.get("maintenance")):
            raise NotConverted(f"{each.get('uname')} is in maintenance", "end that first")


def refuse_more(plan: Planned, names: Sequence[str]) -> None:
    """Raise NotConverted where the topology changes more than what is to be handed over."""
    more = [change.id for change in plan.plan.changes if not along(change, names)]
    if more:
        raise NotConverted(
            f"the topology also changes {', '.join(more[:5])}",
            "apply that first or leave it out; a conversion changes one thing at a time",
        )


def along(change: Change, names: Sequence[str]) -> bool:
    """Whether a change is of what is handed over, or comes with it."""
    new = isinstance(change, Create) and change.kind in ALONG
    return change.id in names or change.kind == MARKS or new


def agent_of(cib: _Element, name: str) -> str:
    element = primitive(cib, name)
    return "" if element is None else agent(element)
