"""What the scheduler needs of a configuration to place everything, and no more.

It places by constraints, scores, utilization, roles and meta attributes. A resource's own
parameters and its recurring operations decide nothing about where it runs, and they are most of a
configuration; without parameters the digest of an operation is also the same for every resource.
An order that is optional, or only serializes, says when, and never whether.
"""

from __future__ import annotations

from copy import deepcopy

from lxml.etree import _Element

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
