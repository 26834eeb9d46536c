"""Which fence devices are tried for a node, and in which order."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

# Pacemaker's own name for a node that resets itself; no primitive of the CIB.
WATCHDOG = "watchdog"


class Means(StrEnum):
    """How an agent keeps a node from doing harm."""

    KDUMP = "it is dumping its memory"
    POWER = "it has no power"
    STORAGE = "it cannot write"
    PILL = "it resets itself"


KNOWN = {
    "fence_kdump": Means.KDUMP,
    "fence_sbd": Means.PILL,
    "fence_watchdog": Means.PILL,
    "fence_ceph_blocklist": Means.STORAGE,
    "fence_scsi": Means.STORAGE,
    "fence_mpath": Means.STORAGE,
    "fence_sanlock": Means.STORAGE,
    "fence_brocade": Means.STORAGE,
}


def means(agent: str) -> Means:
    """Return how a fence agent works; one that is not known switches power, as most do."""
    return KNOWN.get(agent, Means.POWER)


@dataclass(frozen=True, slots=True)
class FencingLevel:
    """All ``devices`` must succeed for ``node`` to count as fenced at level ``index`` (1 to 9)."""

    node: str
    index: int
    devices: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Watchdog:
    """SBD on every node; times in milliseconds. Without ``disks`` the quorum decides who resets.

    The formulas are sbd(8)'s: a message must be read within twice the watchdog's time, and who sent
    it waits a fifth longer; without a disk a node counts as reset after twice that time.
    """

    timeout: int
    device: str = "/dev/watchdog"
    disks: tuple[str, ...] = ()

    @property
    def msgwait(self) -> int:
        return 2 * self.timeout

    @property
    def longest(self) -> int:
        """How long fencing by it may take."""
        return self.msgwait + self.msgwait // 5 if self.disks else 2 * self.timeout
