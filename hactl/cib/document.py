"""Cluster -> CIB: everything hactl wants in the configuration, marked as its own."""

from __future__ import annotations

from collections.abc import Sequence

from lxml import etree
from lxml.etree import _Element

from hactl.cib import references
from hactl.cib.constraints import constraint_element
from hactl.cib.fencing import fencing_topology
from hactl.cib.kept import ledger_set
from hactl.cib.node_state import online
from hactl.cib.nodes import nodes_element
from hactl.cib.options import crm_config, defaults
from hactl.cib.resources import resource_element
from hactl.errors import HactlError
from hactl.model.cluster import Cluster
from hactl.model.kept import Kept

# The oldest schema that has all we say (roles Promoted and Unpromoted): Pacemaker 2.1.0.
SCHEMA = "pacemaker-3.7"
FEATURE_SET = "3.7.0"


def cib(cluster: Cluster) -> _Element:
    """Return a whole CIB: every node is there, and nothing runs yet.

    So `crm_verify` and `crm_simulate` judge the configuration, not nodes they never saw.
    """
    made = etree.Element(
        "cib",
        {"validate-with": SCHEMA, "crm_feature_set": FEATURE_SET}
        | {"have-quorum": "1", "admin_epoch": "0", "epoch": "1", "num_updates": "0"},
    )
    made.append(configuration(cluster))
    made.append(fresh_status(cluster))
    return made


def fresh_status(cluster: Cluster) -> _Element:
    status = etree.Element("status")
    for node in cluster.nodes:
        status.append(online(str(node.id), node.name))
    return status


def configuration(cluster: Cluster) -> _Element:
    """Return ``<configuration>``: exactly what hactl wants, and owns.

    Raises HactlError if two elements would get the same id.
    """
    made = etree.Element("configuration")
    made.append(crm_config(cluster.properties))
    made.append(nodes_element(cluster.nodes))
    resources = etree.SubElement(made, "resources")
    resources.extend(resource_element(resource) for resource in cluster.resources)
    constraints = etree.SubElement(made, "constraints")
    constraints.extend(constraint_element(constraint) for constraint in cluster.constraints)
    if cluster.fencing_levels:
        made.append(fencing_topology(cluster.fencing_levels))
    if cluster.resource_defaults:
        made.append(defaults("rsc_defaults", cluster.resource_defaults))
    if cluster.operation_defaults:
        made.append(defaults("op_defaults", cluster.operation_defaults))
    add_kept(made, cluster.kept)
    refuse_twins(made)
    return made


def add_kept(made: _Element, kept: Sequence[Kept]) -> None:
    """Add what is held to the letter, and the ledger that says so."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, remove_blank_text=True)
    elements = [(each, etree.fromstring(each.xml, parser)) for each in kept]
    for each, element in elements:
        section = made.find(each.section)
        holder = etree.SubElement(made, each.section) if section is None else section
        for node in holder.iterfind(f"node[@uname='{each.node}']"):
            holder = node
        holder.append(element)
    ledger = ledger_set(element for _, element in elements)
    options = made.find("crm_config")
    if ledger is not None and options is not None:
        options.append(ledger)


def refuse_twins(configuration: _Element) -> None:
    for id_ in references.twice(configuration):
        raise HactlError(
            f"two elements of the CIB would have the id {id_!r}",
            "give one of the resources it is made from another name",
        )


def text(element: _Element) -> bytes:
    """Return the document as bytes to read, print and keep in git."""
    return etree.tostring(element, xml_declaration=True, encoding="utf-8", pretty_print=True)
