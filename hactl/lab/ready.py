"""Whether the cluster of a lab has formed, from what crm_mon says. Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from xml.etree import ElementTree


@dataclass(frozen=True, slots=True)
class Formation:
    """Who is in the cluster, as one node sees it."""

    online: frozenset[str] = frozenset()
    dc: str = ""
    quorum: bool = False

    def complete(self, nodes: Collection[str]) -> bool:
        """All ``nodes`` online, a DC, and quorum."""
        return self.online >= set(nodes) and bool(self.dc) and self.quorum


def formation(crm_mon_xml: str) -> Formation:
    """Read ``crm_mon --output-as=xml``; text that is none means that nobody is there yet."""
    try:
        root = ElementTree.fromstring(crm_mon_xml)
    except ElementTree.ParseError:
        return Formation()
    online = frozenset(
        node.get("name", "")
        for node in root.iterfind("./nodes/node")
        if node.get("online") == "true" and node.get("pending") == "false"
    )
    dc = root.find("./summary/current_dc")
    if dc is None or dc.get("present") != "true":
        return Formation(online)
    return Formation(online, dc.get("name", ""), dc.get("with_quorum") == "true")
