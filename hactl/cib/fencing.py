"""The fencing topology as a CIB element."""

from __future__ import annotations

from collections.abc import Sequence

from lxml import etree
from lxml.etree import _Element

from hactl.cib.ids import constraint_id
from hactl.model.fencing import FencingLevel


def fencing_topology(levels: Sequence[FencingLevel]) -> _Element:
    made = etree.Element("fencing-topology")
    for level in levels:
        etree.SubElement(
            made,
            "fencing-level",
            id=constraint_id(level),
            target=level.node,
            index=str(level.index),
            devices=",".join(level.devices),
        )
    return made
