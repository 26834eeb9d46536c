"""A call in a process of its own, which is left behind where the kernel does not let go of it.

A thread would not do: a process whose thread hangs in the kernel cannot end, and whoever waits for
it hangs as well. Imported only by actions that touch what may hang; a plain monitor does not.
"""

import _signal  # type: ignore[import-not-found]
import posix
import select
import time

from hactl_agents.failures import Failed, TimedOut
from hactl_agents.host.state import write_all

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, NoReturn

SIGTERM, SIGKILL = 15, 9
FAILED = 1


class Abandoned(TimedOut):
    """A call did not come back, and its process was left behind, killed as far as that goes.

    ``so_far`` is what it had said, ``pid`` which process it is.
    """

    def __init__(self, message: str, pid: int, so_far: bytes) -> None:
        super().__init__(message)
        self.pid = pid
        self.so_far = so_far


def call(
    step: str,
    function: "Callable[..., Iterable[bytes]]",
    args: "tuple[Any, ...]",
    limit: "float | None",
) -> bytes:
    """All that ``function(*args)`` yields, within ``limit`` seconds.

    Raises Abandoned, and Failed where the function does; a function that fails yields nothing.
    """
    out, inner = posix.pipe()
    pid = posix.fork()
    if not pid:
        work(inner, function, args)
    posix.close(inner)
    try:
        said, whole = collect(out, limit)
    except BaseException:
        posix.kill(pid, SIGKILL)
        raise
    finally:
        posix.close(out)
    if not whole:
        posix.kill(pid, SIGKILL)
        raise Abandoned(f"{step}: no answer within {limit:.1f} s", pid, said)
    code = posix.waitstatus_to_exitcode(posix.waitpid(pid, 0)[1])
    if code:
        raise Failed(said.decode(errors="replace") or f"{step}: ended with {code}")
    return said


def collect(out: int, limit: "float | None") -> "tuple[bytes, bool]":
    """What was said, and whether that is all of it."""
    said = b""
    stop_at = None if limit is None else time.monotonic() + limit
    while True:
        left = None if stop_at is None else max(0.0, stop_at - time.monotonic())
        if not select.select([out], (), (), left)[0]:
            return said, False
        piece = posix.read(out, 65536)
        if not piece:
            return said, True
        said += piece


def work(
    out: int, function: "Callable[..., Iterable[bytes]]", args: "tuple[Any, ...]"
) -> "NoReturn":
    code = 0
    try:
        detach(out)
        try:
            for piece in function(*args):
                write_all(out, piece)
        except Failed as exc:
            write_all(out, str(exc).encode(errors="replace"))
            code = FAILED
    except BaseException:
        code = FAILED
    posix._exit(code)


def detach(out: int) -> None:
    """Hold nothing of the agent's: neither Pacemaker's pipes, nor a lock for as long as we hang."""
    _signal.signal(SIGTERM, _signal.SIG_DFL)
    posix.setsid()
    nothing = posix.open("/dev/null", posix.O_RDWR)
    for stream in (0, 1, 2):
        posix.dup2(nothing, stream)
    for name in posix.listdir("/proc/self/fd"):
        if int(name) > 2 and int(name) != out:
            try:
                posix.close(int(name))
            except OSError:
                pass  # the listing's own
