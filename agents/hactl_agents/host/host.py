"""This node as an agent sees it; with files.py and processes.py all that touches the system itself.

Tests pass ``hactl_agents.testing.FakeHost``. Everything imported here is built into the
interpreter; ``os``, ``subprocess`` and ``signal`` would each cost every monitor milliseconds.
"""

import errno
import posix
import sys
import time

from hactl_agents.failures import (
    Failed,
    NotInstalled,
    Terminated,
    TimedOut,
    strerror,
)
from hactl_agents.host import state
from hactl_agents.host.processes import Processes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any, TypeVar

    from hactl_agents.host.command import Done
    from hactl_agents.host.storage import Storage
    from hactl_agents.netlink.links import Links
    from hactl_agents.netlink.nftables import Tables

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


class Host(Processes):
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
        from hactl_agents.host import worker

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
        from hactl_agents.host import child as apart

        self.step = step
        return apart.call(step, function, args, self.left(within))

    def storage(self) -> "Storage":
        """Block devices, file systems and mounts."""
        from hactl_agents.host.storage import Storage

        return Storage()

    # commands

    def which(self, tool: str) -> "str | None":
        """The path of a program, or None. PATH of the caller is not trusted."""
        if self.environ.get("OCF_TESTER_FAIL_HAVE_BINARY"):
            return None
        if tool[0] == "/":
            return tool if self.exists(tool) else None
        from hactl_agents.host.command import TOOL_PATH

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
        from hactl_agents.host import command

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
        from hactl_agents.host import command

        self.step = f"starting {argv[0]}"
        return command.launch(argv, log, environment)

    def slay_children(self) -> None:
        """Kill every command still running; used when we are told to go."""
        if self.children:
            from hactl_agents.host.command import slay

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
        from hactl_agents.host import unix_socket

        self.step = step
        return unix_socket.ask(step, address, message, complete, self.left(within))

    def network(self) -> "Links":
        """The network devices of this network namespace."""
        from hactl_agents.netlink.links import Links

        return Links()

    def firewall(self) -> "Tables":
        """The packet filter of this network namespace."""
        from hactl_agents.netlink.nftables import Tables

        return Tables()

    def keeps_out(self, gate: str) -> bool:
        """Whether a PortGate of that name lets nobody through. Raises Failed."""
        from hactl_agents.gate import look as gate_look

        return gate_look.keeps_out(gate)

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
        from hactl_agents.host import unix_socket

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
