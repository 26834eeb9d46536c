"""What several losses in turn come to: the last of them, and what the earlier ones have moved."""

from __future__ import annotations

from collections.abc import Sequence

from hactl.simulate.effect import What
from hactl.whatif.fate import DOWN, Fate, Fates
from hactl.whatif.loss import Kind, Loss
from hactl.whatif.scene import Scene


def moved(first: Scene, last: Scene, fates: Sequence[Fate]) -> tuple[Fate, ...]:
    """Return the fates of everything from ``first`` on, if ``fates`` are those from ``last`` on."""
    late = {fate.name: fate for fate in fates}
    nothing = Loss(Kind.NODE, "")
    kinds = {fate.name: fate for fate in Fates(first, nothing, first.transition).all()}
    found = []
    for name, fate in kinds.items():
        before, between = places_of(first, name), places_of(last, name)
        if before and not between:
            found.append(Fate(name, fate.kind, What.STRANDED, min(before)))
        elif name in late and late[name].what in DOWN:
            found.append(late[name])
        elif name in late:
            found.append(
                Fate(name, fate.kind, late[name].what, min(before or {""}), late[name].target)
            )
        elif before != between and len(before) == 1:
            found.append(Fate(name, fate.kind, What.FENCED, min(before), min(between)))
    return tuple(found)


def places_of(scene: Scene, unit: str) -> set[str]:
    """Return the nodes on which something of a resource is active."""
    return {
        node
        for name, nodes in scene.before.active.items()
        if scene.owners.unit(name.partition(":")[0]) == unit
        for node in nodes
    }
