"""Which storage of a topology a path lies in."""

from __future__ import annotations

from hactl.topology.schema.document import Document


def holder(document: Document, path: str) -> str | None:
    """Return the storage a path is in: the deepest, where one is inside another.

    ``rbd:POOL/IMAGE`` stands for an image that is opened without being mapped.
    """
    wanted = path.replace("rbd:", "/dev/rbd/", 1) if path.startswith("rbd:") else path
    inside = [
        (len(root), name)
        for name, storage in document.storage.items()
        if (wanted + "/").startswith((root := storage.root).rstrip("/") + "/")
    ]
    return max(inside)[1] if inside else None
