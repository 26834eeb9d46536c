"""How long an answer may take, split once: time to work, time for a last look, time to answer.

A wait that ended badly says nothing yet: what was waited for may have come to its end in the
moment after. So some time is kept back in which the evidence can be looked at once more.

A stop asks first, and uses force where that does not help: that needs its part of the time, too.
"""

ANSWER = 0.1  # of what is allowed, to answer before Pacemaker cuts us off
LONGEST_ANSWER = 5.0  # seconds
LOOK = 0.1  # of what is left then, for a last look
LONGEST_LOOK = 2.0  # seconds
FORCE = 20.0  # seconds of a stop that are kept for force
SHARE_OF_FORCE = 1 / 3  # of what is left of it, at most
# What a stop does not ask in, of the time that Pacemaker allows it; less where that is short.
NOT_ASKED = FORCE + LONGEST_LOOK + LONGEST_ANSWER  # seconds
LONGEST = 10_000_000  # seconds, four months: what clocks and select(2) can count for certain


class Budget:
    """Seconds: ``work``, and ``look`` for a last look behind that."""

    def __init__(self, work: float, look: float = 0.0) -> None:
        self.work = work
        self.look = look


def split(allowed: float) -> Budget:
    """Of what Pacemaker allows, in seconds."""
    allowed = min(allowed, LONGEST)
    ours = allowed - min(LONGEST_ANSWER, allowed * ANSWER)
    look = min(LONGEST_LOOK, ours * LOOK)
    return Budget(ours - look, look)


def asking(left: float) -> float:
    """For how long a stop may ask that has ``left`` seconds, before it has to use force."""
    return left - min(FORCE, left * SHARE_OF_FORCE)


def needed(asked: float) -> float:
    """What Pacemaker has to allow a stop, in seconds, if it is to ask for ``asked`` of them."""
    left = min(asked + FORCE, asked / (1 - SHARE_OF_FORCE))
    ours = min(left + LONGEST_LOOK, left / (1 - LOOK))
    return min(ours + LONGEST_ANSWER, ours / (1 - ANSWER))


def milliseconds(text: str) -> "float | None":
    """Pacemaker's CRM_meta_timeout in seconds; None where it gives none. It may be any number."""
    if not text.isascii() or not text.isdigit() or not text.strip("0"):
        return None
    return int(text) / 1000 if len(text) < 16 else float(LONGEST)
