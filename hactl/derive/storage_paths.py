"""Which storage of a topology a path lies in."""

from __future__ import annotations

from hactl.topology.schema.document import Document


def holder(document: Document, path: str) -> str | None:
    """Return the storage a path is in: the deepest, where one is inside another.

    ``rbd:POOL/IMAGE`` stands for an image that is opened without being mapped.
    """
    roots = document.storage_roots
    place = path.replace("rbd:", "/dev/rbd/", 1) if path.startswith("rbd:") else path
    while place and place != "/":
        if place in roots:
            return roots[place]
        place = place.rpartition("/")[0]
    return roots.get("/") if path.startswith("/") else None
