"""Nodes as CIB elements: what each offers, and what is known about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lxml import etree
from lxml.etree import _Element

from hactl.cib.ids import own
from hactl.cib.pairs import add_pairs
from hactl.model.node import Node


def nodes_element(nodes: Sequence[Node]) -> _Element:
    made = etree.Element("nodes")
    for node in nodes:
        added = etree.SubElement(made, "node", id=str(node.id), uname=node.name)
        add_set(added, "instance_attributes", own(node.name, "attributes"), node.attributes)
        capacity = {name: str(value) for name, value in node.utilization.items()}
        add_set(added, "utilization", own(node.name, "utilization"), capacity)
    return made


def add_set(parent: _Element, tag: str, id_: str, values: Mapping[str, str]) -> None:
    if not values:
        return
    nvset = etree.SubElement(parent, tag, id=id_)
    add_pairs(nvset, f"{id_}-", values)
