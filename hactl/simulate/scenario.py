"""A CIB made fit for the scheduler: a slim copy with the same answer, and nodes that are there."""

from __future__ import annotations

from collections.abc import Collection
from copy import deepcopy

from lxml import etree
from lxml.etree import _Element

from hactl.cib.canonical import attributes, elements
from hactl.cib.history import DONE, EXPECTED, NOT_RUNNING
from hactl.cib.node_state import online
from hactl.cib.options import PROPERTY_SET as PROPERTIES

ALL_ONLINE = "the CIB has no status: every node is taken to be online and clean, nothing running"

REMOTES = etree.XPath(
    "boolean(configuration/resources//bundle | configuration/resources//*[@type='remote']"
    " | configuration/resources//nvpair[@name='remote-node'])"
)


def has_status(cib: _Element) -> bool:
    """Whether ``cib`` says how its nodes are, as a live one does."""
    return cib.find("status/node_state") is not None


def all_online(cib: _Element) -> _Element:
    """Return a copy of ``cib`` in which every cluster node is online and nothing runs."""
    copy = deepcopy(cib)
    copy.set("have-quorum", "1")
    old = copy.find("status")
    if old is not None:
        copy.remove(old)
    status = etree.SubElement(copy, "status")
    for node in copy.iterfind("configuration/nodes/node"):
        if node.get("type", "member") in ("member", "normal"):
            status.append(online(node.get("id", ""), node.get("uname", "")))
    return copy


def slim(cib: _Element) -> _Element:
    """Return a copy of ``cib`` without the records of probes that found nothing.

    They are most of a settled CIB, and with start-up probes switched off in the copy the scheduler
    places everything as before, several times faster. A cluster with remote nodes is left as it
    is: there a probe that cannot run may be what a fencing comes from.
    """
    if has_remotes(cib):
        return cib
    copy = etree.Element("cib", attributes(cib))
    copy.extend(deepcopy(section) for section in cib if section.tag != "status")
    status = cib.find("status")
    if status is not None:
        copy.append(slim_status(status))
    without_probes(copy)
    return copy


def has_remotes(cib: _Element) -> bool:
    """Whether some nodes are reached through a resource: remote nodes, guest nodes, bundles."""
    return bool(REMOTES(cib))


def slim_status(status: _Element) -> _Element:
    keep = {
        resource.get("id", "") for resource in status.iter("lrm_resource") if eventful(resource)
    }
    slimmed = etree.Element("status", attributes(status))
    for state in elements(status):
        node = etree.SubElement(slimmed, str(state.tag), attributes(state))
        for part in elements(state):
            node.append(slim_history(part, keep) if part.tag == "lrm" else deepcopy(part))
    return slimmed


def slim_history(lrm: _Element, keep: Collection[str]) -> _Element:
    slimmed = etree.Element("lrm", attributes(lrm))
    for resources in elements(lrm):
        kept = etree.SubElement(slimmed, str(resources.tag), attributes(resources))
        kept.extend(
            deepcopy(resource)
            for resource in resources
            if resource.get("id") in keep or not found_nothing(resource)
        )
    return slimmed


def found_nothing(resource: _Element) -> bool:
    """Whether all that is known of ``resource`` here is that a probe did not find it."""
    if len(resource) != 1:
        return False
    record = resource[0]
    return (
        record.get("operation") == "monitor"
        and record.get("interval") == "0"
        and record.get("rc-code") == NOT_RUNNING
        and record.get("op-status") == DONE
    )


def eventful(resource: _Element) -> bool:
    """Whether a later probe may mean something: after failures and half migrations."""
    return any(
        record.get("op-status") != DONE
        or record.get("rc-code") not in EXPECTED
        or record.get("operation") == "migrate_to"
        for record in resource
    )


def without_probes(cib: _Element) -> None:
    options = cib.find(f"configuration/crm_config/cluster_property_set[@id='{PROPERTIES}']")
    if options is None:
        return
    for pair in options.iterchildren("nvpair"):
        if pair.get("name") == "enable-startup-probes":
            pair.set("value", "false")
            return
    pair = etree.SubElement(options, "nvpair", id="hactl-enable-startup-probes")
    pair.set("name", "enable-startup-probes")
    pair.set("value", "false")
