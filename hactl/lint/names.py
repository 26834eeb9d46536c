"""Names that are taken: every name becomes an id, and an id is there once."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from hactl.derive.addresses import address_id
from hactl.derive.fencing import PILL, device_id, used_devices
from hactl.derive.locks import DLM, LVMLOCKD, access
from hactl.derive.networks import VSWITCHD, served_by_cluster
from hactl.derive.rbd_attachment import EVERYWHERE, NATIVE, several_paths
from hactl.errors import Problem
from hactl.lint import Subject
from hactl.lint.remote_nodes import remote_nodes
from hactl.topology.messages import dotted
from hactl.topology.schema.document import Document
from hactl.topology.schema.gateways import Gateway
from hactl.topology.schema.raw import RawGroup, RawPrimitive
from hactl.topology.schema.storage import Directory, Gfs2, Lvm
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
    """Yield every id of a resource, where it comes from, and how it was made if it was."""
    document = subject.topology.document
    for section in ("networks", "storage", "guests", "containers", "gateways"):
        for name in getattr(document, section):
            # An image that its guest opens itself is no resource, and may be called like it.
            if section != "storage" or subject.survey.attached.get(name) != NATIVE:
                yield name, (section, name), ""
    for name in document.networks:
        yield f"{name}-bridge", ("networks", name), "for the bridge"
    yield from storage_claims(subject)
    yield from shared_claims(document)
    for name, container in document.containers.items():
        if container.address:
            yield f"{name}-address", ("containers", name, "address"), "for the address"
    for name, gateway in document.gateways.items():
        yield from gateway_claims(name, gateway)
    for node, device in used_devices(document):
        path = ("nodes", node, "fencing", device)
        yield device_id(device, node), path, "for the fence device"
    if document.fencing.watchdog and document.fencing.watchdog.disks:
        for node in document.nodes:
            yield device_id(PILL, node), ("fencing", "watchdog"), "for SBD"
    yield from raw_claims(document)
    for key, remote, made in remote_nodes(document):
        if made:
            yield remote, key, made


def storage_claims(subject: Subject) -> Iterator[Claim]:
    for name, storage in subject.topology.document.storage.items():
        if isinstance(storage, Gfs2) or (isinstance(storage, Directory) and storage.device):
            yield f"{name}-mount", ("storage", name), "for the mount"
        elif isinstance(storage, Lvm) and storage.mode == "shared":
            yield f"{name}-vg", ("storage", name), "for the volume group"
        elif subject.survey.attached.get(name) == EVERYWHERE:
            yield f"{name}-image", ("storage", name), "for the image"


def shared_claims(document: Document) -> Iterator[Claim]:
    """Yield what is there once for all that need it; it comes from the first of them."""
    for name, storage in document.storage.items():
        if isinstance(storage, Gfs2) or (isinstance(storage, Lvm) and access(storage) == LVMLOCKD):
            yield from daemon_claims(DLM, ("storage", name), "for the lock manager")
            break
    for name, storage in document.storage.items():
        if isinstance(storage, Lvm) and access(storage) == LVMLOCKD:
            yield from daemon_claims(LVMLOCKD, ("storage", name), "for the locks of LVM")
            break
    for name, _ in served_by_cluster(document):
        yield from daemon_claims(VSWITCHD, ("networks", name, "service"), "for Open vSwitch")
        break


def daemon_claims(name: str, path: Sequence[Step], what: str) -> Iterator[Claim]:
    yield name, path, what
    yield f"{name}-daemon", path, what


def gateway_claims(name: str, gateway: Gateway) -> Iterator[Claim]:
    path = ("gateways", name)
    yield f"{name}-target", path, "for the target"
    if several_paths(gateway):
        return
    yield f"{name}-gate", path, "for the gate"
    for place in range(len(gateway.address)):
        yield address_id(name, place), (*path, "address"), "for the address"


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
