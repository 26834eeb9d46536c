"""How long a guest may be away when the node under it is lost: the worst case, term by term.

Every term is an upper bound from the configuration: a fence device that needs all of its time and
fails, then the next level; a start that needs all of its timeout. What really happens is faster by
far (docs/explanation/recovery.md); what this is for is to see which setting decides.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from hactl.model.cluster import Cluster
from hactl.model.constraint import Confinement, Order
from hactl.model.fencing import WATCHDOG, FencingLevel
from hactl.model.pacemaker_time import longest
from hactl.model.resource import Clone, Primitive, Resource, primitives

# The DC may sleep twice for a second before it plans (docs/explanation/recovery.md).
PLANNING = 3_000
# What Pacemaker takes where nobody said: default-action-timeout.
ACTION_TIMEOUT = 20_000
WITH_USERS = frozenset({"guest", "container", "gateway"})


@dataclass(frozen=True, slots=True)
class Term:
    """One part of the time, in milliseconds."""

    what: str
    milliseconds: int


@dataclass(frozen=True, slots=True)
class Failover:
    """What adds up until ``name`` is back."""

    name: str
    kind: str
    terms: tuple[Term, ...]

    @property
    def total(self) -> int:
        return sum(term.milliseconds for term in self.terms)

    @property
    def dominating(self) -> Term:
        return max(self.terms, key=lambda term: term.milliseconds)


def failovers(cluster: Cluster) -> tuple[Failover, ...]:
    """Return the worst case for everything that has users, the longest first.

    The cluster must have no circle of orders.
    """
    found = Worst(cluster)
    all_of_them = (
        Failover(resource.id, resource.kind, tuple(found.terms(resource)))
        for resource in cluster.resources
        if resource.kind in WITH_USERS and not isinstance(resource, Clone)
    )
    return tuple(sorted(all_of_them, key=lambda failover: (-failover.total, failover.name)))


class Worst:
    """Remembers what many guests have in common."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.resources = {resource.id: resource for resource in cluster.resources}
        self.confined = {
            each.rsc: each.nodes for each in cluster.constraints if isinstance(each, Confinement)
        }
        self.before: dict[str, list[str]] = {}
        for order in cluster.constraints:
            if isinstance(order, Order) and order.first_action == order.then_action == "start":
                self.before.setdefault(order.then, []).append(order.first)
        self.nodes = {node.name: tuple(fencing(cluster, node.name)) for node in cluster.nodes}
        self.chains: dict[str, tuple[Term, ...]] = {}

    def terms(self, resource: Resource) -> Iterator[Term]:
        totem = self.cluster.totem
        yield Term("noticing the loss (token and consensus)", totem.token + totem.consensus)
        if totem.qdevice:
            yield Term("waiting for the vote of the qdevice", totem.qdevice.sync_timeout)
        yield Term("planning", PLANNING)
        nodes = self.confined.get(resource.id) or tuple(self.nodes)
        yield from max((self.nodes[name] for name in nodes), key=duration_of, default=())
        yield from self.chain(resource.id)

    def chain(self, name: str) -> tuple[Term, ...]:
        """Return the starts that follow each other until ``name`` runs, on a node that is up.

        Clones run there already.
        """
        # By hand and not by recursion: a chain of guests may be longer than Python's stack.
        waiting, entered = [name], set[str]()
        while waiting:
            current = waiting[-1]
            if current not in entered:
                entered.add(current)
                earlier = self.before.get(current, ())
                waiting += [other for other in earlier if other not in entered]
            else:
                waiting.pop()
                self.chains.setdefault(current, self.starts(current))
        return self.chains[name]

    def starts(self, name: str) -> tuple[Term, ...]:
        """Return the chain of ``name``, where those it begins with are known."""
        resource = self.resources.get(name)
        if resource is None or isinstance(resource, Clone):
            return ()
        known = (self.chains.get(other, ()) for other in self.before.get(name, ()))
        return (*max(known, key=duration_of, default=()), start_of(resource))


def duration_of(terms: tuple[Term, ...]) -> int:
    return sum(term.milliseconds for term in terms)


def start_of(resource: Resource) -> Term:
    every = sum(timeout(primitive, "start") for primitive in primitives(resource))
    return Term(f"starting {resource.id}", every)


def timeout(primitive: Primitive, action: str) -> int:
    found = (op.timeout for op in primitive.operations if op.name == action)
    return next(found, ACTION_TIMEOUT)


def fencing(cluster: Cluster, node: str) -> Iterator[Term]:
    """Yield what fencing a node may take: the delay, then every level to its end."""
    if cluster.properties.get("stonith-enabled") == "false":
        return
    devices = {
        primitive.id: primitive.params
        for resource in cluster.resources
        for primitive in primitives(resource)
        if primitive.agent.standard == "stonith" and primitive.params.get("pcmk_host_list") == node
    }
    tried = levels(cluster, node, devices)
    # Each device has its own delay, the priorities theirs once, before the first.
    delays = (
        longest(devices[name], "pcmk_delay_base", "pcmk_delay_max")
        for level in tried
        for name in level.devices
        if name in devices
    )
    own = sum(delays) + longest(cluster.properties, "priority-fencing-delay")
    if own:
        yield Term(f"delays before {node} is fenced", own)
    for level in tried:
        what = f"fencing {node}, level {level.index}: {' and '.join(level.devices)}"
        yield Term(what, level_time(cluster, level, devices))


def levels(
    cluster: Cluster, node: str, devices: Mapping[str, Mapping[str, str]]
) -> list[FencingLevel]:
    own = [level for level in cluster.fencing_levels if level.node == node]
    last = [WATCHDOG] if cluster.watchdog and not cluster.watchdog.disks and not devices else []
    natural = enumerate([*devices, *last], 1)
    return own or [FencingLevel(node, index, (device,)) for index, device in natural]


def level_time(
    cluster: Cluster, level: FencingLevel, devices: Mapping[str, Mapping[str, str]]
) -> int:
    """Return the longest a level may take; several devices are all turned off, then all on."""
    default = longest(cluster.properties, "stonith-timeout") or 60_000
    together = 0
    for device in level.devices:
        if device == WATCHDOG:
            together += cluster.watchdog.longest if cluster.watchdog else default
            continue
        params = devices.get(device, {})
        together += longest(params, "pcmk_reboot_timeout", "pcmk_off_timeout") or default
        if len(level.devices) > 1:
            together += longest(params, "pcmk_on_timeout") or default
    return together
