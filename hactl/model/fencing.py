"""Which fence devices are tried for a node, and in which order."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

# What pacemaker-fenced itself takes for every device (`pacemaker-fenced metadata`).
PACEMAKERS = re.compile(
    r"pcmk_(host_(argument|map|list|check)|delay_(base|max)|action_limit"
    r"|(reboot|off|on|list|monitor|status|metadata|validate-all)_(action|timeout|retries))"
)
PACEMAKERS_NAMES = (
    *(f"pcmk_host_{what}" for what in ("argument", "map", "list", "check")),
    *("pcmk_delay_base", "pcmk_delay_max", "pcmk_action_limit"),
    *(f"pcmk_{action}_timeout" for action in ("reboot", "off", "on", "monitor", "status", "list")),
    *(f"pcmk_{action}_action" for action in ("reboot", "off", "on", "monitor", "status", "list")),
    *("pcmk_reboot_retries", "pcmk_off_retries"),
)

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


# Of these a node with two supplies has two: each turns off one of them alone.
OUTLETS = frozenset(
    f"fence_{name}"
    for name in (
        *("apc", "apc_snmp", "cdu", "cyberpower_ssh", "eaton_snmp", "eaton_ssh", "emerson", "eps"),
        *("ipdu", "lindypdu", "netio", "raritan", "raritan_px3", "tripplite_snmp", "wti"),
    )
)

# Management controllers: one for each machine, known by its address alone.
CONTROLLERS = re.compile(
    r"fence_(ipmilan(plus)?|idrac|drac|ilo[2-5]?(_ssh)?|ilo_mp|imm|rsa|rsb|alom|amt(_ws)?)"
)


# These let a node in to its storage again, on the node itself as it joins.
LET_THEMSELVES_IN = frozenset({"fence_ceph_blocklist", "fence_scsi", "fence_mpath"})


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
