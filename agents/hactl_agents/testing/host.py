"""The node itself: files, processes, programs and time as a test lays them out."""

import marshal
import math
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from hactl_agents.failures import seconds
from hactl_agents.gate.turn import CLOSED, DRAINING, gate_state
from hactl_agents.host.child import Abandoned, refuse_to_pile_up, remember
from hactl_agents.host.command import Done
from hactl_agents.host.host import Failed, Host, NotInstalled, TimedOut
from hactl_agents.host.thread import Task
from hactl_agents.testing.links import FakeLinks
from hactl_agents.testing.storage import FakeStorage
from hactl_agents.testing.tables import FakeTables

Reply = Done | Failed | Callable[..., Done]
STUCK = 4242  # the pid of a process that is left behind
NODES_OWN = (
    "/proc",
    "/sys",
    "/run",
    "/var/run",
    "/dev/kmsg",
    "/etc/libvirt",
)  # nothing there can hang for long


class Hangs(Exception):
    """Whoever touches this path waits for ever."""


class FakeHost(Host):
    """Files, processes, replies and time as the test lays them out.

    ``files`` maps paths to text, or to a Failed that reading raises; a folder exists if anything
    lies below it. ``processes`` maps pids to start times. ``replies`` maps a program to what it
    does; ``calls`` lists what was run, ``signals`` what was sent. Time passes only by ``sleep``,
    and by calls under ``bounded`` or ``begin``: ``delays`` says how long a step takes, ``hangs``
    which never end; ``frozen`` are the pids stopped by a signal. ``sockets`` maps the address of
    a unix socket to what answers there; ``modes`` are the modes of files that are not 0600.

    Whoever touches what lies below one of ``hung`` waits for ever. ``touched``, of all of them,
    lists what an agent's own process touched and is not the node's own: there must be nothing.
    """

    touched: ClassVar[list[str]] = []

    def __init__(
        self,
        files: Mapping[str, str | Failed] | None = None,
        *,
        budget: float | None = 20.0,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self.clock = 1000.0
        super().__init__(budget, dict(environ or {}))
        self.files: dict[str, str | Failed] = dict(files or {})
        self.links: dict[str, str] = {}
        self.processes: dict[int, int] = {}
        self.replies: dict[str, Reply] = {}
        self.hangs: set[str] = set()
        self.delays: dict[str, float] = {}
        self.frozen: set[int] = set()
        self.calls: list[tuple[str, ...]] = []
        self.signals: list[tuple[int, int]] = []
        self.immortal: set[int] = set()
        self.saved: dict[str, str] = {}
        self.locked: list[str] = []
        self.taken: set[str] = set()  # locks that others hold
        self.logged: list[str] = []
        self.bindings: dict[str, Any] = {}
        self.modes: dict[str, int] = {}
        self.sizes: dict[str, int] = {}
        self.refused: set[tuple[str, int]] = set()  # files and how opening them fails, an errno
        self.devices = FakeLinks()
        self.tables = FakeTables()
        self.store = FakeStorage()
        self.ours: set[str] = set()  # IP addresses
        self.epoch = 1_700_000_000.0  # seconds from 1970 to the start of the clock
        self.sockets: dict[bytes, Callable[[bytes], bytes] | Failed] = {}
        self.hung: set[str] = set()
        self.in_child = False
        self.waiting: dict[str, str] = {}  # locks that what was left behind holds, and with what

    def ask(
        self,
        step: str,
        address: bytes,
        message: bytes,
        complete: Callable[[bytes], bool],
        within: float | None = None,  # noqa: ARG002
    ) -> bytes | None:
        self.step = step
        listener = self.sockets.get(address)
        if isinstance(listener, Failed):
            raise listener
        answer = listener(message) if listener else None
        assert answer is None or complete(answer)
        return answer

    def dial(self, path: str, within: float | None = None) -> Any:  # noqa: ARG002
        """A connection on which nothing is said: whether somebody listens."""
        return FakeConnection() if path.encode() in self.sockets else None

    def network(self) -> FakeLinks:
        return self.devices

    def firewall(self) -> FakeTables:
        return self.tables

    def keeps_out(self, gate: str) -> bool:
        return gate_state(self, gate) in (CLOSED, DRAINING)

    def storage(self) -> FakeStorage:
        return self.store

    def pid(self) -> int:
        return 999

    def read_in_child(
        self,
        step: str,
        function: Callable[..., Any],
        *args: Any,
        within: float | None = None,
    ) -> Any:
        pieces: list[Any] = []
        refuse_to_pile_up(self, step)

        def work() -> Any:
            value = function(*args)
            if not hasattr(value, "__next__"):
                return marshal.loads(marshal.dumps(value))
            pieces.extend(value)
            return pieces

        limit = self.left(within)
        task = self.begin(step, work)
        self.in_child = True
        try:
            if task.finished(limit):
                return task.result()
        except Hangs:
            self.clock += limit or 0.0
        finally:
            self.in_child = False
        remember(self, step, STUCK)
        raise Abandoned(f"{step}: no answer within {seconds(limit)}", STUCK, pieces)

    def touch(self, path: str) -> str:
        """Note who touches a path; raises Hangs in a child where it hangs."""
        if any(f"{path}/".startswith(f"{below}/") for below in self.hung):
            assert self.in_child, f"this agent hangs for ever, by touching {path}"
            raise Hangs
        if not self.in_child and not path.startswith(NODES_OWN):
            self.touched.append(path)
        return path

    def now(self) -> float:
        return self.clock

    def wall_clock(self) -> float:
        return self.epoch + self.clock

    def has_address(self, address: str) -> bool:
        return address in self.ours

    def sleep(self, seconds: float) -> None:
        self.clock += seconds

    def begin(self, step: str, function: Callable[..., Any], *args: Any) -> Task:
        self.step = step
        duration = math.inf if step in self.hangs else self.delays.get(step, 0.0)
        return FakeTask(self, duration, function, args)

    def at(self, step: str) -> None:
        super().at(step)
        if step in self.hangs:
            raise TimedOut(f"{step}: no answer within the operation's time")

    def change_in_child(self, work: Callable[[], None]) -> None:
        self.refuse_pending()
        self.in_child = True
        try:
            work()
        except Hangs:
            self.clock += self.left() or 0.0
            self.pending = f"process {STUCK} hangs in the kernel with this: {self.step}"
            raise TimedOut(f"{self.step}: no answer within the operation's time") from None
        finally:
            self.in_child = False

    def read(self, path: str) -> str | None:
        found = self.files.get(self.touch(path))
        if isinstance(found, Failed):
            raise found
        return found

    def exists(self, path: str) -> bool:
        self.touch(path)
        return path in self.files or path in self.links or bool(self.listdir(path))

    def facts(self, path: str) -> tuple[int, int, int, str] | None:
        path = self.links.get(self.touch(path), path)
        if path in self.store.numbers:
            number = self.store.numbers[path]
            return (0o060600, 0, 4096, number) if number else (0o100600, 0, 4096, path)
        if isinstance(refused := self.files.get(path), Failed):
            raise refused
        if not self.exists(path):
            return None
        mode = self.modes.get(path, 0o100600)
        block = mode & 0o060000 == 0o060000
        identity = f"7:{sorted(self.modes).index(path)}" if block else path
        return mode, self.sizes.get(path, 1 << 20), 4096, identity

    def read_a_bit(self, path: str) -> None:
        self.touch(path)

    def realpath(self, path: str) -> str:
        return self.links.get(self.touch(path), path)

    def fails_to_open(self, path: str, flags: int, how: int) -> bool:  # noqa: ARG002
        return (self.touch(path), how) in self.refused

    def listdir(self, path: str) -> list[str]:
        self.touch(path)
        start = path.rstrip("/") + "/"
        below = (
            name[len(start) :] for name in (*self.files, *self.links) if name.startswith(start)
        )
        return sorted({name.partition("/")[0] for name in below})

    def readlink(self, path: str) -> str | None:
        return self.links.get(self.touch(path))

    def read_secret(self, path: str) -> str:
        found = self.read(path)
        if found is None:
            raise Failed(f"{path}: cannot be read: No such file or directory")
        if self.modes.get(path, 0o100600) & 0o077:
            raise Failed(f"{path}: others may read it: run chown root and chmod 0600 on it")
        return found

    def write(self, path: str, text: str, secret: bool = False) -> None:
        if self.touch(path) not in self.files:
            what = "the secret" if secret else repr(text)
            raise Failed(f"{path}: cannot write {what}: No such file or directory")
        self.files[path] = text

    def link(self, path: str, to: str) -> bool:
        if self.exists(path):
            return False
        self.links[path] = to
        return True

    def rename(self, path: str, to: str) -> None:
        self.files[self.touch(to)] = self.files.pop(self.touch(path))

    def remove(self, path: str) -> None:
        self.files.pop(self.touch(path), None)

    def remove_folder(self, path: str) -> bool:
        below = [name for name in self.files if name.startswith(path + "/")]
        if any("/" in name[len(path) + 1 :] for name in below):
            return False
        for name in below:  # a control group's files go with it
            del self.files[name]
        return True

    def process(self, pid: int) -> tuple[str, int] | None:
        if pid not in self.processes:
            return None
        return "T" if pid in self.frozen else "S", self.processes[pid]

    def kill(self, pid: int, signal: int, started: int | None = None) -> bool:
        if pid not in self.processes or started not in (None, self.processes[pid]):
            return False
        self.signals.append((pid, signal))
        if signal == 9 and pid not in self.immortal:
            del self.processes[pid]
        return True

    def which(self, tool: str) -> str | None:
        return tool if tool in self.replies else None

    def run(
        self,
        *argv: str,
        check: bool = True,
        within: float | None = None,  # noqa: ARG002
        stdin: str = "",  # noqa: ARG002
        changes: bool = False,
    ) -> Done:
        if changes:
            self.refuse_pending()
        self.step = " ".join(argv[:3])
        self.calls.append(argv)
        reply = self.replies.get(argv[0])
        if reply is None:
            raise NotInstalled(f"{argv[0]}: command not found")
        if isinstance(reply, Failed):
            raise reply
        done = reply if isinstance(reply, Done) else reply(*argv)
        if check and done.returncode:
            raise Failed(done.complaint())
        return done

    def binding(self, name: str) -> Any:
        if name not in self.bindings:
            raise NotInstalled(f"Python module {name} is not installed")
        return self.bindings[name]

    def load(self, name: str) -> str | None:
        return self.saved.get(name)

    def save(self, name: str, text: str) -> None:
        self.saved[name] = text

    def drop(self, name: str) -> None:
        self.saved.pop(name, None)

    def lock(self, name: str) -> None:
        self.locked.append(name)

    def busy(self, name: str) -> bool:
        return name in self.taken and name not in self.locked

    def left_behind(self, name: str) -> str:
        return self.waiting.get(name, "")

    def sign_locks(self, pid: int, parent: int) -> None:
        pass

    def log(self, text: str) -> None:
        self.logged.append(text)


class FakeConnection:
    """One that is closed again."""

    def close(self) -> None:
        pass


class FakeTask(Task):
    """A call that takes ``duration`` seconds of the host's time, and happens at their end."""

    def __init__(
        self,
        host: FakeHost,
        duration: float,
        function: Callable[..., Any],
        args: tuple[Any, ...],
    ) -> None:
        self.host = host
        self.ends = host.clock + duration
        self.outcome: list[Any] = []
        self.function, self.args = function, args

    def finished(self, within: float | None) -> bool:
        if self.outcome:
            return True
        wait = max(0.0, self.ends - self.host.clock)
        if within is not None and wait > within:
            self.host.clock += within
            return False
        self.host.clock += wait
        try:
            self.outcome = [True, self.function(*self.args)]
        except Exception as exc:
            self.outcome = [False, exc]
        return True


def done(*argv: str, stdout: str = "", stderr: str = "", code: int = 0) -> Done:
    """What a command that was run left behind."""
    return Done(argv or ("command",), code, stdout, stderr)
