"""Resources and constraints that belong together, before they are one cluster."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hactl.model.constraint import Constraint
from hactl.model.resource import Resource


@dataclass(frozen=True, slots=True)
class Parts:
    resources: tuple[Resource, ...] = ()
    constraints: tuple[Constraint, ...] = ()


def combined(all_parts: Iterable[Parts]) -> Parts:
    """Return everything in one; constraints that are said twice are there once."""
    resources: list[Resource] = []
    constraints: dict[Constraint, None] = {}
    for parts in all_parts:
        resources += parts.resources
        constraints |= dict.fromkeys(parts.constraints)
    return Parts(tuple(resources), tuple(constraints))
