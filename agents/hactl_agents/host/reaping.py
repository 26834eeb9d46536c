"""Whether a child that has ended or was killed is gone, or the kernel holds on to it.

Time alone does not tell: one that only waits for a processor goes as soon as it gets one, and on a
busy node that may be long after any short bound. It is runnable meanwhile; what the kernel holds is
not (proc(5), /proc/PID/stat field 3).
"""

import posix
import time

from hactl_agents.host.state import read_all

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

STARVED = 2.0  # seconds for which one that can run is waited for: more, and it runs in the kernel


def reaped(
    pid: int,
    looks: int,
    pause: float,
    gone: "Callable[[int], bool] | None" = None,
    state: "Callable[[int], str] | None" = None,
) -> bool:
    """Reap a child; False where it has slept in ``looks`` looks with ``pause`` seconds in between.

    Nobody that was free to go is left a zombie. ``gone`` and ``state`` look at the child.
    """
    gone, state = gone or is_reaped, state or state_of
    stop_at = time.monotonic() + STARVED
    while not gone(pid):
        if state(pid) != "R":
            looks -= 1
        if looks <= 0 or time.monotonic() >= stop_at:
            return gone(pid)
        time.sleep(pause)
    return True


def is_reaped(pid: int) -> bool:
    try:
        return bool(posix.waitpid(pid, posix.WNOHANG)[0])
    except OSError:  # whoever told us to stop has reaped it already
        return True


def state_of(pid: int) -> str:
    """The state letter of a process; empty where there is none."""
    try:
        descriptor = posix.open(f"/proc/{pid}/stat", posix.O_RDONLY | posix.O_CLOEXEC)
        try:
            line = read_all(descriptor)
        finally:
            posix.close(descriptor)
    except OSError:
        return ""
    return line[line.rindex(b")") + 2 :][:1].decode()
