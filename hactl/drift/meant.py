"""A topology -> what has to be found on every node."""

from __future__ import annotations

from collections.abc import Iterator

from lxml import etree
from lxml.etree import _Element

from hactl.cib.read import first
from hactl.drift.nodes import Intended
from hactl.topology.schema.document import Document
from hactl.topology.schema.networks import Bridge
from hactl.topology.schema.raw import RawXml

CONFIG = "config"
# agent -> the parameters that name a bridge and its ports
BRIDGES = {"LinuxBridge": ("bridge", "ports"), "iface-bridge": ("bridge_name", "bridge_slaves")}
MOUNTS = {"Filesystem": "directory", "Gfs2Mount": "directory"}


def meant(document: Document) -> Intended:
    """Return what the nodes have to have: files, bridges, mounts and memory."""
    known = list(everywhere(document))
    bridges = {
        n.bridge: tuple(n.ports) for n in document.networks.values() if isinstance(n, Bridge)
    }
    mounts = [s.root for s in document.storage.values() if s.is_mounted]
    for agent, params in known:
        if agent in BRIDGES and (name := params.get(BRIDGES[agent][0])):
            bridges[name] = tuple(params.get(BRIDGES[agent][1], "").split())
        if agent in MOUNTS and (path := params.get(MOUNTS[agent])):
            mounts.append(path)
    return Intended(
        files=tuple(dict.fromkeys(files(document))),
        ports=bridges,
        mounts=tuple(mounts),
        memory={name: node.memory for name, node in document.nodes.items() if node.memory},
    )


def files(document: Document) -> Iterator[str]:
    """Yield the definitions that guests and containers start from."""
    yield from (g.definition for g in document.guests.values() if g.definition)
    for element in kept(document):
        for primitive in element.iter("primitive"):
            config = parameters(primitive).get(CONFIG, "")
            if primitive.get("type") in ("VirtualDomain", "lxc") and config.startswith("/"):
                yield config


def everywhere(document: Document) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield agent and parameters of each clone that is held to the letter: it is on every node."""
    for element in kept(document):
        if element.tag == "clone":
            for primitive in element.iter("primitive"):
                yield primitive.get("type", ""), parameters(primitive)


def kept(document: Document) -> Iterator[_Element]:
    for item in document.raw:
        if isinstance(item, RawXml) and item.section == "resources":
            yield etree.fromstring(item.xml)


def parameters(primitive: _Element) -> dict[str, str]:
    return first(primitive.iterfind("instance_attributes/nvpair"))
