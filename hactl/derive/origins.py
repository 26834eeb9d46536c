"""Which key of a topology each id of a resource comes from, asked of what was derived."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from hactl.derive.addresses import IPADDR2
from hactl.derive.containers import container_parts
from hactl.derive.fencing import device_id, fence_devices, used_devices
from hactl.derive.gateways import gateway_parts
from hactl.derive.guests import guest_parts
from hactl.derive.locks import lock_parts
from hactl.derive.needs import Survey
from hactl.derive.networks import network_parts, served_by_cluster
from hactl.derive.raw import parts_of
from hactl.derive.storage import storage_parts
from hactl.model.resource import Clone, Group, Primitive, Resource, primitives
from hactl.topology.schema.document import Document
from hactl.topology.schema.raw import raw_members

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Origin:
    """``id`` comes from ``path``; ``agent`` is what it was made for, '' where somebody wrote it."""

    id: str
    path: Path
    agent: str = ""


def origins(document: Document, survey: Survey) -> Iterator[Origin]:
    """Yield every id of a resource that the CIB will have; one that is there twice comes twice."""
    yield from of_networks(document)
    yield from of_storage(document, survey)
    yield from of_locks(document)
    for name in document.guests:
        yield from made(("guests", name), guest_parts(document, name, survey).resources)
    for name in document.containers:
        yield from made(("containers", name), container_parts(document, name, survey).resources)
    for name in document.gateways:
        yield from made(("gateways", name), gateway_parts(document, name, survey).resources)
    yield from of_fencing(document)
    yield from of_raw(document)


def made(path: Path, resources: Iterable[Resource]) -> Iterator[Origin]:
    for resource in resources:
        yield from within(path, resource)


def within(path: Path, resource: Resource) -> Iterator[Origin]:
    """Yield a resource and its parts; the one that is called like its entry was written there."""
    agents = [str(primitive.agent) for primitive in primitives(resource)]
    own = resource.id == path[-1]
    where = (*path, "address") if agents == [str(IPADDR2)] else path
    yield Origin(resource.id, where, "" if own else agents[-1])
    inner: tuple[Primitive | Group, ...] = ()
    if isinstance(resource, Clone):
        inner = (resource.of,)
    elif isinstance(resource, Group):
        inner = resource.members
    for part in inner:
        yield from within(path, part)


def of_networks(document: Document) -> Iterator[Origin]:
    service: Path = next(
        (("networks", name, "service") for name, _ in served_by_cluster(document)), ()
    )
    for clone in network_parts(document).resources:
        own = clone.id in document.networks
        yield from within(("networks", clone.id) if own else service, clone)


def of_storage(document: Document, survey: Survey) -> Iterator[Origin]:
    for name in document.storage:
        yield from made(("storage", name), storage_parts(document, survey, name).resources)


def of_locks(document: Document) -> Iterator[Origin]:
    """Yield the lock managers: there once for all, they come from the first that needs them."""
    for manager in lock_parts(document).resources:
        first = next(n for n, s in document.storage.items() if manager.id in s.lock_managers)
        yield from within(("storage", first), manager)


def of_fencing(document: Document) -> Iterator[Origin]:
    paths: dict[str, Path] = {
        device_id(device, node): ("nodes", node, "fencing", device)
        for node, device in used_devices(document)
    }
    for device in fence_devices(document).resources:
        yield from within(paths.get(device.id, ("fencing", "watchdog")), device)


def of_raw(document: Document) -> Iterator[Origin]:
    for index, item in enumerate(document.raw):
        members = {member.id: ("raw", index, *place, "id") for place, member in raw_members(item)}
        for resource in parts_of(item).resources:
            for origin in within(("raw", index), resource):
                written = origin.id in members or origin.id == resource.id
                path = members.get(origin.id, ("raw", index, "id"))
                yield Origin(origin.id, path, "" if written else origin.agent)
