"""The ``fencing`` section: devices that turn nodes off, and the order they are tried in."""

from __future__ import annotations

from typing import Any

from pydantic import ConfigDict, Field, model_validator

from hactl.topology.schema.section import Section
from hactl.topology.types import NAME, Duration, FenceAgent, Name, Parameter, matching

PARAMETER_NAME = matching(NAME, "the name of a parameter", "write it as the agent does, like ip")


def check_parameter_name(key: object) -> None:
    PARAMETER_NAME.check(key)


class Device(Section):
    """A fence device; every other key is a parameter of its agent."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Parameter]

    agent: FenceAgent = Field(description="The fence agent, like fence_ipmilan.")
    monitor: Duration = Field(60_000, description="How often the device is checked.")
    on_target: bool = Field(
        False, description="May run on the very node it fences (a node cannot fence itself)."
    )

    @model_validator(mode="before")
    @classmethod
    def names_can_be_ids(cls, value: Any) -> Any:
        for key in value if isinstance(value, dict) else ():
            check_parameter_name(key)
        return value

    @property
    def parameters(self) -> dict[str, str]:
        return dict(self.__pydantic_extra__)


class Fencing(Section):
    """The devices, and the levels in which they are tried."""

    devices: dict[Name, Device] = Field({}, description="The fence devices by name.")
    levels: list[list[Name]] = Field(
        [],
        max_length=9,
        description="Levels tried in order; all devices of a level must succeed.",
    )
