"""Names that are taken: every name becomes an id, and an id is there once."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from hactl.errors import Problem
from hactl.topology.build.fencing import device_id, used_devices
from hactl.topology.lint import Subject
from hactl.topology.messages import dotted
from hactl.topology.places import Step
from hactl.topology.schema.document import Document
from hactl.topology.schema.raw import RawGroup, RawPrimitive

Claim = tuple[str, Sequence[Step], str]
RESERVED = "hactl-"

# The ids of a resource's parts: what follows NAME- in them.
PART = re.compile(r"(instance_attributes|meta_attributes|utilization)(-.*)?|[a-z_-]+-interval-.*")


def names(subject: Subject) -> Iterator[Problem]:
    """No two things share an id, and none looks like one that hactl makes."""
    topology = subject.topology
    seen: dict[str, Claim] = {}
    for claim in claims(topology.document):
        name, path, _ = claim
        folded = name.lower()
        if folded in seen:
            message, hint = taken(claim, seen[folded])
            yield topology.problem(path, message, hint)
        elif name.startswith(RESERVED):
            yield topology.problem(
                path, f"names that begin with {RESERVED} are hactl's own", "choose another name"
            )
        seen.setdefault(folded, claim)
    for name, path, _ in seen.values():
        if owner := part_of(name, seen):
            yield topology.problem(
                path,
                f"{name!r} is an id that hactl makes for a part of {owner!r}",
                "choose another name",
            )


def claims(document: Document) -> Iterator[Claim]:
    """Yield every id of a resource, where it comes from, and how it was made if it was."""
    for section in ("networks", "storage", "guests", "containers"):
        for name in getattr(document, section):
            yield name, (section, name), ""
    for name in document.networks:
        yield f"{name}-bridge", ("networks", name), "for the bridge"
    for name, storage in document.storage.items():
        if storage.device:
            yield f"{name}-mount", ("storage", name), "for the mount"
    for name, container in document.containers.items():
        if container.address:
            yield f"{name}-address", ("containers", name, "address"), "for the address"
    for node, device in used_devices(document):
        path = ("nodes", node, "fencing", device)
        yield device_id(device, node), path, "for the fence device"
    yield from raw_claims(document)


def raw_claims(document: Document) -> Iterator[Claim]:
    for index, item in enumerate(document.raw):
        path = ("raw", index)
        if isinstance(item, RawPrimitive):
            yield item.id, (*path, "id"), ""
            if item.clone:
                yield f"{item.id}-instance", (*path, "id"), "for the instances"
        elif isinstance(item, RawGroup):
            yield item.id, (*path, "id"), ""
            if item.clone:
                yield f"{item.id}-group", (*path, "id"), "for the group"
            for place, member in enumerate(item.members):
                yield member.id, (*path, "members", place, "id"), ""


def taken(claim: Claim, first: Claim) -> tuple[str, str]:
    name, _, made = claim
    other, path, other_made = first
    role = f", the id hactl makes {made}," if made else ""
    whose = f"{dotted(path)} ({other_made.removeprefix('for ')})" if other_made else dotted(path)
    if name != other:
        return f"{name!r}{role} differs only in case from {other!r} of {whose}", "rename one"
    return f"the name {name!r}{role} is taken by {whose}", "rename one of them"


def part_of(name: str, seen: dict[str, Claim]) -> str | None:
    """Return the resource of which ``name`` would be the id of a part."""
    for match in re.finditer("-", name):
        owner, rest = name[: match.start()], name[match.end() :]
        if owner.lower() in seen and PART.fullmatch(rest):
            return owner
    return None
