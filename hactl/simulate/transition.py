"""What the scheduler would do: reads crm_simulate's XML, interprets nothing of the topology."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from lxml.etree import _Element

from hactl.model.pacemaker_text import unescaped
from hactl.simulate.graph import Graph, Operation

PROMOTED = frozenset({"Promoted", "Master"})


@dataclass(frozen=True, slots=True)
class Action:
    """One thing the cluster would do to a resource.

    ``verb`` is Pacemaker's: start, stop, restart, recover, reload, move (stop here, start there),
    migrate (live), promote, demote. ``resource`` is the primitive's id without an instance number.
    A blocked action is one the cluster would like to take and cannot. ``role`` is the one that it
    ends in, where roles matter.
    """

    verb: str
    resource: str
    instance: str
    source: str = ""
    target: str = ""
    reason: str = ""
    blocked: bool = False
    role: str = ""


@dataclass(frozen=True, slots=True)
class Fencing:
    """A node that would be fenced; ``action`` is reboot or off."""

    node: str
    action: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Placed:
    """Where a resource is active now, and why it is not to be, if its target-role says so.

    ``orphaned``: it runs, and is no longer configured.
    """

    nodes: tuple[str, ...] = ()
    managed: bool = True
    target_role: str = ""
    promoted: tuple[str, ...] = ()
    orphaned: bool = False

    def __or__(self, other: Placed) -> Placed:
        """Return what is true of two instances of one resource together."""
        return Placed(
            nodes=tuple(dict.fromkeys([*self.nodes, *other.nodes])),
            managed=self.managed and other.managed,
            target_role=other.target_role or self.target_role,
            promoted=tuple(dict.fromkeys([*self.promoted, *other.promoted])),
            orphaned=self.orphaned and other.orphaned,
        )


@dataclass(frozen=True, slots=True)
class Node:
    """A node as the scheduler sees it before anything is done."""

    online: bool = True
    unclean: bool = False
    standby: bool = False
    maintenance: bool = False

    @property
    def takes(self) -> bool:
        """Whether something may be started there, as far as that depends on the node alone."""
        return self.online and not (self.unclean or self.standby or self.maintenance)


@dataclass(frozen=True)
class Transition:
    """The cluster as it is, and what it would do next.

    ``resources`` is by the id of the primitive, ``instances`` by that of the instance in a
    globally unique clone (``vm:1``); elsewhere the two are the same. ``waiting`` is what is meant
    to be done and never will be, with the operation it waits for. ``hung`` are nodes that would be
    fenced if anything could.
    """

    actions: tuple[Action, ...]
    fencing: tuple[Fencing, ...]
    resources: dict[str, Placed]
    operations: frozenset[Operation] = frozenset()
    waiting: Mapping[Operation, str] = field(default_factory=dict)
    instances: Mapping[str, Placed] = field(default_factory=dict)
    nodes: Mapping[str, Node] = field(default_factory=dict)
    hung: frozenset[str] = frozenset()

    def of(self, resource: str) -> tuple[Action, ...]:
        return tuple(self.by_resource.get(resource, ()))

    def about(self, instance: str) -> list[Action]:
        """Return what the summary says of an instance: of all of them, if they have no numbers."""
        return [
            each
            for each in self.of(instance.partition(":")[0])
            if each.instance == instance
            or (each.resource == instance and each.instance not in self.instances)
        ]

    def action(self, instance: str, source: str, target: str) -> Action | None:
        """Return what the summary says of an instance that goes from one node to another.

        For one that is nowhere and comes nowhere, that is what would be done and cannot.
        """
        mine = self.about(instance)
        if not source:
            there = [a for a in mine if not a.source and a.target == target]
            return next(iter(there or ([] if target else [a for a in mine if a.blocked])), None)
        here = [a for a in mine if a.source == source]
        return next((a for a in here if a.target in (target, "")), here[0] if here else None)

    @cached_property
    def by_resource(self) -> dict[str, list[Action]]:
        found: dict[str, list[Action]] = {}
        for action in self.actions:
            found.setdefault(action.resource, []).append(action)
        return found

    def placed(self, name: str) -> Placed:
        """Return how a primitive, or one instance of it, is before anything is done."""
        return self.instances.get(name) or self.resources.get(name) or Placed()

    def running(self, resource: str) -> tuple[str, ...]:
        """Return the nodes ``resource`` is active on before anything is done."""
        return self.placed(resource).nodes

    @property
    def quiet(self) -> bool:
        return not self.actions and not self.fencing


def transition(
    result: _Element, graph: _Element | None = None, hung: Collection[str] = ()
) -> Transition:
    """Return what ``crm_simulate --run --output-as=xml`` says, with the graph it would execute.

    The fencing of ``hung`` nodes never comes, and what waits for it is not done.
    """
    instances = placements(result)
    drawn = None if graph is None else Graph(graph, hung)
    return Transition(
        actions=tuple(action(element) for element in result.iterfind("actions/rsc_action")),
        fencing=tuple(each for each in fencings(result) if each.node not in hung),
        resources=together(instances),
        operations=drawn.operations if drawn else frozenset(),
        waiting=drawn.waiting if drawn else {},
        instances=instances,
        nodes=dict(nodes(result)),
        hung=frozenset(hung),
    )


def action(element: _Element) -> Action:
    instance = element.get("resource", "")
    here = element.get("node", "")
    verb = element.get("action", "")
    return Action(
        verb=verb,
        resource=instance.partition(":")[0],
        instance=instance,
        source=element.get("source") or ("" if verb == "start" else here),
        target=element.get("dest") or (here if verb == "start" else ""),
        reason=unescaped(element.get("reason", "")),
        blocked=element.get("blocked") == "true",
        role=element.get("next-role", element.get("role", "")),
    )


def fencings(result: _Element) -> Iterator[Fencing]:
    """Yield the fencing that takes a node down: unfencing ("on") harms nobody."""
    for element in result.iterfind("actions/node_action"):
        what = element.get("task", "").partition("(")[2].rstrip(")")
        if what != "on":
            reason = unescaped(element.get("reason", ""))
            # a guest node reads "web1-node (resource: web1)"
            node = element.get("node", "").partition(" (resource: ")[0]
            yield Fencing(node, what or "off", reason)


def placements(result: _Element) -> dict[str, Placed]:
    """Return where everything is active; what is inside a clone may be named more than once."""
    found: dict[str, Placed] = {}
    for element in result.iterfind("cluster_status/resources//resource"):
        name = element.get("id", "")
        placed = placement(element)
        found[name] = found[name] | placed if name in found else placed
    return found


def placement(element: _Element) -> Placed:
    """Read one instance. Of an orphan on several nodes the role is said once for all: unknown."""
    named = tuple(node.get("name", "") for node in element.iterchildren("node"))
    here = () if element.get("role") == "Stopped" else named
    promoted = element.get("role") in PROMOTED and len(here) == 1
    return Placed(
        nodes=here,
        managed=element.get("managed") != "false",
        target_role=element.get("target_role", ""),
        promoted=here if promoted else (),
        orphaned=element.get("orphaned") == "true",
    )


def together(instances: Mapping[str, Placed]) -> dict[str, Placed]:
    found: dict[str, Placed] = {}
    for instance, placed in instances.items():
        name = instance.partition(":")[0]
        found[name] = found[name] | placed if name in found else placed
    return found


def nodes(result: _Element) -> Iterator[tuple[str, Node]]:
    for element in result.iterfind("cluster_status/nodes/node"):
        yield (
            element.get("name", ""),
            Node(
                online=element.get("online") != "false",
                unclean=element.get("unclean") == "true",
                standby=element.get("standby") == "true",
                maintenance=element.get("maintenance") == "true",
            ),
        )
