"""The processes of a node: whether one lives, and signals that never reach another than it."""

import _signal  # type: ignore[import-not-found]
import errno
import posix

from hactl_agents.failures import Failed, strerror
from hactl_agents.host.files import Files

SIGTERM, SIGKILL = 15, 9


class Processes(Files):
    """Looking at processes, through the files of /proc, and signalling them."""

    def pid(self) -> int:
        """The id of this process."""
        return posix.getpid()

    def started(self, pid: int) -> "int | None":
        """When a process started, in clock ticks since boot; None: no such process, or a zombie.

        A pid alone proves nothing, it may be another program by now; pid and start time do
        (proc(5), /proc/PID/stat field 22).
        """
        found = self.process(pid)
        return found[1] if found else None

    def process(self, pid: int) -> "tuple[str, int] | None":
        """The state letter (proc(5): ``T`` is stopped by a signal) and start time of a process.

        ``Z``: its first thread has ended, and others live on: they may still be writing. Without
        any it is a zombie, which is not a process. The kernel counts the threads in one piece
        (field 20); a listing of /proc/PID/task ends early where a thread dies while it is read.
        """
        line = self.read(f"/proc/{pid}/stat")
        if not line:
            return None
        fields = line[line.rindex(")") + 2 :].split()
        if fields[0] in "ZX" and int(fields[17]) < 2:
            return None
        return fields[0], int(fields[19])

    def kill(self, pid: int, signal: int, started: "int | None" = None) -> bool:
        """Send a signal; False where there is no such process (any more).

        With ``started`` only to the process that started then, never to one that got its pid.
        """
        try:
            descriptor = posix.pidfd_open(pid)
        except OSError as exc:
            if exc.errno == errno.ESRCH:
                return False
            raise Failed(f"cannot signal process {pid}: {strerror(exc)}") from None
        try:
            if started is not None and self.started(pid) != started:
                return False
            _signal.pidfd_send_signal(descriptor, signal)
        except OSError as exc:
            if exc.errno == errno.ESRCH:
                return False
            raise Failed(f"cannot signal process {pid}: {strerror(exc)}") from None
        finally:
            posix.close(descriptor)
        return True
