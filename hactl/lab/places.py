"""Where the lab keeps its things, as its own mount namespace sees them. All of it is in memory."""

from __future__ import annotations

from pathlib import Path

# The lab covers /run with a file system of its own: nothing of it is ever on the host.
BASE = Path("/run/hactl-lab")
IMAGE = BASE / "image"  # lies over the host's files in every node
SHARED = BASE / "shared"  # /lab in every node
VMS = BASE / "vms"  # /srv/vms in every node
LOG = BASE / "labd.log"
POWER_SOCKET = SHARED / "power.sock"


def folder(node: str) -> Path:
    return BASE / node


def disk(node: str) -> Path:
    """What a node keeps over a power cycle."""
    return folder(node) / "disk"


def sysrq(node: str) -> Path:
    """The FIFO that a node sees in place of /proc/sysrq-trigger."""
    return folder(node) / "sysrq-trigger"
