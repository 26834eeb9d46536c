"""A node of the cluster: its name, addresses, capacity and attributes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Node:
    """A cluster node; ``id`` is its corosync node id, ``links`` its address on each knet link.

    ``utilization`` is what guests may use: ``cpu`` in thousandths of a core, ``memory`` in MiB.
    """

    name: str
    id: int
    links: tuple[str, ...] = ()
    attributes: Mapping[str, str] = field(default_factory=dict)
    utilization: Mapping[str, int] = field(default_factory=dict)
