"""How long a stop may take: the guest's own time, and what our agents keep of it for force."""

from __future__ import annotations

from hactl.model.timing import rounded
from hactl_agents.host.asking import NOT_ASKED, asking, needed
from hactl_agents.host.budget import split

# What a stop has that asks nobody; a node under load may need twice what is kept for force.
FORCE = rounded(int(2000 * NOT_ASKED))


def stop_timeout(shutdown: int) -> int:
    """Return the timeout of a stop that gives a guest ``shutdown`` milliseconds; generous."""
    return rounded(shutdown + FORCE)


def shortest_stop(shutdown: int) -> int:
    """Return the milliseconds that a stop needs at least to give a guest ``shutdown`` of them."""
    return -int(-1000 * needed(shutdown / 1000) // 1)


def time_to_shut_down(stop: int) -> int:
    """Return the milliseconds in which a guest is asked, of a stop that may take ``stop``."""
    return int(1000 * asking(split(stop / 1000).work))
