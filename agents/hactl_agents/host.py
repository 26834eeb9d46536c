"""This node as an agent sees it: the only module of the runtime that touches the operating system.

Tests pass ``hactl_agents.testing.FakeHost``. Everything imported here is built into the
interpreter; ``os``, ``subprocess`` and ``signal`` would each cost every monitor milliseconds.
"""

import _signal  # type: ignore[import-not-found]
import errno
import posix
import sys
import time

from hactl_agents import state
from hactl_agents.failures import (
    ABSENT,
    Failed,
    NotInstalled,
    Terminated,
    TimedOut,
    strerror,
    unreadable,
)
from hactl_agents.state import read_all

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any, TypeVar

    from hactl_agents.command import Done
    from hactl_agents.gate.nftables import Tables
    from hactl_agents.netlink import Links
    from hactl_agents.storage import Storage

    T = TypeVar("T")

STATE_DIR = "/run/hactl"
BINDINGS = ("/usr/lib/python3/dist-packages", "/usr/lib64/python3/site-packages")
SIGTERM, SIGKILL = 15, 9

__all__ = ["Failed", "Host", "NotInstalled", "Task", "Terminated", "TimedOut"]


class Task:
    """A call under way in a thread of its own."""

    def __init__(self, function: "Callable[..., Any]", args: "tuple[Any, ...]") -> None:
        import _thread

        self.outcome: list[Any] = []
        self.ended = _thread.allocate_lock()
        self.ended.acquire()
        _thread.start_new_thread(self.work, (function, args))

    def work(self, function: "Callable[..., Any]", args: "tuple[Any, ...]") -> None:
        try:
            self.outcome = [True, function(*args)]
        except BaseException as exc:
            self.outcome = [False, exc]
        self.ended.release()

    def finished(self, within: "float | None") -> bool:
        """Wait up to ``within`` seconds (None: as long as it takes); True once it has ended."""
        if not self.outcome and self.ended.acquire(timeout=-1 if within is None else within):
            self.ended.release()
        return bool(self.outcome)

    def result(self) -> "Any":
        """What a finished call returned; raises what it raised."""
        good, value = self.outcome
        if not good:
            raise value
        return value


