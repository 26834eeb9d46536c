"""Whether guests fit on nodes: a quick packing and no scheduler; Pacemaker has the last word."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Amounts = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Load:
    """What a guest uses, and the only nodes it may run on (all, if empty)."""

    name: str
    uses: Amounts
    nodes: tuple[str, ...] = ()


def fits(uses: Amounts, free: Amounts) -> bool:
    return all(free.get(what, 0) >= amount for what, amount in uses.items())


def hosts(load: Load, nodes: Mapping[str, Amounts]) -> list[str]:
    """Return the nodes that could hold a guest if they had no other."""
    allowed = load.nodes or nodes
    return [name for name in nodes if name in allowed and fits(load.uses, nodes[name])]


def stranded(loads: Sequence[Load], nodes: Mapping[str, Amounts]) -> list[str]:
    """Return the guests that find no place when the largest choose first."""
    free = {name: dict(amounts) for name, amounts in nodes.items()}
    left = []
    for load in sorted(loads, key=lambda load: sorted(load.uses.values()), reverse=True):
        place = next((name for name in free if takes(load, name, free[name])), None)
        if place is None:
            left.append(load.name)
            continue
        for what, amount in load.uses.items():
            free[place][what] -= amount
    return left


def takes(load: Load, node: str, free: Amounts) -> bool:
    return (not load.nodes or node in load.nodes) and fits(load.uses, free)


def shortfall(loads: Sequence[Load], nodes: Mapping[str, Amounts]) -> dict[str, int]:
    """Return how much of what is missing when everything is added up: certain, if anything."""
    missing: dict[str, int] = {}
    for what in {what for load in loads for what in load.uses}:
        wanted = sum(load.uses.get(what, 0) for load in loads)
        offered = sum(amounts.get(what, 0) for amounts in nodes.values())
        if wanted > offered:
            missing[what] = wanted - offered
    return missing


def amounts(values: Amounts) -> str:
    """Spell amounts as an operator would: ``4096MiB memory, 2 cpus``."""
    parts = []
    for what, amount in sorted(values.items(), reverse=True):
        if what == "cpu":
            parts.append(f"{amount / 1000:g} cpus")
        else:
            parts.append(f"{amount}MiB {what}" if what == "memory" else f"{amount} {what}")
    return ", ".join(parts) or "nothing"
