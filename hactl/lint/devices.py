"""What is wrong with fence devices and levels as the CIB would have them, told where they stand."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from hactl.derive.fencing import device_id, used_devices
from hactl.errors import Problem
from hactl.fencing.configuration import Device, Fencing, Level, said
from hactl.fencing.faults import faults
from hactl.fencing.finding import Finding
from hactl.lint import Subject
from hactl.lint.fencing import fencing, quorum, two_nodes
from hactl.lint.parameters import parameters
from hactl.lint.properties import properties
from hactl.lint.references import references
from hactl.lint.watchdog import watchdog
from hactl.model.cluster import Cluster
from hactl.model.constraint import Location
from hactl.model.resource import primitives
from hactl.topology.load import Topology
from hactl.topology.schema.raw import RawGroup, RawPrimitive
from hactl.topology.yaml.positions import Step

# Rules that say the same in the words of the file.
CLOSER = (fencing, two_nodes, watchdog, quorum, parameters, properties, references)


def devices(subject: Subject) -> Iterator[Problem]:
    """Ask what `hactl fence check` asks of a CIB."""
    topology = subject.topology
    if not topology.document.cluster.fencing:
        return
    closer = [problem for rule in CLOSER for problem in rule(subject)]
    paths = places(topology)
    seen: set[tuple[str, str]] = set()
    for finding in faults(rendered(subject.cluster)):
        path = narrowed(topology, paths.get(finding.subject, ()), finding)
        message, hint = (in_words_of(topology, text) for text in (finding.message, finding.hint))
        problem = topology.problem(path, message, hint, finding.severity)
        fresh = (problem.path, message) not in seen and not is_said(problem, closer)
        if fresh and len(path) > 1:
            seen.add((problem.path, message))
            yield problem


def is_said(problem: Problem, closer: Sequence[Problem]) -> bool:
    """Whether one of these is about the same."""
    of_levels = problem.path.endswith(".fencing")
    return any(
        other.message == problem.message
        or (of_levels and other.path.startswith("fencing.levels"))
        or (not of_levels and f"{other.path}.".startswith(f"{problem.path}."))
        for other in closer
    )


def rendered(cluster: Cluster) -> Fencing:
    """Return the fencing of a cluster as `hactl.fencing.configuration` reads it from its CIB."""
    banned: dict[str, set[str]] = {}
    for each in cluster.constraints:
        if isinstance(each, Location) and each.score < 0:
            banned.setdefault(each.rsc, set()).add(each.node)
    made = [
        Device(
            primitive.id,
            primitive.agent.type,
            primitive.params,
            frozenset(banned.get(primitive.id, ())),
            primitive.meta.get("target-role", "").lower() != "stopped",
            primitive.meta,
        )
        for resource in cluster.resources
        for primitive in primitives(resource)
        if primitive.agent.standard == "stonith"
    ]
    return Fencing(
        enabled=cluster.properties.get("stonith-enabled") != "false",
        timeout=said(cluster.properties, "timeout", "60s"),
        nodes=tuple(node.name for node in cluster.nodes),
        online=frozenset(),
        devices=tuple(made),
        levels=tuple(
            Level(each.node, each.index, each.devices, (each.node,))
            for each in cluster.fencing_levels
        ),
        properties=cluster.properties,
        requires={
            primitive.id: primitive.meta["requires"]
            for resource in cluster.resources
            for primitive in primitives(resource)
            if "requires" in primitive.meta
        },
    )


def places(topology: Topology) -> dict[str, Sequence[Step]]:
    """Return where that stands which a finding is about."""
    document = topology.document
    found: dict[str, Sequence[Step]] = {"cluster": ("cluster",)}
    for node in document.nodes:
        found[f"node {node}"] = ("nodes", node)
        for index in range(1, 10):
            found[f"level {index} of {node}"] = ("nodes", node, "fencing")
    for node, device in used_devices(document):
        found[f"device {device_id(device, node)}"] = ("nodes", node, "fencing", device)
    for index, item in enumerate(document.raw):
        if isinstance(item, RawPrimitive):
            found[f"device {item.id}"] = ("raw", index)
        elif isinstance(item, RawGroup):
            for place, member in enumerate(item.members):
                found[f"device {member.id}"] = ("raw", index, "members", place)
    return found


def narrowed(topology: Topology, path: Sequence[Step], finding: Finding) -> Sequence[Step]:
    """Return the place of the very key that a finding names, if it names one that is there."""
    words = set(re.findall(r"\d+\.[\d.]+|[\w-]+", finding.message))
    for where, given in keys(topology, path):
        named = [name for name, value in given.items() if {name, value} & words]
        if named:
            return (*where, named[0])
    return path


def keys(
    topology: Topology, path: Sequence[Step]
) -> Iterator[tuple[Sequence[Step], Mapping[str, str]]]:
    document = topology.document
    match path:
        case ("cluster",):
            yield ("cluster", "properties"), document.cluster.properties
        case ("nodes", str(node), "fencing", str(device)):
            yield path, document.nodes[node].fencing[device]
            declared = document.fencing.devices[device]
            yield ("fencing", "devices", device), declared.parameters


def in_words_of(topology: Topology, text: str) -> str:
    """The devices by their names in the file; what is quoted is a value, and stays."""
    text = text.replace("stonith-enabled=false", "cluster.fencing: false")
    for node, device in used_devices(topology.document):
        text = re.sub(rf"(?<![\w'-]){re.escape(device_id(device, node))}(?![\w'-])", device, text)
    return text
