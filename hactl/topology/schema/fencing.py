"""The ``fencing`` section: devices that turn nodes off, and the order they are tried in."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, model_validator

from hactl.model.fencing import LET_THEMSELVES_IN
from hactl.topology.checked import matching
from hactl.topology.schema.section import Section
from hactl.topology.types import NAME, DevicePath, Duration, FenceAgent, Name, Parameter, Text

PARAMETER_NAME = matching(NAME, "the name of a parameter", "write it as the agent does, like ip")


def check_parameter_name(key: object) -> None:
    PARAMETER_NAME.check(key)


class Device(Section):
    """A fence device; every other key is a parameter of its agent."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Parameter]

    agent: FenceAgent = Field(description="The fence agent, like fence_ipmilan.")
    monitor: Duration = Field(60_000, description="How often the device is checked.")
    timeout: Duration | None = Field(
        None, description="How long one action of it may take (default: the stonith_timeout)."
    )
    rack: Text | None = Field(
        None, description="Where it stands, if not with the node it fences; for `hactl whatif`."
    )
    feeds: list[Name] = Field(
        [],
        description="The nodes and devices that have no power without it; for `hactl whatif`.",
    )
    on_target: bool | None = Field(
        None,
        description="May run on the very node it fences; a node cannot fence itself (default: "
        "true for fence_ceph_blocklist, fence_scsi, fence_mpath: by them a node lets itself in).",
    )

    @model_validator(mode="before")
    @classmethod
    def names_can_be_ids(cls, value: Any) -> Any:
        for key in value if isinstance(value, dict) else ():
            check_parameter_name(key)
        return value

    @property
    def runs_on_target(self) -> bool:
        """Whether the node it fences may use it, too."""
        return self.agent in LET_THEMSELVES_IN if self.on_target is None else self.on_target

    @property
    def parameters(self) -> dict[str, str]:
        return dict(self.__pydantic_extra__)


class Watchdog(Section):
    """SBD: a node that loses the cluster, or finds its message on a disk, is reset by hardware."""

    timeout: Duration = Field(
        5_000,
        description="Silence after which the watchdog resets the node (SBD_WATCHDOG_TIMEOUT).",
    )
    device: DevicePath = Field("/dev/watchdog", description="The watchdog, on every node.")
    disks: Annotated[list[DevicePath], Field(max_length=3)] = Field(
        [], description="Shared disks for messages, one or three; without them quorum decides."
    )


class Fencing(Section):
    """The devices, and the levels in which they are tried."""

    devices: dict[Name, Device] = Field({}, description="The fence devices by name.")
    levels: list[list[Name]] = Field(
        [],
        max_length=9,
        description="Levels tried in order; all devices of a level must succeed (default: kdump, "
        "then each power device, and all outlets of a node together, beside all storage devices, "
        "then SBD).",
    )
    watchdog: Watchdog | None = Field(
        None, description="SBD on every node, as what is tried last; {} for its defaults."
    )
    reaction: Literal["stop", "panic"] | None = Field(
        None,
        description="What a node does that learns it was fenced and still runs (default: panic "
        "with storage devices or a watchdog, else stop).",
    )
    drill_every: Duration | None = Field(
        None,
        description="How old the proof of a level by `hactl fence drill` may become before status "
        "and plan say so (default: 90d).",
    )
