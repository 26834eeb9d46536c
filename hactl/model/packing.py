"""Where guests would all fit: an exact search, largest first, with an end.

Pacemaker places one resource after the other and takes none back, so it may leave a guest without
room although there is a packing (Pacemaker Explained, "Utilization and Placement Strategy").
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from hactl.model.capacity import Amounts, Load, takes

STEPS = 20_000


class TooHard(Exception):
    """The search has taken all its steps: whether there is a packing is not known."""


@dataclass
class Packing:
    """``apart`` names pairs that may not meet on a node."""

    loads: Sequence[Load]
    nodes: Mapping[str, Amounts]
    apart: Collection[frozenset[str]] = ()
    steps: int = STEPS
    free: dict[str, dict[str, int]] = field(init=False)
    placed: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.free = {name: dict(amounts) for name, amounts in self.nodes.items()}
        most = {what: max(1, total) for what, total in self.total().items()}
        # by the largest share of anything that there is
        self.order = sorted(
            self.loads,
            key=lambda load: max((load.uses[w] / most.get(w, 1) for w in load.uses), default=0),
            reverse=True,
        )

    def total(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for amounts in self.nodes.values():
            for what, amount in amounts.items():
                found[what] = found.get(what, 0) + amount
        return found

    def find(self) -> Mapping[str, str] | None:
        """Return a node for each load, or None where there is no packing. Raises TooHard."""
        return dict(self.placed) if self.search() else None

    def search(self) -> bool:
        """Place one load after the other, and take back what leads nowhere."""
        choices: list[Iterator[str]] = [self.choices(0)] if self.order else []
        while choices:
            depth = len(choices) - 1
            load = self.order[depth]
            if load.name in self.placed:
                self.take_back(load)
            node = next(choices[-1], None)
            if node is None:
                choices.pop()
                continue
            self.put(load, node)
            if depth + 1 == len(self.order):
                return True
            choices.append(self.choices(depth + 1))
        return not self.order

    def choices(self, number: int) -> Iterator[str]:
        """Yield the nodes that could take a load now, the fullest first; alike ones once."""
        load = self.order[number]
        seen: set[tuple[tuple[str, int], ...]] = set()
        for name in sorted(self.free, key=lambda node: sum(self.free[node].values())):
            self.steps -= 1
            if self.steps < 0:
                raise TooHard
            state = tuple(sorted(self.free[name].items()))
            alike = state in seen and not load.nodes and not self.apart
            if not alike and takes(load, name, self.free[name]) and not self.meets(load, name):
                seen.add(state)
                yield name

    def meets(self, load: Load, node: str) -> bool:
        there = (name for name, on in self.placed.items() if on == node)
        return any(frozenset((load.name, other)) in self.apart for other in there)

    def put(self, load: Load, node: str) -> None:
        self.placed[load.name] = node
        for what, amount in load.uses.items():
            self.free[node][what] -= amount

    def take_back(self, load: Load) -> None:
        node = self.placed.pop(load.name)
        for what, amount in load.uses.items():
            self.free[node][what] += amount
