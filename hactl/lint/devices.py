"""What is wrong with fence devices and levels as the CIB would have them, told where they stand.

`hactl.fencing.faults` judges the fencing of a CIB; here the cluster of a topology is shown to it,
and its findings are put into the words and the places of the file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from hactl.derive.fencing import device_id, used_devices
from hactl.errors import Problem
from hactl.fencing.configuration import Device, Fencing, Level, fencing_property
from hactl.fencing.faults import faults
from hactl.fencing.finding import CLUSTER, Finding
from hactl.fencing.finding import Subject as Part
from hactl.lint.subject import Subject
from hactl.model.cluster import Cluster
from hactl.model.constraint import Location
from hactl.model.fencing import FencingLevel
from hactl.model.resource import primitives
from hactl.topology.load import Topology
from hactl.topology.schema.document import Document
from hactl.topology.schema.raw import RawXml, raw_members
from hactl.topology.yaml.positions import Step

# What another rule says closer to the file: names that are not there, keys that hactl writes
# itself, properties that have a key of their own, and what hactl makes good in the CIB.
SAID_OF_THE_FILE = frozenset(
    {
        "cluster.off",
        "cluster.action",
        "cluster.timeout",
        "cluster.startup-fencing",
        "device.unknown-parameter",
        "device.secret-in-cib",
        "device.fences-stranger",
        "device.in-no-level",
        "level.device-twice",
        "cluster.tie",
        "level.no-device",
        "level.device-of-others",
    }
)
# Where a property of the cluster has a key of its own.
SECTIONS: dict[str, Sequence[Step]] = {
    "cluster.ignores-quorum": ("cluster", "no_quorum_policy"),
}
# What mends it in a topology, where that is not what mends it in a CIB.
MENDS = {
    "node.unfenced": "add fencing: {DEVICE: {plug: ...}}, or set cluster.fencing: false",
    "level.dump-not-first": "put it first in fencing.levels, alone",
    "cluster.ignores-quorum": "write no_quorum_policy: stop, or freeze",
}


def devices(subject: Subject) -> Iterator[Problem]:
    """Ask what `hactl fence check` asks of a CIB."""
    topology = subject.topology
    document = topology.document
    if not document.cluster.fencing or keeps_devices(document):
        return
    paths = places(topology, subject.cluster)
    seen: set[tuple[str, str]] = set()
    for finding in faults(rendered(subject.cluster)):
        path = place_of(topology, paths, finding)
        problem = problem_of(topology, path, finding)
        if path and not is_said(topology, finding):
            if (problem.path, problem.message) not in seen:
                yield problem
            seen.add((problem.path, problem.message))


def is_said(topology: Topology, finding: Finding) -> bool:
    """Whether another rule says it: also of a node whose devices are not there at all."""
    nodes = topology.document.nodes
    missing = finding.rule == "node.unfenced" and nodes[finding.subject.name].fencing
    return finding.rule in SAID_OF_THE_FILE or bool(missing)


def keeps_devices(document: Document) -> bool:
    """Whether devices are held to the letter: `hactl fence check` judges them in the CIB."""
    kept = (item.xml for item in document.raw if isinstance(item, RawXml))
    return any('class="stonith"' in xml for xml in kept)


def problem_of(topology: Topology, path: Sequence[Step], finding: Finding) -> Problem:
    message = in_words_of(topology, finding.message)
    hint = MENDS.get(finding.rule) or in_words_of(topology, finding.hint)
    return topology.problem(path, message, hint, finding.severity)


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
        timeout=fencing_property(cluster.properties, "timeout", "60s"),
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


def places(topology: Topology, cluster: Cluster) -> dict[Part, Sequence[Step]]:
    """Return where in the file that is which a finding may be about."""
    document = topology.document
    found: dict[Part, Sequence[Step]] = {CLUSTER: ("cluster",)}
    for node in document.nodes:
        found[Part.node(node)] = ("nodes", node)
    for level in cluster.fencing_levels:
        found[Part.level(level.index, level.node)] = level_place(document, level)
    for node, device in used_devices(document):
        found[Part.device(device_id(device, node))] = ("nodes", node, "fencing", device)
    for index, item in enumerate(document.raw):
        for place, member in raw_members(item):
            found[Part.device(member.id)] = ("raw", index, *place)
    return found


def level_place(document: Document, level: FencingLevel) -> Sequence[Step]:
    """Return the level of the file that became a node's, or the node where nobody wrote levels."""
    own = document.nodes[level.node].fencing
    names = {device_id(device, level.node): device for device in own}
    devices = {names.get(device) for device in level.devices}
    for index, written in enumerate(document.fencing.levels):
        if devices == {device for device in written if device in own}:
            return ("fencing", "levels", index)
    return ("nodes", level.node, "fencing")


def place_of(
    topology: Topology, paths: Mapping[Part, Sequence[Step]], finding: Finding
) -> Sequence[Step]:
    """Return the key that a finding names, or else the place of what it is about."""
    path = paths.get(finding.subject, ())
    for where, given in keys(topology, path):
        if finding.key in given:
            return (*where, finding.key)
    return path if len(path) > 1 else SECTIONS.get(finding.rule, ())


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
