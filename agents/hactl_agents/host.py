"""This node as an agent sees it: the only module of the runtime that touches the operating system.

Tests pass ``hactl_agents.testing.FakeHost``. Everything imported here is built into the
interpreter; ``os``, ``subprocess`` and ``signal`` would each cost every monitor milliseconds.
"""

import _signal
import _stat
import errno
import posix
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, TypeVar

    from hactl_agents.netlink import Links

    T = TypeVar("T")

STATE_DIR = "/run/hactl"
TOOL_PATH = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
BINDINGS = ("/usr/lib/python3/dist-packages", "/usr/lib64/python3/site-packages")
SIGTERM, SIGKILL = 15, 9
SCM_CREDENTIALS = 2
MAX_OUTPUT = 1 << 20  # bytes kept of each stream of a command
ABSENT = (errno.ENOENT, errno.ENOTDIR, errno.ESRCH, errno.ENODEV)


class Failed(Exception):
    """An action was tried and did not work, or the truth cannot be told (OCF_ERR_GENERIC)."""

    code = 1


class TimedOut(Failed):
    """A call outside did not come back in time; the message names the step."""


class NotInstalled(Failed):
    """A tool, library or kernel module is missing on this node (OCF_ERR_INSTALLED)."""

    code = 5


class Terminated(Failed):
    """Pacemaker's patience ran out before ours did (SIGTERM)."""


