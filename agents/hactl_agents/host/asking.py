"""The time of a stop, split: it asks first, and uses force where that does not help."""

from hactl_agents.host.budget import ANSWER, LONGEST_ANSWER, LONGEST_LOOK, LOOK

FORCE = 20.0  # seconds of a stop that are kept for force
SHARE_OF_FORCE = 1 / 3  # of what is left of it, at most
# What a stop does not ask in, of the time that Pacemaker allows it; less where that is short.
NOT_ASKED = FORCE + LONGEST_LOOK + LONGEST_ANSWER  # seconds


def asking(left: float) -> float:
    """For how long a stop may ask that has ``left`` seconds, before it has to use force."""
    return left - min(FORCE, left * SHARE_OF_FORCE)


def needed(asked: float) -> float:
    """What Pacemaker has to allow a stop, in seconds, if it is to ask for ``asked`` of them."""
    left = min(asked + FORCE, asked / (1 - SHARE_OF_FORCE))
    ours = min(left + LONGEST_LOOK, left / (1 - LOOK))
    return min(ours + LONGEST_ANSWER, ours / (1 - ANSWER))
