"""What became of one level in a drill, as a value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from hactl.fencing.configuration import Level


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one level: proven unless there is a ``failure``; ``seconds`` by phase.

    ``arrived`` are the resources that moved, where to, and after how many seconds.
    """

    level: Level
    failure: str = ""
    seconds: Mapping[str, float] = field(default_factory=dict)
    arrived: Mapping[str, tuple[str, float]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