class Done:
    """What a command left behind. ``stdout`` and ``stderr`` are text, at most 1 MiB each."""

    def __init__(self, argv: "tuple[str, ...]", returncode: int, stdout: str, stderr: str) -> None:
        self.argv = argv
        self.returncode = returncode
        self.stdout = stdout
        self.stderr = stderr

    def complaint(self) -> str:
        """One sentence on what the command said."""
        said = " ".join((self.stderr.strip() or self.stdout.strip()).split())
        return f"{self.argv[0]} exited {self.returncode}: {said[-300:] or 'without a word'}"


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
        self.deadline = None if budget is None else self.now() + budget

    # time

    def now(self) -> float:
        """Seconds on a clock that nobody sets."""
        return time.monotonic()

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

    def write(self, path: str, text: str) -> None:
        """Write to an existing file, such as one in /sys. Raises Failed."""
        try:
            descriptor = posix.open(path, posix.O_WRONLY | posix.O_CLOEXEC)
            try:
                posix.write(descriptor, text.encode())
            finally:
                posix.close(descriptor)
        except OSError as exc:
            raise Failed(f"{path}: cannot write {text!r}: {strerror(exc)}") from None

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

    # processes

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
        for folder in TOOL_PATH:
            if self.exists(f"{folder}/{tool}"):
                return f"{folder}/{tool}"
        return None

    def run(
        self, *argv: str, check: bool = True, within: "float | None" = None, stdin: str = ""
    ) -> Done:
        """Run a command to its end, in an empty environment, without a shell.

        Raises NotInstalled, TimedOut (the command is killed), and Failed where it exits non-zero
        and ``check`` is set. If this process dies, the command dies with it.
        """
        program = self.which(argv[0])
        if program is None:
            raise NotInstalled(f"{argv[0]}: command not found")
        self.step = " ".join(argv[:3])
        guard = self.which("setpriv")
        full = (guard, "--pdeathsig", "KILL", program, *argv[1:]) if guard else (program, *argv[1:])
        done = self.spawn(argv, full, self.left(within), stdin)
        if check and done.returncode:
            raise Failed(done.complaint())
        return done

    def spawn(
        self, argv: "tuple[str, ...]", full: "tuple[str, ...]", limit: "float | None", stdin: str
    ) -> Done:
        out, child_out = posix.pipe()
        err, child_err = posix.pipe()
        child_in = feed(stdin)
        pid = posix.posix_spawn(
            full[0],
            full,
            {"PATH": ":".join(TOOL_PATH), "LC_ALL": "C", "HOME": "/root"},
            file_actions=[
                (posix.POSIX_SPAWN_DUP2, child_in, 0),
                (posix.POSIX_SPAWN_DUP2, child_out, 1),
                (posix.POSIX_SPAWN_DUP2, child_err, 2),
            ],
            setpgroup=0,
        )
        for descriptor in (child_in, child_out, child_err):
            posix.close(descriptor)
        self.children.add(pid)
        try:
            return self.collect(argv, pid, (out, err), limit)
        finally:
            self.children.discard(pid)
            posix.close(out)
            posix.close(err)

    def collect(
        self,
        argv: "tuple[str, ...]",
        pid: int,
        streams: "tuple[int, int]",
        limit: "float | None",
    ) -> Done:
        """Read a child until it exits (a daemon it leaves may keep the pipes open)."""
        import select

        ended = posix.pidfd_open(pid)
        texts = dict.fromkeys(streams, b"")
        open_streams = set(streams)
        stop_at = None if limit is None else self.now() + limit
        try:
            while True:
                left = None if stop_at is None else max(0.0, stop_at - self.now())
                ready = select.select([ended, *open_streams], (), (), left)[0]
                if not ready:
                    raise TimedOut(f"{' '.join(argv[:3])}: no answer within {limit:.1f} s")
                for stream in open_streams & set(ready):
                    if not drain(stream, texts):
                        open_streams.discard(stream)
                if ended in ready:
                    break
        except BaseException:
            slay(pid)
            raise
        finally:
            posix.close(ended)
        status = posix.waitpid(pid, 0)[1]
        for stream in open_streams:
            posix.set_blocking(stream, False)
            drain(stream, texts)
        out, err = (texts[stream].decode(errors="replace") for stream in streams)
        return Done(argv, posix.waitstatus_to_exitcode(status), out, err)

    def slay_children(self) -> None:
        """Kill every command still running; used when we are told to go."""
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
        import _socket

        self.step = step
        limit = self.left(within)
        connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM | _socket.SOCK_CLOEXEC)
        try:
            connection.settimeout(limit if limit is None else max(limit, 0.01))
            try:
                connection.connect(address)
            except (ConnectionRefusedError, FileNotFoundError):
                return None
            connection.sendmsg([message], [(_socket.SOL_SOCKET, SCM_CREDENTIALS, credentials())])
            answer = b""
            while not complete(answer):
                piece = connection.recv(65536)
                if not piece:
                    raise Failed(f"{step}: it hung up")
                answer += piece
            return answer
        except TimeoutError:
            raise TimedOut(f"{step}: no answer within {limit:.1f} s") from None
        except OSError as exc:
            raise Failed(f"{step}: {strerror(exc)}") from None
        finally:
            connection.close()

    def network(self) -> "Links":
        """The network devices of this network namespace."""
        from hactl_agents.netlink import Links

        return Links()

    def dial(self, path: str, within: "float | None" = None) -> "Any":
        """A connection to a unix socket; None where nobody listens.

        Raises TimedOut where somebody does and takes no more callers, and Failed.
        """
        import _socket

        connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM | _socket.SOCK_CLOEXEC)
        connection.settimeout(self.left(within))
        try:
            connection.connect(path)
        except (TimeoutError, BlockingIOError):
            raise TimedOut(f"{path}: whoever listens there takes no more callers") from None
        except OSError as exc:
            if exc.errno in ABSENT or exc.errno == errno.ECONNREFUSED:
                return None
            raise Failed(f"{path}: cannot be reached: {exc.strerror or exc}") from None
        return connection

    # private state of this node, gone at reboot

    def state(self) -> int:
        """A descriptor of the state folder, made if missing. Raises Failed if not ours alone."""
        try:
            posix.mkdir(self.state_dir, 0o700)
        except FileExistsError:
            pass
        except OSError as exc:
            raise Failed(f"{self.state_dir}: cannot be made: {strerror(exc)}") from None
        try:
            flags = posix.O_DIRECTORY | posix.O_NOFOLLOW | posix.O_CLOEXEC
            folder = posix.open(self.state_dir, flags)
        except OSError as exc:
            raise Failed(f"{self.state_dir}: is not a folder: {strerror(exc)}") from None
        found = posix.fstat(folder)
        if found.st_uid != posix.geteuid() or found.st_mode & 0o022:
            posix.close(folder)
            raise Failed(f"{self.state_dir}: not ours alone: it must be owned by root, mode 0700")
        return folder

    def load(self, name: str) -> "str | None":
        """The text saved under ``name`` since boot, or None."""
        try:
            found = posix.lstat(self.state_dir)
        except OSError:
            return None
        if not _stat.S_ISDIR(found.st_mode):
            raise Failed(f"{self.state_dir}: is not a folder")
        folder = self.state()
        try:
            flags = posix.O_RDONLY | posix.O_NOFOLLOW | posix.O_CLOEXEC
            descriptor = posix.open(name, flags, dir_fd=folder)
        except FileNotFoundError:
            return None
        except OSError as exc:
            raise unreadable(f"{self.state_dir}/{name}", exc) from None
        finally:
            posix.close(folder)
        try:
            return read_all(descriptor).decode(errors="replace")
        finally:
            posix.close(descriptor)

    def save(self, name: str, text: str) -> None:
        """Save ``text`` under ``name``, whole or not at all, readable by root only."""
        folder = self.state()
        draft = f".{name}.{posix.getpid()}"
        flags = posix.O_WRONLY | posix.O_CREAT | posix.O_EXCL | posix.O_NOFOLLOW | posix.O_CLOEXEC
        try:
            descriptor = posix.open(draft, flags, 0o600, dir_fd=folder)
            try:
                write_all(descriptor, text.encode())
            finally:
                posix.close(descriptor)
            posix.rename(draft, name, src_dir_fd=folder, dst_dir_fd=folder)
        except OSError as exc:
            forget(draft, folder)
            raise Failed(f"{self.state_dir}/{name}: cannot be saved: {strerror(exc)}") from None
        finally:
            posix.close(folder)

    def drop(self, name: str) -> None:
        """Forget what was saved under ``name``."""
        try:
            folder = self.state()
        except Failed:
            return
        forget(name, folder)
        posix.close(folder)

    def lock(self, name: str) -> None:
        """Hold the lock ``name`` until this process ends. Raises TimedOut at the deadline.

        A node whose /run is full or read-only has to stop its resources all the same: no lock.
        """
        import fcntl

        flags = posix.O_RDWR | posix.O_CREAT | posix.O_NOFOLLOW | posix.O_CLOEXEC
        try:
            folder = self.state()
            try:
                held = posix.open(name, flags, 0o600, dir_fd=folder)
            finally:
                posix.close(folder)
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

    def log(self, text: str) -> None:
        """A line for Pacemaker's log (it records an agent's stderr)."""
        posix.write(2, (" ".join(text.split()) + "\n").encode(errors="replace"))


