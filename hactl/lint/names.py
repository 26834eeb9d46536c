"""Names that are taken: every name becomes an id, and an id is there once."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from hactl.derive import prepared
from hactl.derive.origins import origins
from hactl.derive.rbd_attachment import NATIVE
from hactl.errors import Problem
from hactl.lint.remote_nodes import remote_nodes
from hactl.lint.subject import Subject
from hactl.topology.messages import dotted
from hactl.topology.yaml.positions import Step

Claim = tuple[str, Sequence[Step], str]
RESERVED = "hactl-"

# The ids of a resource's parts: what follows NAME- in them.
PART = re.compile(r"(instance_attributes|meta_attributes|utilization)(-.*)?|[a-z_-]+-interval-.*")


def names(subject: Subject) -> Iterator[Problem]:
    """No two things share an id, and none looks like one that hactl makes."""
    topology = subject.topology
    seen: dict[str, Claim] = {}
    for claim in claims(subject):
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


def claims(subject: Subject) -> Iterator[Claim]:
    """Yield every name and every id made from one, where it comes from, and for what it is made."""
    document = subject.topology.document
    for section in ("networks", "storage", "guests", "containers", "gateways"):
        for name in getattr(document, section):
            # An image that its guest opens itself is not a resource, and may be called like it.
            if section != "storage" or subject.survey.attached.get(name) != NATIVE:
                yield name, (section, name), ""
    for origin in origins(document, prepared(document, subject.survey)):
        if origin.agent or origin.path[0] in ("raw", "fencing"):
            yield origin.id, origin.path, f"for {origin.agent}" if origin.agent else ""
    for key, remote, made in remote_nodes(document):
        if made:
            yield remote, key, made


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