class Host:
    """Files, processes, commands and time, all under one deadline.

    ``budget`` is in seconds, None for no limit. ``step`` names what is being done, for the
    message when the time runs out.
    """

    def __init__(
        self,
        budget: "float | None" = None,
        environ: "Mapping[str, str] | None" = None,
        state_dir: str = STATE_DIR,
    ) -> None:
        self.environ = environ if environ is not None else environment()
        self.state_dir = state_dir
        self.step = ""
        self.children: set[int] = set()
        self.held: set[str] = set()  # locks
        self.teller: Callable[[str], None] | None = None  # to the parent of a process apart
        self.deadline = None if budget is None else self.now() + budget

    # time

    def now(self) -> float:
        """Seconds on a clock that nobody sets."""
        return time.monotonic()

    def wall_clock(self) -> float:
        """Seconds since 1970, as far as this node knows: somebody may have set it."""
        return time.time()

    def left(self, most: "float | None" = None) -> "float | None":
        """Seconds until the deadline, at most ``most``, never negative; None: no limit."""
        if self.deadline is None:
            return most
        left = max(0.0, self.deadline - self.now())
        return left if most is None else min(left, most)

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    def wait_for(
        self,
        step: str,
        condition: "Callable[[], bool]",
        *,
        within: "float | None" = None,
        interval: float = 0.1,
    ) -> bool:
        """True as soon as ``condition`` holds; False when the time is over."""
        self.step = step
        started = self.now()
        limit = self.left(within)
        while not condition():
            if limit is not None and self.now() - started >= limit:
                return False
            self.sleep(interval)
        return True

    def bounded(
        self, step: str, function: "Callable[..., T]", *args: "Any", within: "float | None" = None
    ) -> "T":
        """``function(*args)`` in a thread of its own, so that a daemon that hangs cannot hang us.

        Raises TimedOut after ``within`` seconds or at the deadline. A call that never returns
        goes with the process.
        """
        limit = self.left(within)
        task = self.begin(step, function, *args)
        if not task.finished(limit):
            raise TimedOut(f"{step}: no answer within {limit:.1f} s")
        return task.result()  # type: ignore[no-any-return]

    def begin(self, step: str, function: "Callable[..., Any]", *args: "Any") -> "Task":
        """Start ``function(*args)`` in a thread of its own and come back at once."""
        self.step = step
        return Task(function, args)

    def at(self, step: str) -> None:
        """Note what is being done, for the message when the time runs out."""
        self.step = step
        if self.teller is not None:
            self.teller(f"at {step}")

    def delegate(self, work: "Callable[[], None]") -> None:
        """Do ``work`` in a process of its own, which is left behind where the kernel holds it.

        For writes that wait for a disk: neither a signal nor our own end interrupts them. Raises
        what ``work`` raised, and TimedOut at the deadline, naming the step. What ``work`` notes
        in memory is lost.
        """
        from hactl_agents import worker

        worker.run(self, work)

    def apart(
        self,
        step: str,
        function: "Callable[..., Iterable[bytes]]",
        *args: "Any",
        within: "float | None" = None,
    ) -> bytes:
        """All that ``function(*args)`` yields, in a process of its own: the kernel may never let
        go of one that touches a file system or device that hangs.

        Raises Failed where the function does, and Abandoned (a TimedOut) at the deadline.
        """
        from hactl_agents import apart

        self.step = step
        return apart.call(step, function, args, self.left(within))

    # files

    def read(self, path: str) -> "str | None":
        """The text of a file, or None where there is none.

        Raises Failed when the file is there and cannot be read: that is no proof of anything.
        """
        try:
            descriptor = posix.open(path, posix.O_RDONLY | posix.O_CLOEXEC)
        except OSError as exc:
            if exc.errno in ABSENT:
                return None
            raise unreadable(path, exc) from None
        try:
            return read_all(descriptor).decode(errors="replace")
        except OSError as exc:
            if exc.errno in ABSENT:
                return None
            raise unreadable(path, exc) from None
        finally:
            posix.close(descriptor)

    def exists(self, path: str) -> bool:
        """Whether there is something at ``path``; raises Failed where that cannot be told."""
        try:
            posix.stat(path)
        except OSError as exc:
            if exc.errno in ABSENT:
                return False
            raise unreadable(path, exc) from None
        return True

    def mode(self, path: str) -> "int | None":
        """The type and permissions of a file (inode(7), st_mode); None where there is none."""
        try:
            return posix.stat(path).st_mode
        except OSError as exc:
            if exc.errno in ABSENT:
                return None
            raise unreadable(path, exc) from None

    def identity(self, path: str) -> str:
        """What a path stands for, links followed: a block device's MAJOR:MINOR, a file's place.

        '' where there is nothing.
        """
        try:
            found = posix.stat(path)
        except OSError as exc:
            if exc.errno in ABSENT:
                return ""
            raise unreadable(path, exc) from None
        if found.st_mode & 0o170000 == 0o060000:  # S_IFBLK
            return f"{posix.major(found.st_rdev)}:{posix.minor(found.st_rdev)}"
        return f"{found.st_dev}/{found.st_ino}"

    def is_claimed(self, path: str) -> bool:
        """Whether somebody has a block device for itself: a mount, a volume group, a guest."""
        return self.fails_to_open(path, posix.O_RDONLY | posix.O_EXCL, errno.EBUSY)

    def has_direct_io(self, path: str) -> bool:
        """Whether a file can be read past the page cache (open(2), O_DIRECT)."""
        return not self.fails_to_open(path, posix.O_RDONLY | posix.O_DIRECT, errno.EINVAL)

    def fails_to_open(self, path: str, flags: int, how: int) -> bool:
        """Whether opening fails in one way; raises Failed where it fails in another."""
        try:
            posix.close(posix.open(path, flags | posix.O_CLOEXEC))
        except OSError as exc:
            if exc.errno == how:
                return True
            raise unreadable(path, exc) from None
        return False

    def size(self, path: str) -> int:
        """The bytes in a file; 0 where there is none."""
        try:
            return posix.stat(path).st_size
        except OSError as exc:
            if exc.errno in ABSENT:
                return 0
            raise unreadable(path, exc) from None

    def listdir(self, path: str) -> "list[str]":
        """The names in a folder, sorted; empty where there is no such folder."""
        try:
            return sorted(posix.listdir(path))
        except OSError as exc:
            if exc.errno in ABSENT:
                return []
            raise unreadable(path, exc) from None

    def readlink(self, path: str) -> "str | None":
        """Where a symbolic link points to; None where there is none."""
        try:
            return posix.readlink(path)
        except OSError as exc:
            if exc.errno in ABSENT or exc.errno == errno.EINVAL:
                return None
            raise unreadable(path, exc) from None

    def read_secret(self, path: str) -> str:
        """The text of a file that is root's alone; no link is followed. Raises Failed."""
        return state.secret(path)

    def write(self, path: str, text: str, secret: bool = False) -> None:
        """Write to an existing file, such as one in /sys. Raises Failed, without a ``secret``."""
        try:
            descriptor = posix.open(path, posix.O_WRONLY | posix.O_CLOEXEC)
            try:
                posix.write(descriptor, text.encode())
            finally:
                posix.close(descriptor)
        except OSError as exc:
            what = "the secret" if secret else repr(text)
            raise Failed(f"{path}: cannot write {what}: {strerror(exc)}") from None

    def make_folder(self, path: str) -> bool:
        """Make a folder, such as one in configfs; False where there is one. Raises Failed."""
        try:
            posix.mkdir(path, 0o755)
        except FileExistsError:
            return False
        except OSError as exc:
            raise Failed(f"{path}: cannot be made: {strerror(exc)}") from None
        return True

    def link(self, path: str, to: str) -> bool:
        """Make the symbolic link ``path``; False where there is one. Raises Failed."""
        try:
            posix.symlink(to, path)
        except FileExistsError:
            return False
        except OSError as exc:
            raise Failed(f"{path}: cannot be linked to {to}: {strerror(exc)}") from None
        return True

    def rename(self, path: str, to: str) -> None:
        """Give a file another name in its folder, replacing what has that name. Raises Failed."""
        try:
            posix.rename(path, to)
        except OSError as exc:
            raise Failed(f"{path}: cannot be renamed to {to}: {strerror(exc)}") from None

    def remove(self, path: str) -> None:
        """Remove a file that may be gone already. Raises Failed."""
        try:
            posix.unlink(path)
        except OSError as exc:
            if exc.errno not in ABSENT:
                raise Failed(f"{path}: cannot be removed: {strerror(exc)}") from None

    def remove_folder(self, path: str) -> bool:
        """Remove a folder; False where it is still in use. Raises Failed."""
        try:
            posix.rmdir(path)
        except OSError as exc:
            if exc.errno in (errno.EBUSY, errno.ENOTEMPTY):
                return False
            if exc.errno not in ABSENT:
                raise Failed(f"{path}: cannot be removed: {strerror(exc)}") from None
        return True

    def storage(self) -> "Storage":
        """Block devices, file systems and mounts."""
        from hactl_agents.storage import Storage

        return Storage()

    # processes

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

        A zombie is no process, unless threads of it live on: they may still be writing.
        """
        found = self.task_state(f"/proc/{pid}/stat")
        if found is None or found[0] not in "ZX":
            return found
        tasks = [name for name in self.listdir(f"/proc/{pid}/task") if name != str(pid)]
        for name in tasks:
            thread = self.task_state(f"/proc/{pid}/task/{name}/stat")
            if thread is not None and thread[0] not in "ZX":
                return thread[0], found[1]
        return None

    def task_state(self, path: str) -> "tuple[str, int] | None":
        line = self.read(path)
        if not line:
            return None
        fields = line[line.rindex(")") + 2 :].split()
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

    # commands

    def which(self, tool: str) -> "str | None":
        """The path of a program, or None. PATH of the caller is not trusted."""
        if self.environ.get("OCF_TESTER_FAIL_HAVE_BINARY"):
            return None
        if tool[0] == "/":
            return tool if self.exists(tool) else None
        from hactl_agents.command import TOOL_PATH

        for folder in TOOL_PATH:
            if self.exists(f"{folder}/{tool}"):
                return f"{folder}/{tool}"
        return None

    def run(
        self, *argv: str, check: bool = True, within: "float | None" = None, stdin: str = ""
    ) -> "Done":
        """Run a command to its end, in an empty environment, without a shell.

        Raises NotInstalled, TimedOut (the command is killed), and Failed where it exits non-zero
        and ``check`` is set. If this process dies, the command dies with it.
        """
        from hactl_agents import command

        program = self.which(argv[0])
        if program is None:
            raise NotInstalled(f"{argv[0]}: command not found")
        self.step = " ".join(argv[:3])
        guard = self.which("setpriv")
        full = (guard, "--pdeathsig", "KILL", program, *argv[1:]) if guard else (program, *argv[1:])
        done = command.run(argv, full, self.left(within), stdin, self.children)
        if check and done.returncode:
            raise Failed(done.complaint())
        return done

    def launch(self, *argv: str, log: str, environment: "Mapping[str, str]") -> int:
        """Start a daemon that stays in the foreground, and come back at once; its pid.

        It has a session of its own and outlives us; what it says is in ``log``, root's alone.
        """
        from hactl_agents import command

        self.step = f"starting {argv[0]}"
        return command.launch(argv, log, environment)

    def slay_children(self) -> None:
        """Kill every command still running; used when we are told to go."""
        if self.children:
            from hactl_agents.command import slay

            for pid in self.children:
                slay(pid)

    # libraries of the distribution

    def binding(self, name: str) -> "Any":
        """Import a C library's Python module from the distribution (``libvirtmod``, ``rados``)."""
        for folder in BINDINGS:
            if folder not in sys.path:
                sys.path.append(folder)
        try:
            return __import__(name)
        except ImportError as exc:
            raise NotInstalled(f"Python module {name} is not installed: {exc}") from None

    # network

    def ask(
        self,
        step: str,
        address: bytes,
        message: bytes,
        complete: "Callable[[bytes], bool]",
        within: "float | None" = None,
    ) -> "bytes | None":
        """Send a message to a unix socket and read the answer; None where nobody listens.

        ``complete`` tells when an answer is whole. Raises TimedOut where there is silence, and
        Failed where the other side hangs up.
        """
        from hactl_agents import unix_socket

        self.step = step
        return unix_socket.ask(step, address, message, complete, self.left(within))

    def network(self) -> "Links":
        """The network devices of this network namespace."""
        from hactl_agents.netlink import Links

        return Links()

    def firewall(self) -> "Tables":
        """The packet filter of this network namespace."""
        from hactl_agents.gate.nftables import Tables

        return Tables()

    def has_address(self, address: str) -> bool:
        """Whether an IP address, v4 or v6, is one of this node's."""
        import _socket

        family = _socket.AF_INET6 if ":" in address else _socket.AF_INET
        attempt = _socket.socket(family, _socket.SOCK_DGRAM | _socket.SOCK_CLOEXEC)
        try:
            attempt.bind((address, 0))
        except OSError as exc:
            if exc.errno == errno.EADDRNOTAVAIL:
                return False
            raise Failed(f"{address}: cannot tell whether it is ours: {strerror(exc)}") from None
        finally:
            attempt.close()
        return True

    def dial(self, path: str, within: "float | None" = None) -> "Any":
        """A connection to a unix socket; None where nobody listens.

        Raises TimedOut where somebody does and takes no more callers, and Failed.
        """
        from hactl_agents import unix_socket

        return unix_socket.dial(path, self.left(within))

    # private state of this node, gone at reboot

    def load(self, name: str) -> "str | None":
        """The text saved under ``name`` since boot, or None."""
        return state.load(self.state_dir, name)

    def save(self, name: str, text: str) -> None:
        """Save ``text`` under ``name``, whole or not at all, readable by root only."""
        state.save(self.state_dir, name, text)

    def drop(self, name: str) -> None:
        """Forget what was saved under ``name``."""
        state.drop(self.state_dir, name)

    def lock(self, name: str) -> None:
        """Hold the lock ``name`` until this process ends. Raises TimedOut at the deadline.

        A node whose /run is full or read-only has to stop its resources all the same: no lock.
        """
        import fcntl

        try:
            held = state.lock_file(self.state_dir, name)
        except (Failed, OSError) as exc:
            self.log(f"goes on without the lock {name}: {exc}")
            return

        def taken() -> bool:
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            return True

        if not self.wait_for("waiting for another action on this resource", taken):
            raise TimedOut("another action on this resource is still under way")
        self.held.add(name)

    def busy(self, name: str) -> bool:
        """Whether another process holds the lock ``name``, be it one that is about to exec."""
        import fcntl

        if name in self.held:
            return False
        try:
            descriptor = state.lock_file(self.state_dir, name)
        except (Failed, OSError):
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            posix.close(descriptor)
        return False

    def log(self, text: str) -> None:
        """A line for Pacemaker's log (it records an agent's stderr)."""
        if self.teller is not None:
            self.teller(f"said {text}")
            return
        posix.write(2, (" ".join(text.split()) + "\n").encode(errors="replace"))


def environment() -> "dict[str, str]":
    return {
        name.decode(errors="replace"): value.decode(errors="surrogateescape")
        for name, value in posix.environ.items()
    }
