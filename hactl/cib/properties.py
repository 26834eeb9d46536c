"""What cluster properties are called: knows the names that Pacemaker 3.0.2 changed."""

from __future__ import annotations

# Pacemaker 3.0.2 reads the new name first, so an old name beside it is without effect.
RENAMED = {
    "stonith-enabled": "fencing-enabled",
    "stonith-action": "fencing-action",
    "stonith-timeout": "fencing-timeout",
    "stonith-watchdog-timeout": "fencing-watchdog-timeout",
    "stonith-max-attempts": "fencing-max-attempts",
    "fence-reaction": "fencing-reaction",
}


def same_property(name: str) -> tuple[str, ...]:
    """Return the names under which a cluster may hold property ``name``, the decisive one first."""
    new = RENAMED.get(name)
    return (new, name) if new else (name,)
