"""How many instructions a monitor may take: what was agreed is for the Python of Debian 12.

Another interpreter costs more before it has done anything (3.13 and 3.14 some 3 million more), so
the budget is what was agreed plus what this one takes to do nothing more.
"""

import subprocess
from functools import cache

PYTHON = "/usr/bin/python3"
GRIND = ("valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null")
REFERENCE = 20_800_000  # Python 3.11.2 of Debian 12 that does nothing


def allowed(agreed: int) -> int:
    """Return the budget on this machine for what may take ``agreed`` on Debian 12."""
    return agreed + max(0, floor() - REFERENCE)


@cache
def floor() -> int:
    """Count what the interpreter takes to do nothing."""
    words = (*GRIND, PYTHON, "-IS", "-c", "pass")
    return collected(subprocess.run(words, capture_output=True, text=True, check=True).stderr)


def collected(said: str) -> int:
    """Read what callgrind has counted."""
    return int(said.partition("Collected : ")[2].split()[0])
