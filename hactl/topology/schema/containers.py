"""The ``containers`` section: LXC system containers."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from hactl.model.resource import Agent
from hactl.topology.schema.section import Section
from hactl.topology.schema.workload import Names, Workload
from hactl.topology.shorthand import Listed, Short
from hactl.topology.types import AddressWithPrefix, Cores, Duration, Name, Path, Size, Text, Vlan

LXC_CONTAINER = Agent("ocf", "hactl", "LxcContainer")


class Plug(Section):
    """An interface of a container, as its config makes it."""

    network: Name = Field(description="The network.")
    vlan: Vlan | None = Field(
        None, description="The VLAN that its config puts it in (lxc.net.N.veth.vlan.id)."
    )


class Container(Workload):
    """A system container of LXC."""

    path: Path | None = Field(
        None, description="Its directory, which holds its config; the same on every node."
    )
    config: Path | None = Field(None, description="Its config, where that is elsewhere.")
    container: Text | None = Field(None, description="Its name for LXC (default: its name here).")
    memory: Size | None = Field(None, description="The memory it is limited to.")
    cpus: Cores | None = Field(None, description="The cores it is limited to.")
    pids: int | None = Field(None, ge=1, description="The processes it is limited to.")
    networks: Annotated[list[Annotated[Plug, Short("network")]], Listed()] = Field(
        [], description="Networks it is plugged into."
    )
    storage: Names = Field([], description="Storage it needs besides its own directory.")
    address: AddressWithPrefix | None = Field(
        None, description="An address that moves with it (ocf:heartbeat:IPaddr2)."
    )
    health: Text | None = Field(None, description="A command run inside to see if it is well.")
    shutdown_timeout: Duration | None = Field(
        None, description="How long it may take to shut down before it is killed (60s)."
    )

    @property
    def run_by(self) -> Agent:
        return LXC_CONTAINER
