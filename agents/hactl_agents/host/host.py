"""This node as an agent sees it; with files.py and processes.py all that touches the system itself.

Tests pass ``hactl_agents.testing.FakeHost``. Everything imported here is built into the
interpreter; ``os``, ``subprocess`` and ``signal`` would each cost every monitor milliseconds.
"""

import posix
import sys
import time

from hactl_agents.failures import (
    Failed,
    NotInstalled,
    Terminated,
    TimedOut,
    seconds,
)
from hactl_agents.host import state
from hactl_agents.host.network import Network
from hactl_agents.host.processes import SIGKILL, SIGTERM, Processes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, TypeVar

    from hactl_agents.host.command import Done
    from hactl_agents.host.paths import Paths
    from hactl_agents.host.storage import Storage
    from hactl_agents.host.thread import Task

    T = TypeVar("T")

STATE_DIR = "/run/hactl"
BINDINGS = ("/usr/lib/python3/dist-packages", "/usr/lib64/python3/site-packages")

__all__ = ["SIGKILL", "SIGTERM", "Failed", "Host", "NotInstalled", "Terminated", "TimedOut"]


class Host(Processes, Network):
    """Files, processes, commands and time, all under one deadline.

    ``budget`` is in seconds, None for no limit; ``kept_back`` more are for a last look. ``step``
    names what is being done, for the message when the time runs out.
    """

    def __init__(
        self,
        budget: "float | None" = None,
        environ: "Mapping[str, str] | None" = None,
        state_dir: str = STATE_DIR,
        kept_back: float = 0.0,
    ) -> None:
        self.environ = environ if environ is not None else environment()
        self.state_dir = state_dir
        self.step = ""
        self.children: set[int] = set()
        self.locks: dict[str, int] = {}  # name -> the descriptor that holds it
        self.teller: Callable[[str, str], None] | None = None  # to the parent of a child
        self.pending = ""  # what a child that the kernel holds may yet do
        self.hang_note = ""  # where a child that was left behind while it read is remembered
        self.is_look = False  # looks come again and again, and leave one child behind, not more
        self.kept_back = kept_back
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

    def left_but(self, kept: float, most: "float | None" = None) -> "float | None":
        """The same without ``kept`` seconds, for what has to be done after the waiting."""
        left = self.left(most)
        return None if left is None else max(0.0, left - kept)

    def look_again(self) -> None:
        """From now on the time counts that was kept back for a last look."""
        if self.deadline is not None:
            self.deadline = max(self.deadline, self.now()) + self.kept_back
        self.kept_back = 0.0

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
            raise TimedOut(f"{step}: no answer within {seconds(limit)}")
        return task.result()  # type: ignore[no-any-return]

    def begin(self, step: str, function: "Callable[..., Any]", *args: "Any") -> "Task":
        """Start ``function(*args)`` in a thread of its own and come back at once."""
        from hactl_agents.host.thread import Task

        self.step = step
        return Task(function, args)

    def at(self, step: str) -> None:
        """Note what is being done, for the message when the time runs out."""
        self.step = step
        if self.teller is not None:
            self.sign_locks(self.pid(), posix.getppid())
            self.teller("at", step)

    def read_in_child(
        self,
        step: str,
        function: "Callable[..., Any]",
        *args: "Any",
        within: "float | None" = None,
    ) -> "Any":
        """What ``function(*args)`` returns (plain values), in a child that only reads: the kernel
        may never let go of one that touches a file system or device that hangs.

        Raises Failed where the function does, and Abandoned (a TimedOut) at the deadline.
        """
        from hactl_agents.host import child

        return child.read(self, step, function, args, within)

    def change_in_child(self, work: "Callable[[], None]") -> None:
        """Do ``work`` in a child, which is left behind with our locks where the kernel holds it.

        For writes that wait for a disk: neither a signal nor our own end interrupts them. Raises
        what ``work`` raised, and TimedOut at the deadline, naming the step. What ``work`` notes
        in memory is lost.
        """
        from hactl_agents.host import child

        child.change(self, work)

    def refuse_pending(self) -> None:
        """Raises Failed where something we began may still come: nothing is done on top of it."""
        if self.pending:
            raise Failed(f"{self.pending}: it may come yet")

    @property
    def paths(self) -> "Paths":
        """Whatever an operator named by a path."""
        from hactl_agents.host.paths import Paths

        return Paths(self)

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
        self,
        *argv: str,
        check: bool = True,
        within: "float | None" = None,
        stdin: str = "",
        changes: bool = False,
    ) -> "Done":
        """Run a command to its end, in an empty environment, without a shell.

        Raises NotInstalled, TimedOut (the command is killed), and Failed where it exits non-zero
        and ``check`` is set. If this process dies, the command dies with it, unless the kernel
        holds on to it: one that ``changes`` something, and leaves no daemon, keeps our locks then.
        """
        from hactl_agents.host import command

        program = self.which(argv[0])
        if program is None:
            raise NotInstalled(f"{argv[0]}: command not found")
        self.step = " ".join(argv[:3])
        guard = self.which("setpriv")
        full = (guard, "--pdeathsig", "KILL", program, *argv[1:]) if guard else (program, *argv[1:])
        if not changes:
            done = command.run(argv, full, self.left(within), stdin, self.children)
        else:
            done = self.change_by_command(argv, full, within, stdin)
        if check and done.returncode:
            raise Failed(done.complaint())
        return done

    def change_by_command(
        self, argv: "tuple[str, ...]", full: "tuple[str, ...]", within: "float | None", stdin: str
    ) -> "Done":
        from hactl_agents.host import command

        self.refuse_pending()
        kept = tuple(self.locks.values())

        def begun(pid: int) -> None:
            self.sign_locks(pid, self.pid())

        try:
            return command.run(argv, full, self.left(within), stdin, self.children, kept, begun)
        except command.Left as exc:
            self.pending = f"process {exc.pid} hangs in the kernel with this: {self.step}"
            raise

    def launch(self, *argv: str, log: str, environment: "Mapping[str, str]") -> int:
        """Start a daemon that stays in the foreground, and come back at once; its pid.

        It has a session of its own and outlives us; what it says is in ``log``, root's alone.
        """
        from hactl_agents.host import command

        self.step = f"starting {argv[0]}"
        return command.launch(argv, log, environment)

    def kill_children(self) -> None:
        """Kill every command still running; used when we are told to go."""
        if self.children:
            from hactl_agents.host.command import kill_and_reap

            for pid in self.children:
                kill_and_reap(pid)

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
        from hactl_agents.host import locks

        if name in self.locks:
            return
        doing = self.step
        try:
            self.locks[name] = locks.take(self, name)
        except TimedOut:
            raise
        except (Failed, OSError) as exc:
            self.log(f"goes on without the lock {name}: {exc}")
        else:
            self.step = doing
            self.sign_locks(self.pid(), 0)

    def sign_locks(self, pid: int, parent: int) -> None:
        from hactl_agents.host import locks

        text = locks.signature(self, pid, parent, self.step)
        for descriptor in self.locks.values():
            locks.sign(descriptor, text)

    def busy(self, name: str) -> bool:
        """Whether another process holds the lock ``name``, be it one that is about to exec."""
        from hactl_agents.host import locks

        return name not in self.locks and locks.is_taken(self, name)

    def left_behind(self, name: str) -> str:
        """What an earlier action that is gone may still bring about, as the holder of the lock
        ``name``; '' if nothing.
        """
        if not self.load(name):  # nobody has ever taken it
            return ""
        from hactl_agents.host import locks

        return locks.left_behind(self, name) if self.busy(name) else ""

    def log(self, text: str) -> None:
        """A line for Pacemaker's log (it records an agent's stderr)."""
        if self.teller is not None:
            self.teller("said", text)
            return
        try:
            posix.write(2, (" ".join(text.split()) + "\n").encode(errors="replace"))
        except OSError:
            pass  # nobody listens: no reason to leave off


def environment() -> "dict[str, str]":
    return {
        name.decode(errors="replace"): value.decode(errors="surrogateescape")
        for name, value in posix.environ.items()
    }
