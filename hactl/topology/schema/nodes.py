"""The ``nodes`` section: the machines, what they offer and how they are fenced."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field

from hactl.topology.schema.cluster import Reserve
from hactl.topology.schema.section import Section, nothing_is_empty
from hactl.topology.types import Cores, LinkAddress, Name, Parameter, Size, Text

FencingParameters = Annotated[dict[Name, Parameter], BeforeValidator(nothing_is_empty)]


class Node(Section):
    """One machine of the cluster."""

    id: int | None = Field(
        None,
        ge=1,
        le=2**32 - 1,
        description="Its corosync node id; by default its place in the list, from 1.",
    )
    links: list[LinkAddress] = Field(
        [], max_length=8, description="Its address on each corosync link."
    )
    cpus: Cores | None = Field(None, description="Its cores.")
    memory: Size | None = Field(None, description="Its memory.")
    reserve: Reserve | None = Field(None, description="What it keeps for itself.")
    rack: Text | None = Field(None, description="Where it stands; becomes the node attribute rack.")
    attributes: dict[Name, Parameter] = Field({}, description="Further node attributes.")
    fencing: dict[Name, FencingParameters] = Field(
        {}, description="The devices that fence it, each with what is special for this node."
    )
