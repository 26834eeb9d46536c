"""What every section of a topology has in common: no unknown keys, no conversions, frozen."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A mapping of known keys; values keep the type they were written in."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, defer_build=True)


def nothing_is_empty(value: Any) -> Any:
    """A section whose entries were all commented out is an empty one."""
    return {} if value is None else value
