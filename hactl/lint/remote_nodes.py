"""Who becomes a Pacemaker node without running corosync."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hactl.topology.schema.document import Document
from hactl.topology.schema.raw import raw_members
from hactl.topology.yaml.positions import Step

GUEST = "for the remote node"


def remote_nodes(document: Document) -> Iterator[tuple[Sequence[Step], str, str]]:
    """Yield the key that makes a remote node, its name, and what made the name if not an id did."""
    for section in ("guests", "containers"):
        for name, entry in getattr(document, section).items():
            if remote := entry.meta.get("remote-node"):
                yield (section, name, "meta", "remote-node"), remote, GUEST
    for index, item in enumerate(document.raw):
        for place, member in raw_members(item):
            if remote := member.meta.get("remote-node"):
                yield ("raw", index, *place, "meta", "remote-node"), remote, GUEST
            if member.agent == "ocf:pacemaker:remote":
                yield ("raw", index, *place, "id"), member.id, ""
