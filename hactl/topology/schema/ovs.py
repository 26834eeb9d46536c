"""An Open vSwitch bridge in the ``networks`` section: uplinks, VLANs, controllers, shaping."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from pydantic import Field

from hactl.model.resource import Agent
from hactl.topology.agent_choice import AgentChoice
from hactl.topology.schema.network_kind import NetworkKind
from hactl.topology.schema.section import Section
from hactl.topology.shorthand import Short
from hactl.topology.types import (
    BitRate,
    Duration,
    DurationOr0,
    Interface,
    Path,
    Service,
    Text,
    Vlan,
    Vlans,
)

OVS_BRIDGE = Agent("ocf", "hactl", "OvsBridge")


class Bond(Section):
    """The port that bonds the uplinks."""

    name: Interface = Field("bond0", description="Its name.")
    mode: Annotated[str, AgentChoice(OVS_BRIDGE, "bond_mode")] | None = Field(
        None, description="How traffic is spread over its members; balance-tcp needs lacp."
    )
    lacp: Annotated[str, AgentChoice(OVS_BRIDGE, "lacp")] | None = Field(
        None, description="Whether it speaks LACP with the switch."
    )
    lacp_time: Annotated[str, AgentChoice(OVS_BRIDGE, "lacp_time")] | None = Field(
        None, description="How often LACP asks: every second or every 30."
    )
    lacp_fallback: bool | None = Field(
        None, description="Whether it is active-backup while the switch speaks no LACP."
    )
    primary: Interface | None = Field(
        None, description="The member that an active-backup bond prefers."
    )
    updelay: DurationOr0 | None = Field(
        None, description="How long a member must have link before it is used."
    )
    downdelay: DurationOr0 | None = Field(
        None, description="How long a member may be without link before it is given up."
    )


class Tls(Section):
    """The keys for ssl: and pssl:; they serve the whole node."""

    private_key: Path = Field(description="File with the private key, mode 0600.")
    certificate: Path = Field(description="File with its certificate.")
    ca_cert: Path = Field(description="File with the certificate of the peers' authority.")


class Queue(Section):
    """A queue of the uplinks."""

    min: BitRate | None = Field(None, description="What it always gets.")
    max: BitRate = Field(description="What it gets at most.")


class Qos(Section):
    """How the uplinks are shaped."""

    type: Annotated[str, AgentChoice(OVS_BRIDGE, "qos_type")] | None = Field(
        None, description="The shaper (default linux-htb)."
    )
    max_rate: BitRate = Field(description="What leaves through each uplink at most.")
    queues: list[Queue] = Field([], description="Its queues, from number 0.")


class Mirror(Section):
    """Where a copy of the traffic goes."""

    to: Interface | None = Field(None, description="The device that gets it.")
    vlan: Vlan | None = Field(None, description="The VLAN that gets it.")
    ports: list[Interface] = Field([], description="The ports that are copied (default all).")


class Sflow(Section):
    """Samples of the traffic."""

    collectors: list[Text] = Field(min_length=1, description="Who gets them, each ADDRESS:PORT.")
    agent: Interface | None = Field(None, description="The device whose address they bear.")
    sampling: int | None = Field(None, ge=1, description="One packet out of this many (400).")
    polling: Duration | None = Field(None, description="How often counters are sent (30s).")


class Ovs(NetworkKind):
    """An Open vSwitch bridge on every node (ocf:hactl:OvsBridge)."""

    kind: Literal["ovs"] = Field(description="An Open vSwitch bridge.")
    bridge: Interface = Field(description="The name of the bridge.")
    uplinks: list[Interface] = Field([], description="Interfaces that connect it to the outside.")
    bond: Annotated[Bond, Short("name")] | None = Field(
        None, description="Bond the uplinks; without it each is a port of its own."
    )
    vlans: Vlans = Field([], description="The VLANs that the uplinks carry (default all).")
    vlan: Vlan | None = Field(None, description="The access VLAN of the uplinks, or native one.")
    vlan_mode: Annotated[str, AgentChoice(OVS_BRIDGE, "vlan_mode")] | None = Field(
        None, description="What vlan and vlans mean on the uplinks."
    )
    internal: dict[Interface, Vlan | None] = Field(
        {}, description="Ports for the node itself, each with its VLAN or nothing."
    )
    service: Service | None = Field(
        None,
        description="The service that runs Open vSwitch, like systemd:openvswitch-switch, if the "
        "cluster is to start it (default: the node does).",
    )
    datapath: Annotated[str, AgentChoice(OVS_BRIDGE, "datapath")] | None = Field(
        None, description="Whether the kernel switches, or ovs-vswitchd itself (default system)."
    )
    fail_mode: Annotated[str, AgentChoice(OVS_BRIDGE, "fail_mode")] | None = Field(
        None, description="What it does without its controller."
    )
    protocols: list[Text] = Field([], description="OpenFlow versions, like OpenFlow13.")
    controllers: list[Text] = Field([], description="OpenFlow controllers, ssl:192.0.2.1:6653.")
    connection_mode: Annotated[str, AgentChoice(OVS_BRIDGE, "connection_mode")] | None = Field(
        None, description="Whether controllers are reached through the bridge itself."
    )
    managers: list[Text] = Field([], description="Managers of the database, like pssl:6640.")
    tls: Tls | None = Field(None, description="The keys for ssl: and pssl:.")
    rstp: bool | None = Field(None, description="Speak the rapid spanning tree protocol.")
    rstp_priority: int | None = Field(
        None, ge=0, le=61440, multiple_of=4096, description="Its priority in RSTP; lowest wins."
    )
    stp: bool | None = Field(None, description="Speak the spanning tree protocol.")
    multicast_snooping: bool | None = Field(None, description="Snoop IGMP and MLD.")
    mtu: int | None = Field(None, ge=68, le=65535, description="The MTU in bytes.")
    mac: Literal["port"] | None = Field(
        None, description="port pins the bridge's MAC address to that of its first uplink."
    )
    flows: Path | None = Field(
        None, description="A file with OpenFlow flows that are always there, on every node."
    )
    qos: Qos | None = Field(None, description="How the uplinks are shaped.")
    mirror: Mirror | None = Field(None, description="Where a copy of the traffic goes.")
    sflow: Sflow | None = Field(None, description="Samples of the traffic.")
    adopt: bool | None = Field(None, description="Take over a bridge that is there already.")
    drift: Annotated[str, AgentChoice(OVS_BRIDGE, "drift")] | None = Field(
        None, description="What follows when somebody changed the bridge (default report)."
    )
    on_member_down: Annotated[str, AgentChoice(OVS_BRIDGE, "on_member_down")] | None = Field(
        None, description="What an uplink without link counts as (default degraded)."
    )
    on_controller_down: Annotated[str, AgentChoice(OVS_BRIDGE, "on_controller_down")] | None = (
        Field(None, description="What a controller that is silent counts as (default degraded).")
    )

    @property
    def run_by(self) -> Agent:
        return OVS_BRIDGE

    @property
    def taken(self) -> tuple[str, Sequence[str]]:
        return "uplinks", self.uplinks

    @property
    def own_interfaces(self) -> Mapping[str, int | None]:
        return self.internal

    @property
    def tags_ports(self) -> bool:
        return True

    @property
    def carried(self) -> Sequence[str]:
        native = [str(self.vlan)] if self.vlan else []
        return [*self.vlans, *native] if self.vlans else ()

    @property
    def started_by(self) -> str | None:
        return self.service
