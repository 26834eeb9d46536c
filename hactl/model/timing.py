"""How long things may take: the timeouts that sizes, rates and ladders lead to."""

from __future__ import annotations

MIB = 1 << 20

# What a migration can count on where nobody said: one gigabit.
BANDWIDTH = 100 * MIB

SHUTDOWN = 120_000
CONTAINER_SHUTDOWN = 60_000
ROUND = 10_000


def copying(memory: int | None, bandwidth: int | None) -> int:
    """Return the milliseconds that copying ``memory`` bytes may take.

    Twice the pure time, as a guest writes while it is copied, and a minute for what is around.
    """
    pure = 1000 * (memory or 1024 * MIB) // (bandwidth or BANDWIDTH)
    return rounded(60_000 + 2 * pure)


def rounded(milliseconds: int) -> int:
    """Round up to ten seconds, so that a small change does not change every timeout."""
    return -(-milliseconds // ROUND) * ROUND


def duration(milliseconds: int) -> str:
    """Spell a time as Pacemaker reads it: ``10s``, or ``1500ms`` where seconds are too coarse."""
    whole, rest = divmod(milliseconds, 1000)
    return f"{milliseconds}ms" if rest else f"{whole}s"
