"""The ``raw`` section: any Pacemaker resource and constraint, in its own words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field, model_validator

from hactl.topology.schema.element import Element, refuse_misplaced
from hactl.topology.schema.section import Section
from hactl.topology.types import AgentName, Duration, DurationOr0, Name, NodeName, Parameter, Score

Action = Literal["start", "stop", "promote", "demote"]
RawSection = Literal[
    "crm_config",
    "nodes",
    "resources",
    "constraints",
    "fencing-topology",
    "rsc_defaults",
    "op_defaults",
    "tags",
    "alerts",
    "acls",
]
Role = Literal["Started", "Stopped", "Promoted", "Unpromoted"]


class RawOperation(Section):
    """An operation."""

    name: Name = Field(description="start, stop, monitor ...")
    interval: DurationOr0 = Field(0, description="How often it is repeated.")
    timeout: Duration = Field(description="How long it may take.")
    role: Role | None = Field(None, description="The role it is for.")
    on_fail: Literal["restart", "ignore", "block", "stop", "fence", "standby", "demote"] | None = (
        Field(None, description="What its failure leads to.")
    )


class RawMember(Section):
    """A primitive."""

    id: Name = Field(description="Its id.")
    agent: AgentName = Field(description="Its agent, like ocf:pacemaker:ping.")
    params: dict[Name, Parameter] = Field({}, description="Parameters of the agent.")
    meta: dict[Name, Parameter] = Field({}, description="Meta attributes.")
    operations: list[RawOperation] = Field([], description="Operations.")
    utilization: dict[Name, int] = Field({}, description="What it uses of a node.")


class RawPrimitive(RawMember):
    """A primitive, or a clone of it."""

    kind: Literal["primitive"] = Field(description="A primitive.")
    clone: bool = Field(False, description="Run it on every node.")
    clone_meta: dict[Name, Parameter] = Field({}, description="Meta attributes of the clone.")


class RawGroup(Section):
    """A group, or a clone of it."""

    kind: Literal["group"] = Field(description="A group.")
    id: Name = Field(description="Its id.")
    members: list[RawMember] = Field(min_length=1, description="Its primitives, in order.")
    meta: dict[Name, Parameter] = Field({}, description="Meta attributes.")
    clone: bool = Field(False, description="Run it on every node.")
    clone_meta: dict[Name, Parameter] = Field({}, description="Meta attributes of the clone.")


class RawOrder(Section):
    """An order between two resources."""

    kind: Literal["order"] = Field(description="An order.")
    first: Name = Field(description="What goes first.")
    then: Name = Field(description="What goes then.")
    first_action: Action = Field("start", description="What the first does.")
    then_action: Action = Field("start", description="What the other does then.")
    strength: Literal["Mandatory", "Optional", "Serialize"] = Field(
        "Mandatory", description="Whether the one needs the other."
    )
    symmetrical: bool = Field(True, description="Whether the reverse holds for stopping.")


class RawColocation(Section):
    """Where one resource is relative to another."""

    kind: Literal["colocation"] = Field(description="A colocation.")
    resource: Name = Field(description="What is placed.")
    with_: Name = Field(alias="with", description="What was placed before.")
    score: Score = Field(description="How much it wants to be there; negative: not there.")
    role: Role | None = Field(None, description="The role of the resource.")
    with_role: Role | None = Field(None, description="The role of the other.")


class RawLocation(Section):
    """How much a resource likes a node."""

    kind: Literal["location"] = Field(description="A location.")
    resource: Name = Field(description="What is placed.")
    node: NodeName = Field(description="The node.")
    score: Score = Field(description="How much it likes the node; negative: dislikes.")


class RawXml(Section):
    """An element of the CIB, held to the letter: anything that Pacemaker knows."""

    kind: Literal["xml"] = Field(description="An element of the CIB.")
    section: RawSection = Field(description="The section of the CIB that it stands in.")
    node: NodeName | None = Field(
        None, description="In the section nodes: the node whose set of values it is."
    )
    xml: Element = Field(
        description="The element, as `cibadmin --query` shows it, without runtime switches; the "
        "value hactl:secret-stays-in-the-cib leaves a secret where it is."
    )

    @model_validator(mode="after")
    def fits(self) -> RawXml:
        refuse_misplaced(self.section, self.node, self.xml)
        return self


RawItem = Annotated[
    RawPrimitive | RawGroup | RawOrder | RawColocation | RawLocation | RawXml,
    Field(discriminator="kind"),
]


def raw_members(item: RawItem) -> Iterator[tuple[tuple[str | int, ...], RawMember]]:
    """Yield the primitives of an entry, each with where it is in the entry."""
    if isinstance(item, RawPrimitive):
        yield (), item
    elif isinstance(item, RawGroup):
        yield from ((("members", place), member) for place, member in enumerate(item.members))
