"""The cluster in an operator's terms: from crm_mon's XML and the CIB, both passed in."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from lxml.etree import _Element

from hactl.cib.history import started
from hactl.cib.ownership import kind_of
from hactl.cib.read import properties
from hactl.fencing.configuration import fencing
from hactl.fencing.drill.marks import drills
from hactl.fencing.drill.proofs import standings
from hactl.model.pacemaker_text import unescaped
from hactl.model.score import effective
from hactl.status.expected import Absent, Expected
from hactl.status.problems import problems
from hactl.status.values import (
    FailureStatus,
    FencingStatus,
    NodeStatus,
    ResourceStatus,
    State,
    Status,
)

CLONES = ("clone", "master")
OPERATION_KEY = re.compile(r"(?P<resource>.+?)_(?P<operation>migrate_to|migrate_from|[a-z-]+)_\d+")


def status(
    monitor: _Element, cib: _Element, now: float = 0.0, wanted: Expected | None = None
) -> Status:
    """Return what ``crm_mon --output-as=xml --inactive`` and the CIB say together.

    ``now``, in seconds since 1970, tells how old proofs of fencing are; ``wanted`` is what the
    scheduler says should run, where it was asked.
    """
    seen = looked_at(monitor, cib, now, wanted or Expected())
    return replace(seen, problems=tuple(problems(seen, cib, wanted or Expected())))


def looked_at(monitor: _Element, cib: _Element, now: float, wanted: Expected) -> Status:
    dc = monitor.find("summary/current_dc")
    options = monitor.find("summary/cluster_options")
    return Status(
        cluster=properties(cib).get("cluster-name", ""),
        quorate=dc is not None and dc.get("with_quorum") == "true",
        dc="" if dc is None else dc.get("name", ""),
        nodes=tuple(node(element) for element in monitor.iterfind("nodes/node")),
        resources=tuple(resources(monitor, cib, wanted)),
        failures=tuple(failure(element) for element in monitor.iterfind("failures/failure")),
        fencing=tuple(fencings(monitor)),
        fencing_enabled=fencing_enabled(options, cib),
        maintenance=options is not None and options.get("maintenance-mode") == "true",
        proofs=standings(cib, now),
        drills=drills(cib),
    )


def fencing_enabled(options: _Element | None, cib: _Element) -> bool:
    """Whether lost nodes are fenced; Pacemaker 3.0.2 says so under a new name."""
    names = ("fencing-enabled", "stonith-enabled")
    said = [options.get(name) for name in names] if options is not None else []
    found = next((value for value in said if value), None)
    return fencing(cib).enabled if found is None else found != "false"


def node(element: _Element) -> NodeStatus:
    flags = ("unclean", "pending", "maintenance", "standby", "standby_onfail")
    state = next((flag for flag in flags if element.get(flag) == "true"), "")
    if element.get("online") != "true" and state != "unclean":
        state = "pending" if state == "pending" else "offline"
    return NodeStatus(
        name=element.get("name", ""),
        state=(state or "online").removesuffix("_onfail"),
        dc=element.get("is_dc") == "true",
        remote=element.get("type") in ("remote", "guest"),
        running=int(element.get("resources_running", "0")),
    )


def resources(monitor: _Element, cib: _Element, wanted: Expected) -> Iterator[ResourceStatus]:
    """Yield the configured resources in the order of the CIB, and after them the orphans."""
    seen: dict[str, list[_Element]] = {}
    for element in monitor.iterfind("resources//resource"):
        seen.setdefault(element.get("id", "").partition(":")[0], []).append(element)
    counts = fail_counts(monitor)
    since = started(cib)
    online = sum(n.get("online") == "true" for n in monitor.iterfind("nodes/node"))
    for unit in cib.iterfind("configuration/resources/*"):
        if unit.tag != "template":
            names = part_names(unit, seen)
            parts = [seen.pop(name, []) for name in names]
            found = [element for part in parts for element in part]
            one = resource(unit, found, counts, since, 0 if wanted.asked else online)
            yield with_absent(one, [absent(wanted, name) for name in names])
    for name, parts_left in seen.items():
        state = worst(parts_left)
        yield ResourceStatus(name, "resource", state, running_on(parts_left), counts.get(name, 0))


def part_names(unit: _Element, seen: Iterable[str]) -> list[str]:
    """Return the primitives of a resource, and what Pacemaker makes itself for a bundle."""
    names = [inner.get("id", "") for inner in unit.iter("primitive")]
    if unit.tag == "bundle":
        names += [name for name in seen if name.startswith(f"{unit.get('id')}-")]
    return names


def resource(
    unit: _Element,
    parts: list[_Element],
    counts: dict[str, int],
    since: dict[tuple[str, str], int],
    online: int,
) -> ResourceStatus:
    names = [inner.get("id", "") for inner in unit.iter("primitive")]
    nodes = running_on(parts)
    times = [since[name, node] for name in names for node in nodes if (name, node) in since]
    state = worst(parts)
    if unit.tag in CLONES and nodes and state in (State.STOPPED, State.RUNNING):
        state = State.RUNNING if len(nodes) >= min(online, clone_max(unit)) else State.PARTIAL
    return ResourceStatus(
        id=unit.get("id", ""),
        kind=kind_of(unit) or "resource",
        state=state,
        nodes=nodes,
        failures=sum(counts.get(name, 0) for name in names),
        doing=", ".join(sorted({part.get("pending", "") for part in parts} - {""})),
        since=max(times, default=None),
        promoted=promoted_on(parts) if meta(unit, "promotable") == "true" else None,
    )


def absent(wanted: Expected, name: str) -> Absent:
    return wanted.absent.get(name, Absent())


def with_absent(one: ResourceStatus, missing: Sequence[Absent]) -> ResourceStatus:
    """Return ``one`` with where more of it should run; a part that runs is not all of it."""
    nodes = sorted({node for each in missing for node in each.nodes})
    roles = sorted({node for each in missing for node in each.promoted})
    some = one.nodes and nodes and one.state in (State.STOPPED, State.RUNNING)
    return replace(
        one,
        state=State.PARTIAL if some else one.state,
        absent=tuple(nodes),
        unpromoted=tuple(roles),
    )


def meta(unit: _Element, name: str) -> str:
    pairs = unit.iterfind("meta_attributes/nvpair")
    return next((pair.get("value", "") for pair in pairs if pair.get("name") == name), "")


def clone_max(unit: _Element) -> int:
    """Return how many instances are wanted; as many as there may be where nobody said."""
    most = meta(unit, "clone-max")
    return int(most) if most.isdigit() else sys.maxsize


def promoted_on(parts: list[_Element]) -> tuple[str, ...]:
    """Return where a resource is promoted; Pacemaker 2.0 said Master."""
    return running_on([part for part in parts if part.get("role") in ("Promoted", "Master")])


def worst(parts: list[_Element]) -> State:
    """Return the worst state among instances; nothing known about it means stopped."""
    states = list(State)
    return min((state(part) for part in parts), key=states.index, default=State.STOPPED)


def state(part: _Element) -> State:
    if part.get("failed") == "true" and part.get("failure_ignored") != "true":
        return State.FAILED
    if part.get("blocked") == "true":
        return State.BLOCKED
    if part.get("pending"):
        return State.BUSY
    if part.get("active") != "true":
        return State.DISABLED if part.get("target_role") == "Stopped" else State.STOPPED
    return State.UNMANAGED if part.get("managed") == "false" else State.RUNNING


def running_on(parts: list[_Element]) -> tuple[str, ...]:
    found = {n.get("name", "") for p in parts if p.get("active") == "true" for n in p.iter("node")}
    return tuple(sorted(found))


def fail_counts(monitor: _Element) -> dict[str, int]:
    """Return the failures counted for each resource; INFINITY is a million, as in Pacemaker."""
    counts: dict[str, int] = {}
    for history in monitor.iterfind("node_history/node/resource_history"):
        name = history.get("id", "").partition(":")[0]
        counts[name] = counts.get(name, 0) + effective(history.get("fail-count"))
    return counts


def failure(element: _Element) -> FailureStatus:
    key = element.get("op_key", "")
    parts = OPERATION_KEY.fullmatch(key)
    return FailureStatus(
        resource=parts["resource"] if parts else key,
        node=element.get("node", ""),
        operation=parts["operation"] if parts else "operation",
        code=element.get("exitstatus", ""),
        reason=unescaped(element.get("exitreason", "")),
        when=element.get("last-rc-change", ""),
    )


def fencings(monitor: _Element) -> Iterator[FencingStatus]:
    """Yield the last event for each node: what failed once and then succeeded is over."""
    seen = set()
    for event in monitor.iterfind("fence_history/fence_event"):
        target = event.get("target", "")
        if target not in seen:
            seen.add(target)
            yield FencingStatus(
                target,
                event.get("action", ""),
                event.get("status", ""),
                event.get("completed", ""),
            )
