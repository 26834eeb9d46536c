"""Storage -> clones of what mounts it on every node; nothing for what is simply there."""

from __future__ import annotations

from hactl.model.dependency import needs
from hactl.model.resource import Agent, Clone, Operation, Primitive
from hactl.topology.build.parts import Parts
from hactl.topology.schema.document import Document
from hactl.topology.survey import holder

FILESYSTEM = Agent("ocf", "heartbeat", "Filesystem")
OPERATIONS = (
    Operation("start", 60_000),
    Operation("stop", 120_000),
    Operation("monitor", 40_000, interval=20_000),
)


def storage_parts(document: Document, name: str) -> Parts:
    """Return the clone that mounts a storage, after the one that it is mounted in."""
    storage = document.storage[name]
    if storage.device is None:
        return Parts()
    params = {"device": storage.device, "directory": storage.path}
    if storage.fstype:
        params["fstype"] = storage.fstype
    if storage.options:
        params["options"] = storage.options
    mount = Primitive(f"{name}-mount", FILESYSTEM, "storage", params, operations=OPERATIONS)
    clone = Clone(id=name, kind="storage", of=mount, meta={"interleave": "true"})
    below = carrier(document, above(document, name))
    return Parts((clone,), needs(name, below) if below else ())


def carrier(document: Document, name: str | None) -> str | None:
    """Return the storage whose mount carries this one: itself, if it is mounted."""
    while name and document.storage[name].device is None:
        name = above(document, name)
    return name


def above(document: Document, name: str) -> str | None:
    """Return the storage that the directory of this one is in."""
    parent, _, own = document.storage[name].path.rpartition("/")
    return holder(document, parent or "/") if own else None