def environment() -> "dict[str, str]":
    return {
        name.decode(errors="replace"): value.decode(errors="surrogateescape")
        for name, value in posix.environ.items()
    }


def credentials() -> bytes:
    """Who we are, as a unix socket carries it (struct ucred)."""
    numbers = (posix.getpid(), posix.getuid(), posix.getgid())
    return b"".join(number.to_bytes(4, sys.byteorder) for number in numbers)


def strerror(exc: OSError) -> str:
    return exc.strerror or str(exc)


def unreadable(path: str, exc: OSError) -> Failed:
    return Failed(f"{path}: cannot be read: {strerror(exc)}")


def read_all(descriptor: int) -> bytes:
    pieces = []
    while piece := posix.read(descriptor, 65536):
        pieces.append(piece)
    return b"".join(pieces)


def write_all(descriptor: int, data: bytes) -> None:
    while data:
        data = data[posix.write(descriptor, data) :]


def forget(name: str, folder: int) -> None:
    try:
        posix.unlink(name, dir_fd=folder)
    except OSError:
        pass


def feed(stdin: str) -> int:
    """The child's end of its standard input, already holding all of it."""
    if not stdin:
        return posix.open("/dev/null", posix.O_RDONLY | posix.O_CLOEXEC)
    if len(stdin.encode()) > 32768:
        raise Failed("more than 32 KiB of input for a command")
    child, ours = posix.pipe()
    write_all(ours, stdin.encode())
    posix.close(ours)
    return child


def drain(stream: int, texts: "dict[int, bytes]") -> bool:
    """Read what is there; False at the end of the stream."""
    try:
        piece = posix.read(stream, 65536)
    except BlockingIOError:
        return False
    if len(texts[stream]) < MAX_OUTPUT:
        texts[stream] += piece
    return bool(piece)


def slay(pid: int) -> None:
    """Kill a command and what it started, and reap it unless the kernel holds on to it."""
    for kill in (posix.killpg, posix.kill):
        try:
            kill(pid, SIGKILL)
        except OSError:
            pass
    for _ in range(20):
        try:
            if posix.waitpid(pid, posix.WNOHANG)[0]:
                return
        except OSError:
            return
        time.sleep(0.05)
