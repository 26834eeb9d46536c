"""The streams and signals a caller has left us: any stream may be closed, or nobody may listen.

What an agent did is told by its exit code, whatever becomes of its words.
"""

import _signal  # type: ignore[import-not-found]  # signal itself imports enum: 4 ms
import posix
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

SIGCHLD = 17


def secure() -> None:
    """Have all three streams open, so that no file of ours gets the number of one; and wait for
    children ourselves, where the caller ignores his.
    """
    for stream in range(3):
        try:
            posix.fstat(stream)
        except OSError:
            posix.open("/dev/null", posix.O_RDWR)  # gets the lowest number that is free
    if _signal.getsignal(SIGCHLD) == _signal.SIG_IGN:
        _signal.signal(SIGCHLD, _signal.SIG_DFL)


def say(text: str) -> None:
    """To whoever listens on the standard output."""
    try:
        sys.stdout.write(text)
    except (AttributeError, OSError, ValueError):
        pass  # it is closed


def end(code: int) -> "NoReturn":
    """End the process with its own exit code, skipping the interpreter's tidying up."""
    try:
        sys.stdout.flush()
    except (AttributeError, OSError, ValueError):
        pass
    posix._exit(code)
