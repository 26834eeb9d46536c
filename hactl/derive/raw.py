"""The ``raw`` section -> resources and constraints exactly as they were written."""

from __future__ import annotations

from functools import singledispatch

from hactl.derive.parts import Parts, combined
from hactl.model.constraint import Colocation, Location, Order, OrderKind
from hactl.model.kept import Kept
from hactl.model.resource import Agent, Clone, Group, Operation, Primitive
from hactl.topology.schema.document import Document
from hactl.topology.schema.raw import (
    RawColocation,
    RawGroup,
    RawLocation,
    RawMember,
    RawOperation,
    RawOrder,
    RawPrimitive,
    RawXml,
)

INTERLEAVE = {"interleave": "true"}


def raw_parts(document: Document) -> Parts:
    return combined(parts_of(item) for item in document.raw)


def kept(document: Document) -> tuple[Kept, ...]:
    """Return what is held to the letter."""
    return tuple(
        Kept(item.section, item.xml, item.node or "")
        for item in document.raw
        if isinstance(item, RawXml)
    )


@singledispatch
def parts_of(item: object) -> Parts:
    raise TypeError(f"no resource or constraint for {item!r}")


@parts_of.register
def _(item: RawPrimitive) -> Parts:
    if not item.clone:
        return Parts((primitive(item, item.id),))
    inner = primitive(item, f"{item.id}-instance")
    return Parts((Clone(item.id, "raw", inner, INTERLEAVE | item.clone_meta),))


@parts_of.register
def _(item: RawGroup) -> Parts:
    members = tuple(primitive(member, member.id) for member in item.members)
    if not item.clone:
        return Parts((Group(item.id, "raw", members, item.meta),))
    inner = Group(f"{item.id}-group", "raw", members, item.meta)
    return Parts((Clone(item.id, "raw", inner, INTERLEAVE | item.clone_meta),))


@parts_of.register
def _(item: RawOrder) -> Parts:
    order = Order(
        item.first,
        item.then,
        OrderKind(item.strength),
        item.first_action,
        item.then_action,
        item.symmetrical,
    )
    return Parts(constraints=(order,))


@parts_of.register
def _(item: RawColocation) -> Parts:
    colocation = Colocation(
        item.resource, item.with_, item.score, item.role or "", item.with_role or ""
    )
    return Parts(constraints=(colocation,))


@parts_of.register
def _(item: RawLocation) -> Parts:
    return Parts(constraints=(Location(item.resource, item.node, item.score),))


@parts_of.register
def _(item: RawXml) -> Parts:  # noqa: ARG001
    return Parts()


def primitive(item: RawMember, id_: str) -> Primitive:
    return Primitive(
        id=id_,
        agent=Agent.named(item.agent),
        kind="raw",
        params=item.params,
        meta=item.meta,
        operations=tuple(operation(declared) for declared in item.operations),
        utilization=item.utilization,
    )


def operation(declared: RawOperation) -> Operation:
    options: dict[str, str] = {}
    if declared.role:
        options["role"] = declared.role
    if declared.on_fail:
        options["on-fail"] = declared.on_fail
    return Operation(declared.name, declared.timeout, declared.interval, options)
