"""What was collected on the nodes, against each other and against the topology."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from hactl.drift.finding import Drift, List

CLOCK = 1.0  # seconds by which the clocks of two nodes may differ
MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Facts:
    """What a node said; ``sent`` and ``back`` are our clock before and after, in seconds."""

    said: Mapping[str, Any]
    sent: float
    back: float

    @property
    def ahead(self) -> float:
        """How far the node's clock is from ours at least; below 0: it is behind."""
        clock = float(self.said.get("clock", self.sent))
        if clock > self.back:
            return clock - self.back
        return min(clock - self.sent, 0.0)


@dataclass(frozen=True, slots=True)
class Intended:
    """What the topology says of every node. ``ports`` by bridge; ``memory`` by node in bytes."""

    files: tuple[str, ...] = ()
    ports: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    mounts: tuple[str, ...] = ()
    memory: Mapping[str, int] = field(default_factory=dict)


def drifts(found: Mapping[str, Facts], meant: Intended) -> Iterator[Drift]:
    """Yield what differs, by node."""
    for about, values in compared(found).items():
        yield from odd(about, values)
    for node, facts in found.items():
        yield from by_itself(node, facts, meant)


def compared(found: Mapping[str, Facts]) -> dict[str, dict[str, str]]:
    """Return what has to be alike on all nodes: by what it is, what each node says."""
    table: dict[str, dict[str, str]] = {}
    for node, facts in found.items():
        said = facts.said
        rows = {
            **{f"{name}": value for name, value in said.get("files", {}).items()},
            **{f"version of {name}": v for name, v in said.get("versions", {}).items()},
            "CPU model": said.get("cpu", {}).get("model"),
            "CPU features": said.get("cpu", {}).get("features"),
            "agents of hactl": said.get("agents"),
        }
        for about, value in rows.items():
            if value is not None:
                table.setdefault(about, {})[node] = str(value)
    return table


def odd(about: str, values: Mapping[str, str]) -> Iterator[Drift]:
    """Yield the nodes that say something else than most do; all, where no value is in front."""
    ranked = Counter(values.values()).most_common()
    if len(ranked) < 2:
        return
    even = ranked[0][1] == ranked[1][1]
    for node, value in sorted(values.items()):
        if even or value != ranked[0][0]:
            others = "no majority has one value" if even else f"most nodes have {ranked[0][0]}"
            yield Drift(List.NODE, node, f"{about} is {value}, {others}")


def by_itself(node: str, facts: Facts, meant: Intended) -> Iterator[Drift]:
    said = facts.said
    for bridge, ports in meant.ports.items():
        there = said.get("bridges", {}).get(bridge)
        if there is None:
            yield Drift(List.NODE, node, f"there is no bridge {bridge}")
        else:
            for port in ports:
                if port not in there:
                    yield Drift(List.NODE, node, f"{port} is not a port of the bridge {bridge}")
    for path in meant.mounts:
        if not said.get("mounts", {}).get(path, True):
            yield Drift(List.NODE, node, f"nothing is mounted on {path}")
    if abs(facts.ahead) > CLOCK:
        way = "ahead of" if facts.ahead > 0 else "behind"
        yield Drift(List.NODE, node, f"its clock is {abs(facts.ahead):.1f} s {way} this node's")
    total = said.get("memory", {}).get("total", 0) * MIB
    if total and meant.memory.get(node, 0) > total + total // 10:
        yield Drift(
            List.NODE, node, f"has {total // MIB} MiB of memory, the topology says "
            f"{meant.memory[node] // MIB}"
        )  # fmt: skip
