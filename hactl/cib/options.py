"""Cluster properties and the defaults of resources and operations as CIB elements."""

from __future__ import annotations

from collections.abc import Mapping

from lxml import etree
from lxml.etree import _Element

from hactl.cib.ids import own
from hactl.cib.ownership import PREFIX
from hactl.cib.pairs import add_pairs

PROPERTY_SET = "cib-bootstrap-options"


def crm_config(properties: Mapping[str, str]) -> _Element:
    """Return the cluster properties, in the one set that Pacemaker itself writes to."""
    made = etree.Element("crm_config")
    nvset = etree.SubElement(made, "cluster_property_set", id=PROPERTY_SET)
    add_pairs(nvset, PREFIX, properties)
    return made


def defaults(tag: str, values: Mapping[str, str]) -> _Element:
    """Return ``rsc_defaults`` or ``op_defaults`` with a set of hactl's own."""
    made = etree.Element(tag)
    id_ = own(tag.replace("_", "-"))
    nvset = etree.SubElement(made, "meta_attributes", id=id_)
    add_pairs(nvset, f"{id_}-", values)
    return made
