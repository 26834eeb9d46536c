"""What holds for guests, containers and gateways alike: placement, meta attributes, needs."""

from __future__ import annotations

from collections.abc import Iterator

from hactl.derive.chains import foot
from hactl.derive.needs import Needs, Survey
from hactl.derive.storage import stands_on
from hactl.model.constraint import (
    INFINITY,
    Colocation,
    Confinement,
    Constraint,
    Location,
    Order,
    OrderKind,
)
from hactl.model.dependency import lives_beside
from hactl.model.resource import Operation
from hactl.model.timing import MIB
from hactl.topology.schema.document import Document
from hactl.topology.schema.gateways import Gateway
from hactl.topology.schema.workload import Placed, Workload

MONITOR_INTERVAL = 10_000
MONITOR_TIMEOUT = 30_000
DEPTH = 10


def meta(document: Document, workload: Workload | Gateway) -> dict[str, str]:
    found: dict[str, str] = {}
    priority = workload.priority
    if priority is None and len(document.nodes) == 2:
        # priority-fencing-delay compares what runs on the two nodes; 0 would count for nothing.
        priority = 1
    if priority is not None:
        found["priority"] = str(priority)
    return found | workload.meta


def monitors(workload: Workload, deep: int | None) -> Iterator[Operation]:
    """Yield the check every few seconds, and the one in depth if there is to be one."""
    on_fail = {"on-fail": workload.on_fail} if workload.on_fail else {}
    timeout = workload.timeouts.monitor or MONITOR_TIMEOUT
    yield Operation("monitor", timeout, workload.monitor or MONITOR_INTERVAL, on_fail)
    if deep := workload.deep_monitor or deep:
        yield Operation("monitor", timeout, deep, on_fail, depth=DEPTH)


def utilization(document: Document, needed: Needs) -> dict[str, int]:
    """Return what a workload uses, in the same terms in which the nodes offer it."""
    found: dict[str, int] = {}
    offered = document.nodes.values()
    if needed.cpus is not None and any(node.cpus for node in offered):
        found["cpu"] = needed.cpus
    if needed.memory is not None and any(node.memory for node in offered):
        found["memory"] = -(-needed.memory // MIB)
    return found


def dependencies(
    document: Document, survey: Survey, name: str, needed: Needs, *, live: bool = False
) -> Iterator[Constraint]:
    """Yield what a guest or container stands on; ``live``: it may be migrated while it runs."""
    yield from stands_on(document, survey, name, needed.storage)
    for network in needed.networks:
        yield from lives_beside(name, network, live=live)


def placement(
    document: Document, name: str, workload: Placed, survey: Survey
) -> Iterator[Constraint]:
    for node, score in likings(document, workload).items():
        if score:
            yield Location(name, node, score)
    allowed = tuple(node for node in dict.fromkeys(workload.nodes) if node in document.nodes)
    if allowed and len(allowed) < len(document.nodes):
        yield Confinement(name, allowed)
    for first in workload.after:
        if find(document, first) and first != name:
            yield Order(first, name, OrderKind.OPTIONAL)
    for other, score in peers(document, name, workload, "together"):
        # A wish is no reason for the other to move.
        both = score >= INFINITY
        yield Colocation(foot(document, survey, name, other), other, score, influence=both)
    for other, score in peers(document, name, workload, "apart"):
        own, its = foot(document, survey, name, other), foot(document, survey, other, name)
        yield Colocation(own, its, -score, influence=False)


def likings(document: Document, workload: Placed) -> dict[str, int]:
    """Return the scores of the nodes, none below 0 but what is forbidden.

    Only the differences count, and a node with a score below 0 is none to Pacemaker, even if it is
    the last.
    """
    wanted = {node: score for node, score in workload.prefer.items() if node in document.nodes}
    least = min([0, *(score for score in wanted.values() if score > -INFINITY)])
    nodes = (workload.nodes or document.nodes) if least else wanted
    scores = {node: wanted.get(node, 0) for node in nodes if node in document.nodes}
    return {n: s if abs(s) >= INFINITY else s - least for n, s in scores.items()}


def peers(document: Document, name: str, workload: Placed, key: str) -> Iterator[tuple[str, int]]:
    """Yield the peers of a guest, each pair once: if both name each other, one of them speaks."""
    for other, score in getattr(workload, key).items():
        found = find(document, other)
        if found is None or other == name:
            continue
        if name not in getattr(found, key) or name < other:
            yield other, score


def find(document: Document, name: str) -> Placed | None:
    for section in (document.guests, document.containers, document.gateways):
        if name in section:
            return section[name]
    return None
