"""What is taken away below something that runs on: an unmanaged or blocked resource cannot stop.

Pacemaker stops what lies below it all the same when a node is emptied: an order on a clone speaks
of all its instances, so none could hold that of one node (docs/explanation/constraints.md).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from lxml.etree import _Element

from hactl.cib.foundations import foundations
from hactl.simulate.effect import Effect, What
from hactl.simulate.transition import Transition

LEAVES = frozenset({What.STOPS, What.STRANDED, What.RESTARTS, What.MIGRATES})


@dataclass(frozen=True, slots=True, order=True)
class Undermined:
    """On ``node``, ``lower`` goes and ``user``, which stands on it, stays; both are primitives."""

    node: str
    lower: str
    user: str

    def __str__(self) -> str:
        return f"{self.lower} would be taken away on {self.node} below {self.user}, which stays"


@dataclass(frozen=True, slots=True)
class Exposed:
    """``user`` does not stop on ``node`` if that is emptied, and ``lowers`` would."""

    node: str
    user: str
    lowers: tuple[str, ...]

    def __str__(self) -> str:
        return (
            f"{self.user} cannot be stopped on {self.node} (not managed, or blocked): if that node "
            f"is emptied or shut down, {', '.join(self.lowers)} would be taken away below it; "
            "manage it, clean it up or stop it first"
        )


def undermined(configuration: _Element, effects: Iterable[Effect]) -> tuple[Undermined, ...]:
    """Return what ``effects`` take away below something that stays where it is.

    ``configuration`` holds the orders that are in force meanwhile.
    """
    found = list(effects)
    gone = {(e.primitive, e.source): e.target != e.source for e in found if e.what in LEAVES}
    below = foundations(configuration) if gone else {}
    return tuple(
        sorted(
            Undermined(each.source, lower, each.primitive)
            for each in found
            if each.what is What.STAYS and each.source
            for lower, firm in below.get(each.primitive, {}).items()
            if gone.get((lower, each.source)) or (firm and (lower, each.source) in gone)
        )
    )


def exposed(configuration: _Element, transition: Transition) -> Iterator[Exposed]:
    """Yield what cannot be stopped and lies on something that can."""
    below = foundations(configuration)
    units = dict(owners(configuration))
    for name, placed in sorted(transition.resources.items()):
        for node in placed.nodes if not placed.managed else ():
            lowers = {
                units.get(lower, lower)
                for lower in below.get(name, ())
                if node in transition.running(lower) and transition.placed(lower).managed
            }
            if lowers:
                yield Exposed(node, units.get(name, name), tuple(sorted(lowers)))


def owners(configuration: _Element) -> Iterator[tuple[str, str]]:
    """Yield each primitive with the top-level resource it belongs to."""
    for unit in configuration.iterfind("resources/*"):
        for primitive in unit.iter("primitive"):
            yield primitive.get("id", ""), unit.get("id", "")
