"""What the scheduler needs of a configuration to place everything, and no more.

It places by constraints, scores, utilization, roles and meta attributes. A resource's own
parameters and its recurring operations decide nothing about where it runs, and they are most of a
configuration; without parameters the digest of an operation is also the same for every resource.
An order that is optional, or only serializes, says when, and never whether.
"""

from __future__ import annotations

from copy import deepcopy

from lxml.etree import _Element

from hactl.simulate.history import DIGEST
from hactl.simulate.scenario import eventful, has_remotes

PARAMETERS = ("instance_attributes", "operations")
CARRIERS = ("primitive", "template")
UNFENCING = "unfencing"


def lean(cib: _Element) -> _Element:
    """Return a copy of ``cib`` in which everything is placed as before, and nothing more is said.

    Unfencing is left out: a node that is there has been let in. Not for a CIB with nodes that are
    reached through a resource (`scenario.has_remotes`): there, parameters say which node it is.
    """
    copy = deepcopy(cib)
    for carrier in CARRIERS:
        for element in copy.iterfind(f"configuration/resources//{carrier}"):
            for name in PARAMETERS:
                for part in element.findall(name):
                    drop(part)
    for order in copy.findall("configuration/constraints/rsc_order"):
        if order.get("kind") in ("Optional", "Serialize"):
            drop(order)
    for pair in copy.iterfind("configuration//meta_attributes/nvpair"):
        if (pair.get("name"), pair.get("value")) == ("requires", UNFENCING):
            pair.set("value", "fencing")
        elif (pair.get("name"), pair.get("value")) == ("provides", UNFENCING):
            pair.set("value", "nothing")
    return copy


def drop(element: _Element) -> None:
    parent = element.getparent()
    if parent is not None:
        parent.remove(element)


STARTING = frozenset({"start", "migrate_from", "promote"})
# What a record says of the parameters that were in force.
DIGESTS = ("op-force-restart", "op-restart-digest", "op-secure-params", "op-secure-digest")


def lean_running(cib: _Element) -> _Element:
    """Return a copy of a running cluster's ``cib`` that leads to the same transition.

    Of what has never failed, parameters, recurring operations and their records are left out; all
    else stays as it is: orders too, which decide between a restart and a live migration. Of what
    something happened to, nothing is left out.
    """
    if has_remotes(cib):
        return cib
    copy = deepcopy(cib)
    noted = {
        resource.get("id", "").partition(":")[0]
        for resource in copy.iterfind("status/node_state/lrm/lrm_resources/lrm_resource")
        if eventful(resource) or not begun(resource)
    }
    for primitive in copy.iterfind("configuration/resources//primitive"):
        if plain(primitive) and primitive.get("id") not in noted:
            for name in PARAMETERS:
                for part in primitive.findall(name):
                    drop(part)
    names = {
        primitive.get("id")
        for primitive in copy.iterfind("configuration/resources//primitive")
        if plain(primitive)
    }
    for resource in copy.iterfind("status/node_state/lrm/lrm_resources/lrm_resource"):
        name = resource.get("id", "").partition(":")[0]
        if name in names and name not in noted:
            forget_parameters(resource)
    return copy


def begun(resource: _Element) -> bool:
    """Whether what is looked at again and again is on record as started, too."""
    started = any(record.get("operation") in STARTING for record in resource)
    return started or all(record.get("interval", "0") == "0" for record in resource)


def plain(primitive: _Element) -> bool:
    """Whether a primitive says all about itself: a fence device's parameters are looked at."""
    return primitive.get("class") != "stonith" and primitive.get("template") is None


def forget_parameters(resource: _Element) -> None:
    for record in list(resource):
        if record.get("interval", "0") != "0" and record.get("rc-code") == "0":
            resource.remove(record)
            continue
        for name in DIGESTS:
            if name in record.attrib:
                del record.attrib[name]
        record.set("op-digest", DIGEST)
