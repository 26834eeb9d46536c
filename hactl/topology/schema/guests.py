"""The ``guests`` section: virtual machines."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from hactl.model.resource import Agent
from hactl.topology.agent_choice import AgentChoice
from hactl.topology.schema.cluster import KVM_GUEST, Migration
from hactl.topology.schema.section import Section
from hactl.topology.schema.workload import Names, Workload
from hactl.topology.shorthand import Short
from hactl.topology.types import Duration, LvmName, Mac, Name, Path, Size, Text, Vlan, Vlans


class Disk(Section):
    """A disk: in a storage under the guest's name, or a file by its path."""

    storage: Name | None = Field(None, description="The storage it is in.")
    path: Path | None = Field(None, description="The file or block device itself.")
    volume: LvmName | None = Field(
        None, description="In an LVM storage: the logical volume (default: as a file's name)."
    )
    format: Literal["qcow2", "raw"] | None = Field(
        None, description="Its format (default qcow2 for files, raw for devices and images)."
    )
    bus: Literal["virtio", "scsi", "sata"] = Field("virtio", description="The bus it is on.")


class Nic(Section):
    """A network interface."""

    network: Name = Field(description="The network it is plugged into.")
    mac: Mac | None = Field(None, description="Its MAC address; by default made from the names.")
    vlan: Vlan | None = Field(None, description="The VLAN it is in, on an Open vSwitch bridge.")
    vlans: Vlans = Field([], description="The VLANs that it gets with their tags.")
    model: Literal["virtio", "e1000e", "rtl8139"] = Field("virtio", description="The card.")


class Machine(Section):
    """The virtual hardware."""

    type: Literal["kvm", "qemu"] = Field("kvm", description="qemu emulates, without KVM.")
    chipset: Literal["q35", "pc"] = Field("q35", description="The board.")
    cpu: Text | None = Field(
        None, description="CPU model, host-model or host-passthrough (default host-model)."
    )


class Guest(Workload):
    """A virtual machine: with a libvirt ``definition``, or made from the keys here."""

    definition: Path | None = Field(None, description="Its libvirt XML, the same on every node.")
    cpus: int | None = Field(None, ge=1, le=1024, description="Its virtual cores.")
    memory: Size | None = Field(None, description="Its memory.")
    max_cpus: int | None = Field(
        None, ge=1, le=1024, description="Cores it can have without a restart."
    )
    max_memory: Size | None = Field(
        None, description="Memory it can have without a restart (by its balloon)."
    )
    disks: list[Annotated[Disk, Short("storage")]] = Field([], description="Its disks.")
    nics: list[Annotated[Nic, Short("network")]] = Field([], description="Its interfaces.")
    kernel: Path | None = Field(None, description="A kernel to boot directly.")
    initrd: Path | None = Field(None, description="The initial ramdisk of that kernel.")
    cmdline: Text | None = Field(None, description="The command line of that kernel.")
    machine: Machine = Field(default_factory=Machine, description="The virtual hardware.")
    storage: Names = Field([], description="Storage it needs besides its disks.")
    networks: Names = Field([], description="Networks it needs besides its interfaces.")
    uri: Text | None = Field(None, description="The libvirt it runs under.")
    agent: bool | None = Field(None, description="Has a guest agent, which hactl may use.")
    stop_mode: Annotated[str, AgentChoice(KVM_GUEST, "stop_mode")] | None = Field(
        None, description="How it is stopped (default shutdown)."
    )
    save_dir: Path | None = Field(
        None, description="Where its memory is saved, on storage that all nodes share."
    )
    shutdown_timeout: Duration | None = Field(
        None, description="How long it may take to shut down before it is destroyed (120s)."
    )
    on_paused: Annotated[str, AgentChoice(KVM_GUEST, "on_paused")] | None = Field(
        None, description="What a paused guest counts as."
    )
    live_migration: bool = Field(True, description="Migrate it live instead of restarting it.")
    migration: Migration = Field(default_factory=Migration, description="How it is migrated.")

    @property
    def run_by(self) -> Agent:
        return KVM_GUEST
