"""How many schedulers this machine can run side by side, by its processors and its memory."""

from __future__ import annotations

import os
from pathlib import Path

# What crm_simulate takes for each byte of a CIB (60, measured up to 32 nodes with 2000 guests).
MEMORY_PER_BYTE = 100
LEAST = 64 << 20
SHARE = 0.5  # of what is free


def workers(size: int, meminfo: Path = Path("/proc/meminfo")) -> int:
    """Return how many may work at a time on CIBs of ``size`` bytes; one in any case."""
    processors = len(os.sched_getaffinity(0))
    room = int(SHARE * available(meminfo) / max(LEAST, MEMORY_PER_BYTE * size))
    return max(1, min(processors, room))


def available(meminfo: Path) -> int:
    """Return the bytes that are free for new work; nothing where nobody says."""
    try:
        lines = meminfo.read_text().splitlines()
    except OSError:
        return 0
    found = (line.split()[1] for line in lines if line.startswith("MemAvailable:"))
    return int(next(found, "0")) << 10
