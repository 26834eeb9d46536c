"""What every resource has in common: how often it is checked, and how long things may take."""

from __future__ import annotations

from pydantic import Field

from hactl.topology.schema.section import Section
from hactl.topology.types import Duration, Name, Parameter


class StepTimeouts(Section):
    """Timeouts of the operations, where the usual ones do not fit."""

    start: Duration | None = Field(None, description="To start.")
    stop: Duration | None = Field(None, description="To stop.")
    monitor: Duration | None = Field(None, description="To check.")


class Operated(Section):
    """What is run by an agent: how it is checked, and what else its agent takes."""

    monitor: Duration | None = Field(None, description="How often it is checked.")
    timeouts: StepTimeouts = Field(
        default_factory=StepTimeouts, description="Timeouts of its operations."
    )
    params: dict[Name, Parameter] = Field({}, description="Further parameters of its agent.")
