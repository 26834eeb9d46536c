"""What a gateway serves, as its agent reads it: NUMBER=PATH,key=value for each."""

from __future__ import annotations

from collections.abc import Iterator

from hactl.derive.needs import Survey
from hactl.derive.operations import written
from hactl.derive.rbd_attachment import BY_LIBRBD, NATIVE, exports
from hactl.topology.schema.document import Document
from hactl.topology.schema.gateways import Export, Gateway, Lun, Namespace
from hactl.topology.schema.storage import Rbd

LUN_KEYS = ("write_cache", "block_size", "serial", "naa")
NAMESPACE_KEYS = ("uuid", "nguid")


def exports_text(document: Document, survey: Survey, gateway: Gateway) -> str:
    """Return all that can be resolved; what cannot is left out for the lint to report."""
    texts = (
        export_text(number, path, export, opened_as(document, export, path))
        for number, export in numbered(gateway)
        if (path := path_of(document, survey, export))
    )
    return " ".join(texts)


def numbered(gateway: Gateway) -> Iterator[tuple[int, Export]]:
    """Yield every export with its number: what it says, or else its place in the list from 1."""
    for place, export in enumerate(exports(gateway), 1):
        own = getattr(export, "lun", None) if isinstance(export, Lun) else own_nsid(export)
        yield (place if own is None else own), export


def own_nsid(export: Export) -> int | None:
    return export.nsid if isinstance(export, Namespace) else None


def path_of(document: Document, survey: Survey, export: Export) -> str | None:
    """Return what is served: a path, or rbd:POOL/IMAGE for what is opened by librbd."""
    if export.path:
        return export.path
    if export.storage not in document.storage:
        return None
    storage = document.storage[export.storage]
    if isinstance(storage, Rbd) and survey.attached.get(export.storage) == NATIVE:
        return f"{BY_LIBRBD}{storage.image}"
    return storage.block_device(export.volume)


def opened_as(document: Document, export: Export, path: str) -> dict[str, str]:
    """Return as whom an image is opened by librbd."""
    storage = document.storage.get(export.storage or "")
    if isinstance(storage, Rbd) and path.startswith(BY_LIBRBD):
        return written(storage, "client", "conf")
    return {}


def export_text(number: int, path: str, export: Export, opened: dict[str, str]) -> str:
    keys = LUN_KEYS if isinstance(export, Lun) else NAMESPACE_KEYS
    found = written(export, *keys)
    if isinstance(export, Lun) and export.read_only is not None:
        found["readonly"] = str(export.read_only).lower()
    found |= opened | export.params
    return ",".join([f"{number}={path}", *(f"{key}={value}" for key, value in found.items())])
