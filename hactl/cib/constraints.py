"""Constraints as CIB elements, in the spelling that Pacemaker 2.1 and 3.0 both take."""

from __future__ import annotations

from functools import singledispatch

from lxml import etree
from lxml.etree import _Element

from hactl.cib.ids import constraint_id
from hactl.model.constraint import (
    BaseScore,
    Colocation,
    Confinement,
    Location,
    Order,
    Promotion,
)
from hactl.model.score import NEVER, score_text


@singledispatch
def constraint_element(constraint: object) -> _Element:
    """Return the element of a constraint."""
    raise TypeError(f"no element for {constraint!r}")


@constraint_element.register
def _(order: Order) -> _Element:
    made = etree.Element(
        "rsc_order",
        id=constraint_id(order),
        first=order.first,
        then=order.then,
        kind=order.kind.value,
    )
    if (order.first_action, order.then_action) != ("start", "start"):
        made.set("first-action", order.first_action)
        made.set("then-action", order.then_action)
    if not order.symmetrical:
        made.set("symmetrical", "false")
    return made


@constraint_element.register
def _(colocation: Colocation) -> _Element:
    made = etree.Element(
        "rsc_colocation",
        {
            "id": constraint_id(colocation),
            "rsc": colocation.rsc,
            "with-rsc": colocation.with_rsc,
            "score": score_text(colocation.score),
        },
    )
    if colocation.rsc_role:
        made.set("rsc-role", colocation.rsc_role)
    if colocation.with_rsc_role:
        made.set("with-rsc-role", colocation.with_rsc_role)
    if not colocation.influence:
        made.set("influence", "false")
    return made


@constraint_element.register
def _(location: Location) -> _Element:
    return etree.Element(
        "rsc_location",
        id=constraint_id(location),
        rsc=location.rsc,
        node=location.node,
        score=score_text(location.score),
    )


@constraint_element.register
def _(base: BaseScore) -> _Element:
    id_ = constraint_id(base)
    made = etree.Element("rsc_location", id=id_, rsc=base.rsc)
    rule = etree.SubElement(made, "rule", {"id": f"{id_}-rule", "score": score_text(base.score)})
    expression = {"id": f"{id_}-every-node", "attribute": "#uname", "operation": "defined"}
    etree.SubElement(rule, "expression", expression)
    return made


@constraint_element.register
def _(confinement: Confinement) -> _Element:
    # One rule and not a ban per other node: a node added later is then forbidden by itself.
    id_ = constraint_id(confinement)
    made = etree.Element("rsc_location", id=id_, rsc=confinement.rsc)
    rule = etree.SubElement(made, "rule", {"id": f"{id_}-rule", "score": NEVER})
    rule.set("boolean-op", "and")
    for node in confinement.nodes:
        etree.SubElement(
            rule,
            "expression",
            id=f"{id_}-not-{node}",
            attribute="#uname",
            operation="ne",
            value=node,
        )
    return made


@constraint_element.register
def _(promotion: Promotion) -> _Element:
    id_ = constraint_id(promotion)
    made = etree.Element("rsc_location", id=id_, rsc=promotion.rsc)
    rule = etree.SubElement(made, "rule", {"id": f"{id_}-rule", "role": "Promoted"})
    rule.set("score", score_text(promotion.score))
    expression = {"id": f"{id_}-node", "attribute": "#uname", "operation": "eq"}
    etree.SubElement(rule, "expression", expression, value=promotion.node)
    return made
