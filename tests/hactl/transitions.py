"""What Pacemaker's scheduler would do, as a graph; judged by what a topology needs.

The needs are read from the topology, not from the constraints made of it: so a constraint that was
forgotten is seen.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from graphlib import TopologicalSorter
from itertools import pairwise
from pathlib import Path
from typing import Any

from lxml import etree
from lxml.etree import _Element

from hactl.model.cluster import Cluster
from hactl.model.resource import Clone, Group, Resource, primitives

Place = tuple[str, str]
STUCK = b"<error>Transition failed: terminated</error>"
Document = Mapping[str, Any]


@dataclass(frozen=True)
class Need:
    """``upper`` needs ``lower`` on its node; one that is not ``firm`` may restart below it."""

    upper: str
    lower: str
    firm: bool = True


@dataclass(frozen=True)
class Act:
    """What is done to a primitive on a node."""

    id: int
    action: str
    primitive: str
    node: str


class Graph:
    """A transition: what is done, and what has to be done before."""

    def __init__(self, graph: _Element) -> None:
        self.acts: list[Act] = []
        self.inputs: dict[int, list[int]] = {}
        self.fences: dict[str, int] = {}
        for synapse in graph.iterfind("synapse"):
            after = [int(each.get("id", "")) for each in synapse.iterfind("inputs/trigger/*")]
            for event in synapse.iterfind("action_set/*"):
                self.add(event, after)

    def add(self, event: _Element, after: list[int]) -> None:
        own, action = int(event.get("id", "")), event.get("operation", "")
        self.inputs.setdefault(own, []).extend(after)
        node = event.get("on_node", "")
        if event.tag == "crm_event" and action == "stonith":
            self.fences[node] = own
            return
        primitive = event.find("primitive")
        if event.tag == "rsc_op" and primitive is not None and primitive.get("class") != "stonith":
            self.acts.append(Act(own, action, primitive.get("id", ""), node))

    @cached_property
    def earlier(self) -> dict[int, int]:
        """What is done before each action, as a set of bits."""
        found: dict[int, int] = {}
        for own in TopologicalSorter(self.inputs).static_order():
            bits = 0
            for each in self.inputs.get(own, ()):
                bits |= found[each] | 1 << each
            found[own] = bits
        return found

    def first(self, one: int, other: int) -> bool:
        return bool(self.earlier.get(other, 0) >> one & 1)

    def of(self, action: str) -> dict[Place, int]:
        return {(each.primitive, each.node): each.id for each in self.acts if each.action == action}


@dataclass(frozen=True)
class Step:
    """One answer of the scheduler: the cluster before, what is done, and the cluster after."""

    graph: Graph
    before: frozenset[Place]
    after: frozenset[Place]
    promoted: frozenset[Place]
    idle: bool
    end: Path
    stuck: bool = False  # some of it waits for what cannot be done, such as a stop on a lost node

    def done(self, action: str) -> dict[Place, int]:
        return self.graph.of(action)

    @property
    def interrupted(self) -> set[Place]:
        """What is stopped or demoted on nodes that live on, and is not migrated live."""
        moved = set(self.done("migrate_to"))
        found = {*self.done("stop"), *self.done("demote")}
        return {place for place in found - moved if place[1] not in self.graph.fences}


def step(cib: Path, end: Path, *more: str, may_stick: bool = False) -> Step:
    """Ask the scheduler, and leave the cluster that comes of it in ``end``.

    Raises CalledProcessError, also for a transition that cannot be completed unless it may.
    """
    drawn = end.with_suffix(".graph")
    command = ["crm_simulate", "--output-as=xml", "-S", "-x", str(cib), "-O", str(end)]
    done = subprocess.run(
        [*command, "-G", str(drawn), *more],
        capture_output=True,
        check=False,
        env={**os.environ, "CIB_shadow_dir": str(cib.parent)},
    )
    stuck = STUCK in done.stdout
    if not (stuck and may_stick):
        done.check_returncode()
    said = etree.fromstring(done.stdout)
    before, _ = running(said.find("cluster_status"))
    after, promoted = running(said.find("revised_cluster_status"))
    graph = Graph(etree.parse(str(drawn)).getroot())
    return Step(graph, before, after, promoted, not graph.acts, end, stuck)


def running(status: _Element | None) -> tuple[frozenset[Place], frozenset[Place]]:
    """Return what runs where, and what of it is promoted."""
    found, promoted = set(), set()
    for resource in status.iterfind("resources//resource") if status is not None else ():
        if resource.get("resource_agent", "").startswith("stonith:"):
            continue
        name = resource.get("id", "").partition(":")[0]
        here = {(name, node.get("name", "")) for node in resource.iterfind("node")}
        if resource.get("role") in ("Started", "Promoted", "Unpromoted"):
            found |= here
        if resource.get("role") == "Promoted":
            promoted |= here
    return frozenset(found), frozenset(promoted)


# What a topology needs


def needs(document: Document, cluster: Cluster) -> set[Need]:
    """Return every need between primitives, read from the document."""
    units = {unit.id: unit for unit in cluster.resources}
    found = set(in_groups(cluster.resources))
    for section in ("guests", "containers", "gateways"):
        for name, entry in (document.get(section) or {}).items():
            upper = primitives(units[name])[0].id
            for used in storage_of(document, entry):
                found |= {Need(upper, lower) for lower in carried_by(document, units, used)}
            beside = [n for n in networks_of(entry) if n in units]
            if f"{name}-address" in units:
                beside.append(f"{name}-address")
                for network in networks_of(entry)[:1]:
                    lower = primitives(units[network])[0].id
                    found.add(Need(f"{name}-address", lower, firm=False))
            found |= {Need(upper, primitives(units[n])[0].id, firm=False) for n in beside}
    for name in document.get("storage") or {}:
        if name in units:
            upper = primitives(units[name])[0].id
            for used in below(document, name):
                found |= {Need(upper, lower) for lower in carried_by(document, units, used)}
    for name, network in (document.get("networks") or {}).items():
        if network.get("service"):
            daemon = primitives(units["ovs-vswitchd"])[0].id
            found.add(Need(primitives(units[name])[0].id, daemon, firm=False))
    if "lvmlockd" in units:
        found.add(Need("lvmlockd-daemon", "dlm-daemon"))
    return found


def in_groups(resources: Iterable[Resource]) -> Iterator[Need]:
    for unit in resources:
        inner = unit.of if isinstance(unit, Clone) else unit
        if isinstance(inner, Group):
            for lower, upper in pairwise(inner.members):
                yield Need(upper.id, lower.id)


def storage_of(document: Document, entry: Mapping[str, Any]) -> list[str]:
    """Return the storage that a guest, a container or a gateway uses."""
    found = listed(entry.get("storage"))
    for key in ("disks", "luns", "namespaces"):
        for each in entry.get(key, ()):
            found.append(each if isinstance(each, str) else each.get("storage") or each["path"])
    if "path" in entry:
        found.append(entry["path"])
    holders = (each if each[0] != "/" else holder(document, each) for each in found)
    return [each for each in holders if each]


def networks_of(entry: Mapping[str, Any]) -> list[str]:
    plugs = [*listed(entry.get("networks")), *entry.get("nics", ()), *listed(entry.get("network"))]
    return [each if isinstance(each, str) else each["network"] for each in plugs]


def listed(value: Any) -> list[Any]:
    return [] if value is None else list(value) if isinstance(value, list) else [value]


def carried_by(document: Document, units: Mapping[str, Resource], name: str) -> set[str]:
    """Return the primitives of a storage, or of what it lies on if it is none itself."""
    if name in units and units[name].kind == "storage":
        return {primitives(units[name])[0].id}
    return {
        each
        for used in below(document, name)
        if used in document["storage"] or used in units
        for each in carried_by(document, units, used)
    }


def below(document: Document, name: str) -> set[str]:
    """Return what a storage stands on: devices, the file system around it, lock managers."""
    storage = (document.get("storage") or {}).get(name)
    if storage is None:
        return set()
    found = set(storage.get("devices", ()))
    kind = storage["kind"]
    if kind == "gfs2":
        found |= {storage["device"], "dlm"}
    if kind == "lvm":
        access = "lvmlockd" if storage.get("mode") == "shared" else "system_id"
        found |= {"lvmlockd"} if storage.get("access", access) == "lvmlockd" else set()
    if kind in ("directory", "gfs2"):
        found.add(storage["path"].rpartition("/")[0] or "/")
    resolved = {holder(document, each) if each[0] == "/" else each for each in found}
    return {each for each in resolved if each} - {name}


def holder(document: Document, path: str) -> str:
    """Return the storage that a path is in: the innermost, if several are."""
    roots = {root(each): name for name, each in (document.get("storage") or {}).items()}
    around = [each for each in roots if (path + "/").startswith(each + "/")]
    return roots[max(around, key=len)] if around else ""


def root(storage: Mapping[str, Any]) -> str:
    match storage["kind"]:
        case "rbd":
            return f"/dev/rbd/{storage['image']}"
        case "lvm":
            return "/".join(["/dev", storage["vg"], *listed(storage.get("lv"))])
    return str(storage["path"])


def users(wanted: Collection[Need], name: str) -> set[str]:
    """Return what stops when ``name`` does."""
    found, todo = {name}, [name]
    while todo:
        lower = todo.pop()
        new = {each.upper for each in wanted if each.firm and each.lower == lower} - found
        found |= new
        todo += new
    return found


def lowers(wanted: Collection[Need], names: Collection[str]) -> set[str]:
    """Return ``names`` with everything they stand on."""
    found, todo = set(names), list(names)
    while todo:
        upper = todo.pop()
        new = {each.lower for each in wanted if each.upper == upper} - found
        found |= new
        todo += new
    return found


# What is wrong with a step


def wrongs(seen: Step, wanted: Collection[Need], afterwards: Collection[Need] = ()) -> list[str]:
    """Say what a step does too early, or takes away; after it ``afterwards`` holds, if given."""
    later = afterwards or wanted
    return [
        *(said for need in later for said in missing(seen, need)),
        *(said for need in later for said in early_starts(seen, need)),
        *(said for need in wanted for said in taken_away(seen, need)),
        *roles(seen),
    ]


def missing(seen: Step, need: Need) -> Iterator[str]:
    for name, node in seen.after:
        if name == need.upper and (need.lower, node) not in seen.after:
            yield f"{name} ends on {node} without {need.lower}"


def early_starts(seen: Step, need: Need) -> Iterator[str]:
    starts, arrivals = seen.done("start"), seen.done("migrate_from")
    leaving = {name: own for (name, _), own in seen.done("migrate_to").items()}
    for (name, node), own in {**starts, **arrivals}.items():
        if name != need.upper:
            continue
        lower = starts.get((need.lower, node))
        begins = leaving.get(name, own) if (name, node) in arrivals else own
        if lower is None and (need.lower, node) not in seen.before:
            yield f"{name} starts on {node} where {need.lower} is not"
        elif lower is not None and not seen.graph.first(lower, begins):
            yield f"{name} may start on {node} before {need.lower}"


def taken_away(seen: Step, need: Need) -> Iterator[str]:
    stops, starts = seen.done("stop"), seen.done("start")
    for (name, node), own in stops.items():
        if name != need.lower or node in seen.graph.fences:
            continue
        upper = stops.get((need.upper, node))
        if upper is not None and not seen.graph.first(upper, own):
            yield f"{name} may stop on {node} before {need.upper}"
        elif (
            upper is None
            and (need.upper, node) in seen.before
            and (need.firm or (name, node) not in starts)
        ):
            yield f"{name} stops on {node} under {need.upper}"


def roles(seen: Step) -> Iterator[str]:
    """Say what is promoted, or started elsewhere, before it has left the other node."""
    starts, stops = seen.done("start"), seen.done("stop")
    demotes = seen.done("demote")
    for (name, node), own in seen.done("promote").items():
        if (name, node) in starts and not seen.graph.first(starts[name, node], own):
            yield f"{name} may be promoted on {node} before it starts"
        for (other, there), each in demotes.items():
            if other == name and not seen.graph.first(each, own):
                yield f"{name} may be promoted on {node} before it is demoted on {there}"
    for place, own in demotes.items():
        if place in stops and not seen.graph.first(own, stops[place]):
            yield f"{place[0]} may stop on {place[1]} before it is demoted"
    for name, node in starts:
        for there, fenced in seen.graph.fences.items():
            if (name, there) in seen.before and not seen.graph.first(fenced, starts[name, node]):
                yield f"{name} may start on {node} before {there} is fenced"
