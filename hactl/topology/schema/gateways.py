"""The ``gateways`` section: storage that is served to other machines."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Annotated, Literal

from pydantic import Field

from hactl.model.resource import Agent
from hactl.topology.agent_choice import AgentChoice
from hactl.topology.schema.operations import StepTimeouts
from hactl.topology.schema.section import Section
from hactl.topology.schema.workload import Placed
from hactl.topology.shorthand import Listed, Short
from hactl.topology.types import (
    AddressOrNetwork,
    Duration,
    Iqn,
    LvmName,
    Name,
    Nqn,
    Parameter,
    Path,
    Text,
    Uuid,
    Vlan,
)

ISCSI_GATEWAY = Agent("ocf", "hactl", "IscsiGateway")
NVMEOF_GATEWAY = Agent("ocf", "hactl", "NvmeofGateway")


class Export(Section):
    """What is served: a storage, a volume in it, or a file or device by its path."""

    storage: Name | None = Field(None, description="The storage.")
    volume: LvmName | None = Field(None, description="The logical volume, in an LVM storage.")
    path: Path | None = Field(None, description="The file or block device itself.")
    params: dict[Name, Parameter] = Field({}, description="Further keys, as its agent knows them.")


class Lun(Export):
    """A logical unit of an iSCSI target."""

    lun: int | None = Field(
        None, ge=0, le=255, description="Its number (default: its place in the list, from 1)."
    )
    write_cache: bool | None = Field(None, description="Whether writes may be cached.")
    block_size: int | None = Field(None, description="The size of its blocks in bytes.")
    read_only: bool | None = Field(None, description="Whether it can only be read.")
    serial: Text | None = Field(None, description="Its serial number (default: from the names).")
    naa: Text | None = Field(None, description="Its NAA name (default: from the names).")


class Namespace(Export):
    """A namespace of an NVMe subsystem."""

    nsid: int | None = Field(
        None, ge=1, le=1024, description="Its number (default: its place in the list, from 1)."
    )
    uuid: Uuid | None = Field(None, description="Its UUID (default: from the names).")
    nguid: Text | None = Field(None, description="Its NGUID (default: from the names).")


class Secrets(Section):
    """Where the secrets are."""

    file: Path = Field(description="A file of mode 0600, the same on every node.")


class GatewayTimeouts(StepTimeouts):
    """Timeouts of a gateway's operations, where the usual ones do not fit."""

    promote: Duration | None = Field(None, description="To promote, with several paths.")
    demote: Duration | None = Field(None, description="To demote, with several paths.")


class Gateway(Placed, ABC):
    """What gateways have in common."""

    @property
    @abstractmethod
    def run_by(self) -> Agent:
        """The agent that serves it."""

    address: Annotated[list[AddressOrNetwork], Listed()] = Field(
        min_length=1,
        description="Its address, which moves with it. With several paths: the network in which "
        "every node has an address of its own.",
    )
    network: Name | None = Field(None, description="The network that the address is in.")
    vlan: Vlan | None = Field(None, description="The VLAN of that network.")
    gate: bool = Field(
        True,
        description="Keep clients waiting while it moves, instead of letting them see errors "
        "(ocf:hactl:PortGate).",
    )
    gateways: int | None = Field(
        None, ge=1, le=64, description="With several paths: on how many nodes (default all)."
    )
    monitor: Duration | None = Field(None, description="How often it is checked (default 10s).")
    timeouts: GatewayTimeouts = Field(
        default_factory=GatewayTimeouts, description="Timeouts of its operations."
    )
    params: dict[Name, Parameter] = Field({}, description="Further parameters of its agent.")
    meta: dict[Name, Parameter] = Field({}, description="Further meta attributes.")


class Iscsi(Gateway):
    """An iSCSI target with its LUNs (ocf:hactl:IscsiGateway)."""

    kind: Literal["iscsi"] = Field(description="An iSCSI target.")
    iqn: Iqn = Field(description="The name of the target.")
    port: int = Field(3260, ge=1, le=65535, description="The TCP port.")
    mode: Literal["failover", "alua"] = Field(
        "failover",
        description="failover: on one node at a time; alua: a path on every node, one of them "
        "optimized.",
    )
    backend: Annotated[str, AgentChoice(ISCSI_GATEWAY, "backend")] = Field(
        "lio", description="What serves: the kernel, or tgtd."
    )
    luns: list[Annotated[Lun, Short("storage")]] = Field(min_length=1, description="Its LUNs.")
    initiators: list[Iqn] = Field([], description="Who may use it (default: who knows the CHAP).")
    chap: Secrets | None = Field(None, description="CHAP names and secrets, one-way and mutual.")

    @property
    def run_by(self) -> Agent:
        return ISCSI_GATEWAY


class Nvmeof(Gateway):
    """An NVMe over Fabrics subsystem with its namespaces (ocf:hactl:NvmeofGateway)."""

    kind: Literal["nvmeof"] = Field(description="An NVMe over Fabrics subsystem.")
    nqn: Nqn = Field(description="The name of the subsystem.")
    port: int = Field(4420, ge=1, le=65535, description="The port.")
    transport: Annotated[str, AgentChoice(NVMEOF_GATEWAY, "transport")] = Field(
        "tcp", description="The transport."
    )
    mode: Literal["failover", "ana"] = Field(
        "failover",
        description="failover: on one node at a time; ana: a path on every node, one of them "
        "optimized.",
    )
    namespaces: list[Annotated[Namespace, Short("storage")]] = Field(
        min_length=1, description="Its namespaces."
    )
    unpromoted: Annotated[str, AgentChoice(NVMEOF_GATEWAY, "unpromoted")] | None = Field(
        None, description="What the other paths are (default inaccessible)."
    )
    hosts: list[Nqn] = Field([], description="The hosts that may use it (default any).")
    auth: Secrets | None = Field(None, description="Keys for DH-HMAC-CHAP, by host.")

    @property
    def run_by(self) -> Agent:
        return NVMEOF_GATEWAY


AnyGateway = Annotated[
    Iscsi | Nvmeof, Field(discriminator="kind", description="A gateway, by its kind.")
]
