"""The whole topology file: its sections, in the order they are read."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated

from pydantic import BeforeValidator, Field

from hactl.topology.schema.cluster import Cluster
from hactl.topology.schema.containers import Container
from hactl.topology.schema.fencing import Fencing
from hactl.topology.schema.gateways import AnyGateway
from hactl.topology.schema.guests import Guest
from hactl.topology.schema.networks import Network
from hactl.topology.schema.nodes import Node
from hactl.topology.schema.raw import RawItem
from hactl.topology.schema.section import Section, nothing_is_empty
from hactl.topology.schema.storage import Storage
from hactl.topology.types import Name, NodeName

Emptyable = BeforeValidator(nothing_is_empty)
EmptyableList = BeforeValidator(lambda value: [] if value is None else value)


class Document(Section):
    """A virtualisation cluster in one file."""

    cluster: Cluster = Field(description="What holds for the whole cluster.")
    nodes: dict[NodeName, Node] = Field(
        min_length=1, description="The machines, by the name `uname -n` gives."
    )
    fencing: Annotated[Fencing, Emptyable] = Field(
        default_factory=Fencing, description="Fence devices, and the order they are tried in."
    )
    networks: Annotated[dict[Name, Network], Emptyable] = Field(
        {}, description="What guests and containers are plugged into."
    )
    storage: Annotated[dict[Name, Storage], Emptyable] = Field(
        {}, description="Where disks and root file systems live."
    )
    guests: Annotated[dict[Name, Guest], Emptyable] = Field({}, description="Virtual machines.")
    containers: Annotated[dict[Name, Container], Emptyable] = Field(
        {}, description="System containers."
    )
    gateways: Annotated[dict[Name, AnyGateway], Emptyable] = Field(
        {}, description="Storage that is served to other machines."
    )
    raw: Annotated[list[RawItem], EmptyableList] = Field(
        [], description="Any resource and constraint in Pacemaker's own words."
    )

    @cached_property
    def storage_roots(self) -> dict[str, str]:
        """The name of every storage by the path that all in it begins with."""
        return {storage.root: name for name, storage in self.storage.items()}
