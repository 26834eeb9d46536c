"""What a transition comes to, primitive by primitive: operations and places become effects."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from hactl.simulate.effect import Effect, What
from hactl.simulate.graph import DEMOTE, MIGRATE_TO, PROMOTE, START, STOP
from hactl.simulate.transition import PROMOTED, Action, Placed, Transition

ENDS = frozenset({"stop", "move", "restart", "recover"})
OFF = "stopped"


def outcome(transition: Transition) -> tuple[Effect, ...]:
    """Return every effect of ``transition``, also that something stays, in order of names.

    ``why`` is the scheduler's own word, where it has one.
    """
    known = transition.instances
    done: dict[str, set[tuple[str, str]]] = {name: set() for name in known}
    for operation in transition.operations:
        # an orphan of a clone keeps its number in the graph and loses it in the status
        plain = operation.instance.partition(":")[0]
        name = operation.instance if operation.instance in known else plain
        done.setdefault(name, set()).add((operation.action, operation.node))
    names = sorted({*done, *(each.instance for each in transition.waiting)})
    instances = {name: Instance(name, transition, done.get(name, set())) for name in names}
    somewhere = {each.primitive for each in instances.values() if each.ends}
    return tuple(
        effect
        for each in instances.values()
        for effect in each.effects(stranded=each.wanted and each.primitive not in somewhere)
    )


@dataclass(frozen=True)
class Instance:
    """One primitive, all its instances if they are interchangeable, and what is done to it."""

    name: str
    transition: Transition
    done: set[tuple[str, str]]

    def effects(self, *, stranded: bool) -> Iterator[Effect]:
        """Yield one effect for each node it is on or comes to, or one that says it is nowhere."""
        if not self.idle:
            yield from self.changes(stranded=stranded)
        for node in sorted(self.staying):
            yield self.effect(self.what_stays(node), node, node)
        if not self.before and not self.ends:
            yield self.effect(What.STRANDED if stranded else What.STAYS)

    def changes(self, *, stranded: bool) -> Iterator[Effect]:
        yield from self.migrations
        arriving = sorted(self.arriving - self.leaving)
        back = self.arriving & self.leaving  # fenced, and back where it was
        for node in sorted(self.leaving):
            target = node if node in back else arriving.pop(0) if arriving else ""
            yield self.effect(self.what_leaves(node, target, stranded=stranded), node, target)
        for node in arriving:
            yield self.effect(What.STARTS, "", node)

    @cached_property
    def idle(self) -> bool:
        """Whether nothing is done to it: so it is with nearly everything in most plans."""
        if self.done or (self.transition.fencing and self.before & self.fenced):
            return False
        return not self.named or not self.actions

    @cached_property
    def named(self) -> bool:
        """Whether the summary says anything of it."""
        return self.primitive in self.transition.by_resource

    @property
    def migrations(self) -> Iterator[Effect]:
        for action in self.actions:
            if action.verb == "migrate":
                yield self.effect(What.MIGRATES, action.source, action.target)

    def what_leaves(self, node: str, target: str, *, stranded: bool) -> What:
        if node in self.fenced:
            return What.FENCED
        if target:
            return What.RESTARTS
        return What.STRANDED if stranded else What.STOPS

    def what_stays(self, node: str) -> What:
        if node in self.restarting:
            return What.RESTARTS
        at = self.transition.nodes.get(node)
        lost = at is not None and at.unclean and not at.online
        return What.HANGS if lost and node not in self.fenced else What.STAYS

    def effect(self, what: What, source: str = "", target: str = "") -> Effect:
        return Effect(
            name=self.name,
            primitive=self.name,
            kind="resource",
            what=what,
            source=source,
            target=target,
            why=self.reason(source, target),
            promotes=not self.idle and bool(target) and target in self.raised,
            demotes=not self.idle and bool(source) and source in self.demoted,
        )

    def reason(self, source: str, target: str) -> str:
        if not self.named:
            return ""
        action = self.transition.action(self.name, source, target)
        return action.reason if action else ""

    def nodes(self, action: str) -> set[str]:
        return {node for each, node in self.done if each == action}

    @property
    def primitive(self) -> str:
        return self.name.partition(":")[0]

    @cached_property
    def placed(self) -> Placed:
        return self.transition.instances.get(self.name, Placed())

    @cached_property
    def actions(self) -> tuple[Action, ...]:
        """What the summary says is done to it and not merely wanted."""
        return tuple(
            each
            for each in self.transition.about(self.name)
            if not each.blocked and not self.waits(each)
        )

    def waits(self, action: Action) -> bool:
        """Whether the summary is wrong: what it says waits for something that does not come."""
        here = {action.source, action.target} - {""}
        late = {each.node for each in self.transition.waiting if each.instance == self.name}
        return bool(here & late)

    @property
    def wanted(self) -> bool:
        """Whether it should run: configured, managed, and nobody said it should not."""
        placed = self.placed
        return placed.managed and not placed.orphaned and placed.target_role.lower() != OFF

    @property
    def fenced(self) -> set[str]:
        return {fencing.node for fencing in self.transition.fencing}

    @cached_property
    def before(self) -> set[str]:
        return set(self.placed.nodes)

    @cached_property
    def migrating(self) -> set[str]:
        return self.nodes(MIGRATE_TO) | {a.source for a in self.actions if a.verb == "migrate"}

    @cached_property
    def stopping(self) -> set[str]:
        """Where it is stopped: by an operation, or because its node is no longer there.

        On a node that hangs nothing is stopped, as far as anybody knows.
        """
        silent = {each.source for each in self.actions if each.verb in ENDS and self.lost(each)}
        lost = self.before & (self.fenced | silent)
        return (self.nodes(STOP) | lost) - self.migrating - self.transition.hung

    def lost(self, action: Action) -> bool:
        """Whether what is done on a node is only counted as done, as the node is gone."""
        node = self.transition.nodes.get(action.source)
        return action.source in self.fenced or (node is not None and not node.online)

    @cached_property
    def restarting(self) -> set[str]:
        return (self.nodes(START) & self.stopping) - self.fenced

    @property
    def leaving(self) -> set[str]:
        return self.stopping - self.restarting

    @property
    def arriving(self) -> set[str]:
        return self.nodes(START) - self.restarting

    @property
    def staying(self) -> set[str]:
        """What is only being started does not stay: to start it is still to be done."""
        if self.idle:
            return self.before
        return (self.before - self.stopping - self.migrating - self.arriving) | self.restarting

    @property
    def ends(self) -> set[str]:
        """Where it is active when all is done."""
        if self.idle:
            return self.before
        migrated = {each.target for each in self.actions if each.verb == "migrate"}
        return self.staying | self.arriving | migrated

    @property
    def raised(self) -> set[str]:
        """Where it is promoted; a restart ends in the old role, though the graph forgets it."""
        again = {a.target or a.source for a in self.actions if a.role in PROMOTED}
        return self.nodes(PROMOTE) | (again & (self.restarting | self.arriving))

    @property
    def demoted(self) -> set[str]:
        """Where it loses its role; what is not promoted may be asked to demote all the same."""
        gone = self.leaving | self.restarting | self.migrating
        return set(self.placed.promoted) & (self.nodes(DEMOTE) | gone)
