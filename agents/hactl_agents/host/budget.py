"""How long an answer may take, split once: time to work, time for a last look, time to answer.

A wait that ended badly says nothing yet: what was waited for may have come to its end in the
moment after. So some time is kept back in which the evidence can be looked at once more.
"""

ANSWER = 0.1  # of what is allowed, to answer before Pacemaker cuts us off
LONGEST_ANSWER = 5.0  # seconds
LOOK = 0.1  # of what is left then, for a last look
LONGEST_LOOK = 2.0  # seconds
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


def milliseconds(text: str) -> "float | None":
    """Pacemaker's CRM_meta_timeout in seconds; None where it gives none. It may be any number."""
    if not text.isascii() or not text.isdigit() or not text.strip("0"):
        return None
    return int(text) / 1000 if len(text) < 16 else float(LONGEST)
