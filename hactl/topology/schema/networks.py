"""The ``networks`` section: what guests and containers are plugged into."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from pydantic import Field

from hactl.model.resource import Agent
from hactl.topology.agent_choice import AgentChoice
from hactl.topology.schema.network_kind import NetworkKind, complete
from hactl.topology.schema.ovs import Ovs
from hactl.topology.types import Interface

LINUX_BRIDGE = Agent("ocf", "hactl", "LinuxBridge")


class Bridge(NetworkKind):
    """A Linux bridge on every node (ocf:hactl:LinuxBridge)."""

    kind: Literal["bridge"] = Field(description="A Linux bridge.")
    bridge: Interface = Field(description="The name of the bridge interface.")
    ports: list[Interface] = Field([], description="Interfaces that become its ports.")
    vlan_filtering: bool | None = Field(None, description="Keep VLANs apart on the bridge.")
    stp: bool | None = Field(None, description="Run the spanning tree protocol.")
    multicast_snooping: bool | None = Field(None, description="Snoop IGMP and MLD.")
    mtu: int | None = Field(None, ge=68, le=65535, description="The MTU in bytes.")
    adopt: bool | None = Field(None, description="Take over a bridge that is there already.")
    multicast_querier: bool | None = Field(
        None, description="Ask who listens; snooping needs one querier on the LAN."
    )
    mac: Literal["port"] | None = Field(
        None, description="port pins the bridge's MAC address to that of its first port."
    )
    drift: Annotated[str, AgentChoice(LINUX_BRIDGE, "drift")] | None = Field(
        None, description="What follows when somebody changed the bridge (default report)."
    )
    on_port_down: Annotated[str, AgentChoice(LINUX_BRIDGE, "on_port_down")] | None = Field(
        None, description="What a port without carrier counts as (default degraded)."
    )

    @property
    def run_by(self) -> Agent:
        return LINUX_BRIDGE

    @property
    def taken(self) -> tuple[str, Sequence[str]]:
        return "ports", self.ports

    @property
    def own_interfaces(self) -> Mapping[str, int | None]:
        return {}

    @property
    def tags_ports(self) -> bool:
        return False

    @property
    def carried(self) -> Sequence[str]:
        return ()

    @property
    def started_by(self) -> str | None:
        return None


Network = Annotated[
    Bridge | Ovs, Field(discriminator="kind", description="A network, by its kind.")
]

KINDS = complete(Bridge, Ovs)
