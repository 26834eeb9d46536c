"""Permanent attributes of nodes that hactl writes beside the topology: read, written, removed.

Their sets do not bear the prefix of what a topology owns, so that `hactl apply` leaves them alone.
"""

from __future__ import annotations

from copy import deepcopy

from lxml import etree
from lxml.etree import _Element

SET = "fence-drill"


def read(cib: _Element, node: str, name: str) -> str:
    """Return the value of an attribute, '' where there is none."""
    for pair in cib.iterfind(
        f"configuration/nodes/node[@uname='{node}']/instance_attributes/nvpair"
    ):
        if pair.get("name") == name:
            return pair.get("value", "")
    return ""


def write(cib: _Element, node: str, name: str, value: str) -> _Element:
    """Return a copy of ``cib`` in which ``node`` has an attribute; '' takes it away."""
    copy = deepcopy(cib)
    element = copy.find(f"configuration/nodes/node[@uname='{node}']")
    if element is None:
        raise ValueError(f"there is no node {node}")
    holder = element.find(f"instance_attributes[@id='{node}-{SET}']")
    if holder is None:
        holder = etree.SubElement(element, "instance_attributes", id=f"{node}-{SET}")
    for pair in holder.findall("nvpair"):
        if pair.get("name") == name:
            holder.remove(pair)
    if value:
        pair = etree.SubElement(holder, "nvpair", id=f"{node}-{SET}-{name}")
        pair.set("name", name)
        pair.set("value", value)
    if not len(holder):
        element.remove(holder)
    return copy
