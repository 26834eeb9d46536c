"""Resources as CIB elements: primitive, group and clone, each with its parts."""

from __future__ import annotations

from collections.abc import Mapping
from functools import singledispatch

from lxml import etree
from lxml.etree import _Element

from hactl.cib.ids import derived, operation_id
from hactl.cib.ownership import mark
from hactl.model.resource import Clone, Group, Operation, Primitive, Resource
from hactl.model.timing import duration


def resource_element(resource: Resource) -> _Element:
    """Return the finished top-level element of a resource, with the mark of its kind."""
    return mark(element(resource), resource.kind)


@singledispatch
def element(resource: object) -> _Element:
    raise TypeError(f"no element for {resource!r}")


@element.register
def _(primitive: Primitive) -> _Element:
    made = etree.Element("primitive", {"id": primitive.id, "class": primitive.agent.standard})
    if primitive.agent.provider:
        made.set("provider", primitive.agent.provider)
    made.set("type", primitive.agent.type)
    add_nvpairs(made, "instance_attributes", primitive.params)
    add_nvpairs(made, "meta_attributes", primitive.meta)
    add_nvpairs(made, "utilization", {k: str(v) for k, v in primitive.utilization.items()})
    if primitive.operations:
        operations = etree.SubElement(made, "operations")
        for operation in primitive.operations:
            add_operation(operations, primitive.id, operation)
    return made


@element.register
def _(group: Group) -> _Element:
    made = etree.Element("group", id=group.id)
    add_nvpairs(made, "meta_attributes", group.meta)
    made.extend(element(member) for member in group.members)
    return made


@element.register
def _(clone: Clone) -> _Element:
    made = etree.Element("clone", id=clone.id)
    add_nvpairs(made, "meta_attributes", clone.meta)
    made.append(element(clone.of))
    return made


def add_nvpairs(parent: _Element, tag: str, values: Mapping[str, str]) -> None:
    """Add a set of name/value pairs under the id pcs gives it, unless it would be empty."""
    if not values:
        return
    owner = parent.get("id", "")
    nvset = etree.SubElement(parent, tag, id=derived(owner, tag))
    for name, value in values.items():
        etree.SubElement(nvset, "nvpair", id=derived(owner, tag, name), name=name, value=value)


def add_operation(parent: _Element, owner: str, operation: Operation) -> None:
    interval = duration(operation.interval)
    made = etree.SubElement(parent, "op", id=operation_id(owner, operation.name, interval))
    made.set("name", operation.name)
    made.set("interval", interval)
    made.set("timeout", duration(operation.timeout))
    for name, value in operation.options.items():
        made.set(name, value)
    if operation.depth:
        add_nvpairs(made, "instance_attributes", {"OCF_CHECK_LEVEL": str(operation.depth)})
