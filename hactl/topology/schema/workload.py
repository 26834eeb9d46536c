"""What guests, containers and gateways have in common: how they are placed and watched."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from hactl.model.score import MUST
from hactl.topology.checked import Checked, matching, wrong
from hactl.topology.schema.section import Section
from hactl.topology.types import (
    NAME,
    SCORE_SCHEMA,
    Duration,
    Name,
    NodeName,
    Parameter,
    Score,
    check_score,
)
from hactl.topology.units import shown

NAME_CHECK = matching(NAME, "a name", "name a guest or container")


def check_peers(value: object) -> dict[str, int]:
    """Read ``[db1, db2]`` (a must) or ``{db1: 100}`` (a wish of that weight)."""
    if isinstance(value, str):
        raise wrong(f"{shown(value)} is not a list", f"write [{value}]")
    if isinstance(value, list):
        value = dict.fromkeys(map(check_name, value), MUST)
    if not isinstance(value, dict):
        raise wrong(f"{shown(value)} is not a list of names", "write it like [db1, db2]")
    scores = {check_name(name): check_score(score) for name, score in value.items()}
    if any(score <= 0 for score in scores.values()):
        raise wrong("a weight must be above 0", "apart and together say the direction")
    return scores


def check_name(value: object) -> str:
    return str(NAME_CHECK.check(value))


def check_names(value: object) -> list[str]:
    """Read ``vms`` or ``[vms, more]``."""
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, list):
        raise wrong(f"{shown(value)} is not a list of names", "write it like [db1, db2]")
    return [check_name(name) for name in value]


NAME_SCHEMA = {"type": "string", "pattern": NAME}
NAMES_SCHEMA = {"type": "array", "items": NAME_SCHEMA}
Names = Annotated[list[str], Checked(check_names, {"anyOf": [NAME_SCHEMA, NAMES_SCHEMA]})]
Peers = Annotated[
    dict[str, int],
    Checked(
        check_peers,
        {"anyOf": [NAMES_SCHEMA, {"type": "object", "additionalProperties": SCORE_SCHEMA}]},
    ),
]


class Timeouts(Section):
    """Timeouts of the operations, where the computed ones do not fit."""

    start: Duration | None = Field(None, description="To start.")
    stop: Duration | None = Field(None, description="To stop, with every step of the ladder.")
    monitor: Duration | None = Field(None, description="To check.")
    migrate: Duration | None = Field(None, description="To migrate live.")


class Placed(Section):
    """Where a guest, container or gateway runs, and with whom."""

    priority: int | None = Field(
        None, ge=-999_999, le=999_999, description="Who goes first when not all fit; higher wins."
    )
    together: Peers = Field(
        {}, description="Runs on the same node as these: a must in a list, a wish with a score."
    )
    apart: Peers = Field(
        {}, description="Runs on other nodes than these: a must in a list, a wish with a score."
    )
    after: list[Name] = Field([], description="Starts after these when both start.")
    prefer: dict[NodeName, Score] = Field({}, description="Nodes it likes, with a score.")
    nodes: list[NodeName] = Field([], min_length=1, description="The only nodes it may run on.")
    must_survive: int = Field(
        0, ge=0, le=64, description="How many lost nodes it must survive; proven by simulation."
    )


class Workload(Placed):
    """How a guest or container is placed and watched."""

    monitor: Duration | None = Field(None, description="How often it is checked (default 10s).")
    deep_monitor: Duration | None = Field(
        None, description="How often it is checked in depth: a guest's agent, a container's health."
    )
    timeouts: Timeouts = Field(default_factory=Timeouts, description="Timeouts of its operations.")
    on_fail: Literal["restart", "ignore", "block", "stop", "fence", "standby"] | None = Field(
        None, description="What a failed check leads to (default restart)."
    )
    params: dict[Name, Parameter] = Field({}, description="Further parameters of its agent.")
    meta: dict[Name, Parameter] = Field({}, description="Further meta attributes.")
