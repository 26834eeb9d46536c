"""A status as a cluster at rest would have written it: what runs where, and nothing that failed."""

from __future__ import annotations

from copy import deepcopy
from itertools import count

from lxml import etree
from lxml.etree import _Element

from hactl.cib.canonical import attributes
from hactl.cib.read import all_primitives
from hactl.simulate.places import Places

# What Pacemaker notes for an operation without parameters: the MD5 of " <parameters/>\n".
DIGEST = "f2317cad3d54cec5d7d7aa7d0bf35cf8"
TRANSITION = "00000000-0000-0000-0000-000000000000"
AGENT = ("class", "provider", "type")


def with_history(cib: _Element, places: Places) -> _Element:
    """Return a copy of a lean ``cib`` whose status says that everything is where ``places`` has it.

    What is known of the nodes themselves stays.
    """
    copy = deepcopy(cib)
    agents = {each.get("id", ""): agent(copy, each) for each in all_primitives(copy)}
    there: dict[str, list[str]] = {}
    for name, nodes in places.active.items():
        for node in nodes if name.partition(":")[0] in agents else ():
            there.setdefault(node, []).append(name)
    numbers = count(1)
    for state in copy.iterfind("status/node_state"):
        node = state.get("uname", "")
        resources = etree.SubElement(emptied(state), "lrm_resources")
        for name in there.get(node, ()):
            known = {"id": name} | agents[name.partition(":")[0]]
            element = etree.SubElement(resources, "lrm_resource", known)
            done = ("start", "promote") if node in places.promoted.get(name, ()) else ("start",)
            element.extend(record(name, node, each, next(numbers)) for each in done)
    return copy


def emptied(state: _Element) -> _Element:
    """Return the history of a node, in which nothing stands any more."""
    for old in state.findall("lrm"):
        state.remove(old)
    return etree.SubElement(state, "lrm", id=state.get("id", ""))


def agent(cib: _Element, primitive: _Element) -> dict[str, str]:
    """Return class, provider and type of a primitive, its own or its template's."""
    name = primitive.get("template")
    templates = cib.iterfind("configuration/resources/template")
    source = next((each for each in templates if name and each.get("id") == name), primitive)
    return {key: value for key, value in attributes(source).items() if key in AGENT}


def record(name: str, node: str, operation: str, number: int) -> _Element:
    """Return an operation that succeeded, as lrm_rsc_op of the CIB's status has it."""
    transition = f"{number}:1:0:{TRANSITION}"
    return etree.Element(
        "lrm_rsc_op",
        {
            "id": f"{name}_{'last' if operation == 'start' else operation}_0",
            "operation_key": f"{name}_{operation}_0",
            "operation": operation,
            "crm_feature_set": "3.7.0",
            "transition-key": transition,
            "transition-magic": f"0:0;{transition}",
            "on_node": node,
            "call-id": str(number),
            "rc-code": "0",
            "op-status": "0",
            "interval": "0",
            "last-rc-change": "1",
            "op-digest": DIGEST,
        },
    )
