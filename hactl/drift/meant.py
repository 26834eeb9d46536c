"""A topology -> what has to be found on every node."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hactl.drift.nodes import Intended
from hactl.topology.schema.document import Document
from hactl.topology.schema.networks import Bridge
from hactl.topology.schema.raw import RawXml

CONFIG = re.compile(r'name="config"[^>]*value="(/[^"]+)"')


def meant(document: Document) -> Intended:
    """Return what the nodes have to have: files, bridges, mounts and memory."""
    return Intended(
        files=tuple(dict.fromkeys(files(document))),
        ports={
            n.bridge: tuple(n.ports) for n in document.networks.values() if isinstance(n, Bridge)
        },
        mounts=tuple(s.root for s in document.storage.values() if s.is_mounted),
        memory={name: node.memory for name, node in document.nodes.items() if node.memory},
    )


def files(document: Document) -> Iterator[str]:
    """Yield the definitions that guests and containers start from."""
    yield from (g.definition for g in document.guests.values() if g.definition)
    for item in document.raw:
        if isinstance(item, RawXml):
            yield from CONFIG.findall(item.xml)
