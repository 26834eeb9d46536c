"""Which fence devices are tried for a node, and in which order."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FencingLevel:
    """All ``devices`` must succeed for ``node`` to count as fenced at level ``index`` (1 to 9)."""

    node: str
    index: int
    devices: tuple[str, ...]
