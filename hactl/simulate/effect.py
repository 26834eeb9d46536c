"""What happens to a resource: one vocabulary for every verb that foresees or looks back.

``stays · migrates · restarts · starts · stops · stranded · fenced · hangs``

An `Effect` is about one primitive on one node, because that is what the scheduler acts upon: a
group or a clone is the sum of its parts, and a part may leave while the rest stays.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class What(StrEnum):
    """What becomes of something, from the harmless to the grave."""

    STAYS = "stays"  # where it is; with no node at all: it is stopped and meant to be
    STARTS = "starts"
    MIGRATES = "migrates"  # live, nobody notices
    RESTARTS = "restarts"  # stopped, and started there or elsewhere
    STOPS = "stops"
    STRANDED = "stranded"  # should run, and runs nowhere afterwards
    HANGS = "hangs"  # waits on a node that is gone for a fencing that does not come
    FENCED = "fenced"  # goes with its node; a target says where it comes back


GRAVITY = tuple(What)
# A bridge that restarts or a fencing device that moves disturbs nobody by itself; what it does to
# the guests on it is predicted for each guest. The connection to a guest node goes with its guest.
UNDISTURBING = frozenset({"network", "storage", "fencing", "connection"})
GONE = frozenset({What.STOPS, What.STRANDED})
INTERRUPTED = frozenset({What.RESTARTS, What.STOPS, What.STRANDED, What.HANGS, What.FENCED})


@dataclass(frozen=True, slots=True)
class Effect:
    """What happens to ``name``: from one node to another, either empty where it does not run.

    ``name`` is what the operator calls it, ``primitive`` the part of it that is acted upon (with
    its number if it is an instance of a globally unique clone). ``promotes`` and ``demotes`` come
    on top of ``what``: a part that stays may be promoted, one that starts may be promoted at once.
    ``unit`` is the top-level resource it belongs to, ``why`` a clause; ``foreign`` says that hactl
    did not make it.
    """

    name: str
    primitive: str
    kind: str
    what: What
    source: str = ""
    target: str = ""
    why: str = ""
    unit: str = ""
    foreign: bool = False
    promotes: bool = False
    demotes: bool = False

    @property
    def moves_role(self) -> bool:
        return self.promotes or self.demotes

    @property
    def disruptive(self) -> bool:
        """Whether something that runs and has users is interrupted."""
        grave = self.what in INTERRUPTED or self.demotes
        return grave and bool(self.source) and self.kind not in UNDISTURBING


def gravest(effects: Iterable[Effect]) -> What:
    """Return the worst of several things that happen to one resource; at least one is given."""
    return max((effect.what for effect in effects), key=GRAVITY.index)


def effect_text(effect: Effect) -> str:
    """Return an effect as the end of a sentence about its resource."""
    here, there = effect.source, effect.target
    moves = f"{here} -> {there}" if here and there and here != there else f"on {there or here}"
    said = {
        What.STAYS: f"stays on {here}" if here else "stays stopped",
        What.STARTS: f"starts on {there}",
        What.STOPS: f"stops on {here}",
        What.MIGRATES: f"migrates live, {moves}",
        What.RESTARTS: f"restarts {moves}",
        What.STRANDED: f"stops on {here}, runs nowhere" if here else "runs nowhere",
        What.HANGS: f"hangs on {here}",
        What.FENCED: f"is fenced {moves}",
    }[effect.what]
    return f"{said}{role(effect)}"


def role(effect: Effect) -> str:
    if effect.what in (What.STOPS, What.STRANDED) and effect.demotes:
        return " (was promoted)"
    words = ["demoted"] * effect.demotes + ["promoted"] * effect.promotes
    return f", {' and '.join(words)}" if words else ""
