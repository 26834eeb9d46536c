"""The verdict on one loss: quorum, fencing, the fate of everything, and the room that is left."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hactl.whatif.fate import Fate
from hactl.whatif.loss import Loss
from hactl.whatif.quorum import Count


@dataclass(frozen=True, slots=True)
class Room:
    """What ``node`` has ``left`` of what guests use up; cpu in thousandths, memory in MiB."""

    node: str
    left: Mapping[str, int]

    @property
    def least(self) -> int:
        """The memory that is left, or the least of whatever is counted."""
        return self.left.get("memory", min(self.left.values(), default=0))


@dataclass(frozen=True, slots=True)
class Verdict:
    """``hangs`` are lost nodes that nothing can fence, each with why; ``fenced`` go with the loss.

    ``fates`` are of what does not simply stay; ``staying`` counts the rest. ``settled`` says that
    the cluster was followed until it was at rest again.
    """

    loss: Loss
    count: Count
    hangs: Mapping[str, str]
    fenced: tuple[str, ...]
    fates: tuple[Fate, ...]
    staying: int
    rooms: tuple[Room, ...]
    settled: bool = True

    @property
    def down(self) -> tuple[Fate, ...]:
        """What does not survive."""
        return tuple(fate for fate in self.fates if not fate.survives)

    @property
    def tightest(self) -> Room | None:
        """The node with the least memory left, or the least of whatever is counted."""
        counted = [room for room in self.rooms if room.left]
        return min(counted, key=lambda room: room.least, default=None)
