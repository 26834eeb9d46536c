"""How a Ceph image reaches its users: opened by librbd, or mapped on one node or on all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from hactl.derive.storage_paths import holder
from hactl.topology.schema.document import Document
from hactl.topology.schema.gateways import Export, Gateway, Iscsi
from hactl.topology.schema.storage import Rbd

NATIVE, MAPPED, EVERYWHERE = "native", "mapped", "everywhere"
BY_LIBRBD = "rbd:"

Use = tuple[str, str]


def attachments(document: Document, disks: Mapping[str, Iterable[str]]) -> dict[str, str]:
    """Return how each image is attached: as it says, or as the most demanding user needs it.

    ``disks`` are the disks that definitions of guests and containers name. An image that nobody
    uses is native: there is nothing to map it for.
    """
    images = [name for name, storage in document.storage.items() if isinstance(storage, Rbd)]
    if not images:
        return {}
    wanted: dict[str, set[str]] = {name: set() for name in images}
    for name, how in uses(document, disks):
        if name in wanted:
            wanted[name].add(how)
    return {name: chosen(document, name, wanted[name]) for name in images}


def chosen(document: Document, name: str, wanted: set[str]) -> str:
    storage = document.storage[name]
    if isinstance(storage, Rbd) and storage.attach:
        return storage.attach
    return next((how for how in (EVERYWHERE, MAPPED, NATIVE) if how in wanted), NATIVE)


def uses(document: Document, disks: Mapping[str, Iterable[str]]) -> Iterator[Use]:
    """Yield each use of a storage, and how that user needs it."""
    for storage in document.storage.values():
        how = EVERYWHERE if storage.is_shared else MAPPED
        for _, device in storage.lies_on:
            if name := of(document, device):
                yield name, how
    for gateway in document.gateways.values():
        how = EVERYWHERE if several_paths(gateway) else MAPPED
        yield from ((name, how) for each in exports(gateway) if (name := exported(document, each)))
    yield from by_guests(document, disks)


def by_guests(document: Document, disks: Mapping[str, Iterable[str]]) -> Iterator[Use]:
    for guest in document.guests.values():
        yield from ((disk.storage, NATIVE) for disk in guest.disks if disk.storage)
        paths = [path for disk in guest.disks if (path := disk.path)]
        yield from ((name, MAPPED) for path in paths if (name := holder(document, path)))
    for path in (path for some in disks.values() for path in some):
        if name := holder(document, path):
            yield name, NATIVE if path.startswith(BY_LIBRBD) else MAPPED
    for name, guest in document.guests.items():
        # Named beside a definition that opens it by librbd, it needs no mapping.
        native = any(path.startswith(BY_LIBRBD) for path in disks.get(name, ()))
        yield from ((storage, NATIVE if native else MAPPED) for storage in guest.storage)
    for container in document.containers.values():
        yield from ((storage, MAPPED) for storage in container.storage)


def of(document: Document, device: str) -> str | None:
    """Return the storage that a device is, by its name or by its path."""
    return holder(document, device) if device.startswith("/") else device


def exported(document: Document, export: Export) -> str | None:
    """Return the storage that an export is, or is in."""
    if export.storage:
        return export.storage
    return holder(document, export.path) if export.path else None


def exports_key(gateway: Gateway) -> str:
    return "luns" if isinstance(gateway, Iscsi) else "namespaces"


def exports(gateway: Gateway) -> Sequence[Export]:
    found: Sequence[Export] = getattr(gateway, exports_key(gateway), ())
    return found


def several_paths(gateway: Gateway) -> bool:
    """Whether a gateway serves from several nodes at once."""
    return getattr(gateway, "mode", "failover") != "failover"
