"""Elements of a CIB that a topology holds to the letter, and which kinds may stand where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

# Section of the CIB -> the elements that stand in it, each with an id of its own.
TAGS: Mapping[str, frozenset[str]] = {
    "crm_config": frozenset({"cluster_property_set"}),
    "nodes": frozenset({"instance_attributes", "utilization"}),
    "resources": frozenset({"primitive", "group", "clone", "master", "bundle", "template"}),
    "constraints": frozenset({"rsc_order", "rsc_colocation", "rsc_location", "rsc_ticket"}),
    "fencing-topology": frozenset({"fencing-level"}),
    "rsc_defaults": frozenset({"meta_attributes"}),
    "op_defaults": frozenset({"meta_attributes"}),
    "tags": frozenset({"tag"}),
    "alerts": frozenset({"alert"}),
    "acls": frozenset({"acl_role", "acl_target", "acl_group", "acl_user"}),
}


@dataclass(frozen=True, slots=True)
class Kept:
    """``xml`` is one element of ``section``; ``node`` is whose it is, in the section of nodes."""

    section: str
    xml: str
    node: str = ""
