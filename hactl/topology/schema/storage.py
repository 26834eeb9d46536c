"""The ``storage`` section: where disks and root file systems live."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from typing_extensions import override

from hactl.model.resource import Agent
from hactl.topology.agent_choice import AgentChoice
from hactl.topology.schema.storage_kind import (
    DLM,
    LVMLOCKD,
    BlockDevice,
    FileSystem,
    Where,
    complete,
)
from hactl.topology.types import Device, ImageSpec, LvmName, Path, Text, Uuid

FILESYSTEM = Agent("ocf", "heartbeat", "Filesystem")
RBD_IMAGE = Agent("ocf", "hactl", "RbdImage")
LVM_ACTIVATE = Agent("ocf", "heartbeat", "LVM-activate")
GFS2_MOUNT = Agent("ocf", "hactl", "Gfs2Mount")


class Directory(FileSystem):
    """A directory with the same content on every node.

    With a ``device`` hactl mounts it (a clone of ocf:heartbeat:Filesystem); without one it is
    simply there, and hactl only knows what lives in it.
    """

    kind: Literal["directory"] = Field(description="A directory that all nodes share.")
    path: Path = Field(description="Where it is, on every node.")
    device: Text | None = Field(None, description="What is mounted there, like nas:/export/vms.")
    fstype: Text | None = Field(None, description="The type of the file system, like nfs4.")
    options: Text | None = Field(None, description="Mount options.")

    @property
    def run_by(self) -> Agent:
        return FILESYSTEM

    @property
    def root(self) -> str:
        return self.path

    @property
    def lies_on(self) -> tuple[tuple[Where, str], ...]:
        return ()

    @property
    def is_mounted(self) -> bool:
        return self.device is not None

    @property
    def is_shared(self) -> bool:
        return True

    @property
    def lock_managers(self) -> tuple[str, ...]:
        return ()


class Rbd(BlockDevice):
    """A Ceph image: QEMU opens it itself, or it is mapped (ocf:hactl:RbdImage)."""

    kind: Literal["rbd"] = Field(description="A Ceph image.")
    image: ImageSpec = Field(description="POOL/IMAGE, or POOL/NAMESPACE/IMAGE.")
    attach: Literal["native", "mapped", "everywhere"] | None = Field(
        None,
        description="native: QEMU or the gateway opens it by librbd; mapped: a block device on "
        "the node of its user; everywhere: a block device on every node. Default: as its user "
        "needs it, native for the disks of guests.",
    )
    client: Text | None = Field(None, description="The Ceph user, without client. (default admin).")
    secret: Uuid | None = Field(
        None, description="For native: the libvirt secret with the user's key, on every node."
    )
    conf: Path | None = Field(None, description="Ceph's configuration file, if it is elsewhere.")
    keyring: Path | None = Field(None, description="For mapped: the file with the user's key.")
    read_only: bool = Field(False, description="Never write to it.")
    mapper: Annotated[str, AgentChoice(RBD_IMAGE, "mapper")] | None = Field(
        None, description="What maps it (default: the first that a node has)."
    )
    fence_silent_owner: bool | None = Field(
        None, description="Cut off an owner that is silent (default true)."
    )
    options: list[Text] = Field([], description="Options for krbd, like osd_request_timeout=60.")

    @property
    def run_by(self) -> Agent:
        return RBD_IMAGE

    @property
    def root(self) -> str:
        return f"/dev/rbd/{self.image}"

    @property
    def claim(self) -> tuple[str, str, str]:
        return "the image", self.image, "image"

    @property
    def lies_on(self) -> tuple[tuple[Where, str], ...]:
        return ()

    @property
    def is_shared(self) -> bool:
        return False

    @property
    def lock_managers(self) -> tuple[str, ...]:
        return ()

    @override
    def block_device(self, volume: str | None) -> str | None:
        return self.root

    @override
    def disk_path(self, stem: str, volume: str | None, form: str) -> str:
        return self.root


class Lvm(BlockDevice):
    """A volume group on storage that all nodes reach (ocf:heartbeat:LVM-activate)."""

    kind: Literal["lvm"] = Field(description="A volume group of LVM.")
    vg: LvmName = Field(description="The volume group.")
    lv: LvmName | None = Field(None, description="The one logical volume of it that is meant.")
    mode: Literal["exclusive", "shared"] = Field(
        "exclusive",
        description="exclusive: active on the node of its user; shared: on every node.",
    )
    access: Literal["system_id", "lvmlockd", "tagging"] | None = Field(
        None,
        description="What keeps nodes apart (default lvmlockd if shared, or else system_id).",
    )
    devices: list[Device] = Field([], description="The storage or devices that it lies on.")

    @property
    def run_by(self) -> Agent:
        return LVM_ACTIVATE

    @property
    def root(self) -> str:
        return f"/dev/{self.vg}/{self.lv}" if self.lv else f"/dev/{self.vg}"

    @property
    def claim(self) -> tuple[str, str, str]:
        return "the volume", self.root, "lv" if self.lv else "vg"

    @property
    def inside(self) -> str:
        return f"/dev/{self.vg}/"

    @property
    def lies_on(self) -> tuple[tuple[Where, str], ...]:
        return tuple((("devices", index), device) for index, device in enumerate(self.devices))

    @property
    def is_shared(self) -> bool:
        return self.mode == "shared"

    @property
    def kept_apart_by(self) -> str:
        """What keeps nodes apart in it: its access, or else what goes with its mode."""
        return self.access or (LVMLOCKD if self.is_shared else "system_id")

    @property
    def lock_managers(self) -> tuple[str, ...]:
        return (LVMLOCKD, DLM) if self.kept_apart_by == LVMLOCKD else ()

    @override
    def block_device(self, volume: str | None) -> str | None:
        if self.lv:
            return self.root
        return f"{self.root}/{volume}" if volume else None

    @override
    def disk_path(self, stem: str, volume: str | None, form: str) -> str:
        return self.block_device(volume or stem) or self.root

    @property
    def has_volumes(self) -> bool:
        return self.lv is None

    @property
    def put_everywhere_by(self) -> tuple[str, str]:
        return "mode", "shared"

    @property
    def migrated_by(self) -> tuple[str, str]:
        return "mode", "shared"


class Gfs2(FileSystem):
    """A GFS2 file system on every node at once (ocf:hactl:Gfs2Mount), with the lock manager."""

    kind: Literal["gfs2"] = Field(description="A GFS2 file system.")
    path: Path = Field(description="Where it is mounted, on every node.")
    device: Device = Field(description="The storage it lies on, or the path of the device.")
    journals: int | None = Field(
        None, ge=1, le=64, description="How many journals it was made with; one for every node."
    )
    options: Text | None = Field(None, description="Mount options.")
    quota: Annotated[str, AgentChoice(GFS2_MOUNT, "quota")] | None = Field(
        None, description="What is done about quotas."
    )
    cluster_name: Text | None = Field(
        None, description="The cluster in its lock table, if that is not this one's name."
    )

    @property
    def run_by(self) -> Agent:
        return GFS2_MOUNT

    @property
    def root(self) -> str:
        return self.path

    @property
    def lies_on(self) -> tuple[tuple[Where, str], ...]:
        return ((("device",), self.device),)

    @property
    def is_mounted(self) -> bool:
        return True

    @property
    def is_shared(self) -> bool:
        return True

    @property
    def lock_managers(self) -> tuple[str, ...]:
        return (DLM,)


Storage = Annotated[
    Directory | Rbd | Lvm | Gfs2, Field(discriminator="kind", description="A storage, by its kind.")
]

KINDS = complete(Directory, Rbd, Lvm, Gfs2)
