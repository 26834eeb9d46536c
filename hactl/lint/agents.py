"""What hactl's own agents say to the parameters they would get, asked before anything runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from hactl import catalog
from hactl.derive.fencing import device_id, used_devices
from hactl.errors import Problem
from hactl.lint.gateways import gateways
from hactl.lint.parameters import parameters
from hactl.lint.references import references
from hactl.lint.subject import Subject
from hactl.model.resource import Primitive, primitives
from hactl.topology.schema.raw import RawGroup, RawPrimitive
from hactl.topology.yaml.positions import Step

OURS = ("ocf:hactl:", "stonith:fence_")
# Rules that know better where a parameter comes from.
CLOSER = (parameters, references, gateways)
# Different for every guest, and made by hactl: what is left decides whether two are alike.
OF_ITS_OWN = frozenset({"domain", "definition", "name", "container", "bridge", "ports"})


def agents(subject: Subject) -> Iterator[Problem]:
    """No resource has parameters that its agent would refuse to start with."""
    said: dict[object, list[str]] = {}
    # What is wrong by itself has been reported where it stands.
    reported = [problem.path for rule in CLOSER for problem in rule(subject)]
    for primitive, path in owned(subject):
        agent = str(primitive.agent)
        key = (agent, alike(primitive))
        if key not in said:
            said[key] = catalog.judge(agent, as_asked(primitive))
        for complaint in said[key]:
            problem = subject.topology.problem(
                path, complaint, f"see `hactl agents describe {primitive.agent.type}`"
            )
            if not any(is_in(path, problem.path) for path in reported):
                yield problem


def as_asked(primitive: Primitive) -> Mapping[str, str]:
    """Its parameters, with what Pacemaker adds for the one node that it fences."""
    target = primitive.params.get("pcmk_host_list", "")
    if primitive.agent.standard != "stonith" or " " in target:
        return primitive.params
    return {"plug": target, **primitive.params}


def is_in(path: str, entry: str) -> bool:
    return path == entry or path.startswith((f"{entry}.", f"{entry}["))


def alike(primitive: Primitive) -> frozenset[tuple[str, str]]:
    return frozenset(
        (name, "" if name in OF_ITS_OWN else value) for name, value in primitive.params.items()
    )


def owned(subject: Subject) -> Iterator[tuple[Primitive, Sequence[Step]]]:
    """Yield every primitive of an agent of ours, and the entry it was made from."""
    document = subject.topology.document
    paths: dict[str, Sequence[Step]] = {
        name: (section, name)
        for section in ("networks", "storage", "guests", "containers", "gateways")
        for name in getattr(document, section)
    }
    for index, item in enumerate(document.raw):
        if isinstance(item, RawPrimitive | RawGroup):
            paths[item.id] = ("raw", index)
    for node, device in used_devices(document):
        paths[device_id(device, node)] = ("nodes", node, "fencing", device)
    for resource in subject.cluster.resources:
        for primitive in primitives(resource):
            if str(primitive.agent).startswith(OURS):
                yield primitive, paths.get(resource.id, ())
