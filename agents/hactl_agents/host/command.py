"""Running a command to its end: an empty environment, no shell, a deadline, nothing left behind.

Imported only by actions that run one; a monitor does not.
"""

import posix
import select
import time

from hactl_agents.failures import Failed, TimedOut, seconds, strerror
from hactl_agents.host import state
from hactl_agents.host.processes import SIGKILL
from hactl_agents.host.reaping import reaped

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

TOOL_PATH = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
ENVIRONMENT = {"PATH": ":".join(TOOL_PATH), "LC_ALL": "C", "HOME": "/root"}
MAX_OUTPUT = 1 << 20  # bytes kept of each stream
LOOKS, PAUSE = 20, 0.05  # so often, with so many seconds in between: does the kernel hold it?


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


class Left(TimedOut):
    """A command was killed, and the kernel holds on to it; ``pid`` says which process it is."""

    def __init__(self, message: str, pid: int) -> None:
        super().__init__(message)
        self.pid = pid


def run(
    argv: "tuple[str, ...]",
    full: "tuple[str, ...]",
    limit: "float | None",
    stdin: str,
    children: "set[int]",
    keeps: "tuple[int, ...]" = (),
    begun: "Callable[[int], None] | None" = None,
) -> Done:
    """Run ``full``, which stands for ``argv`` in messages, for at most ``limit`` seconds.

    Its pid is in ``children`` while it runs, and ``begun`` is told it; it holds the descriptors in
    ``keeps`` as long as it lives. Raises TimedOut; then it has been killed, and what it started
    with it. Raises Left where the kernel holds on to it.
    """
    out, child_out = posix.pipe()
    err, child_err = posix.pipe()
    child_in = feed(stdin)
    ends = [(child_in, 0), (child_out, 1), (child_err, 2)]
    actions = [
        (posix.POSIX_SPAWN_DUP2, end, number)
        for end, number in [*ends, *((kept, kept) for kept in keeps)]
    ]
    pid = posix.posix_spawn(full[0], full, ENVIRONMENT, file_actions=actions, setpgroup=0)
    for end, _ in ends:
        posix.close(end)
    children.add(pid)
    try:
        if begun:
            begun(pid)
        return collect(argv, pid, (out, err), limit)
    finally:
        children.discard(pid)
        posix.close(out)
        posix.close(err)


def launch(argv: "tuple[str, ...]", log: str, environment: "Mapping[str, str]") -> int:
    """Start a program that is to outlive us; its pid. Raises Failed."""
    private = posix.O_WRONLY | posix.O_CREAT | posix.O_TRUNC | posix.O_APPEND | posix.O_NOFOLLOW
    actions = [
        (posix.POSIX_SPAWN_OPEN, 0, "/dev/null", posix.O_RDONLY, 0),
        (posix.POSIX_SPAWN_OPEN, 1, log, private, 0o600),
        (posix.POSIX_SPAWN_DUP2, 1, 2),
    ]
    settings = {**ENVIRONMENT, **environment}
    try:
        return posix.posix_spawn(argv[0], argv, settings, file_actions=actions, setsid=True)
    except OSError as exc:
        raise Failed(f"{argv[0]}: cannot be started: {strerror(exc)}") from None


def collect(
    argv: "tuple[str, ...]", pid: int, streams: "tuple[int, int]", limit: "float | None"
) -> Done:
    """Read a child until it exits; a daemon it leaves behind may keep the pipes open."""
    texts = dict.fromkeys(streams, b"")
    try:
        read_until_exit(argv, pid, texts, limit)
    except TimedOut as exc:
        if not kill_and_reap(pid):
            raise Left(str(exc), pid) from None
        raise
    except BaseException:
        kill_and_reap(pid)
        raise
    status = posix.waitpid(pid, 0)[1]
    for stream in streams:
        posix.set_blocking(stream, False)
        drain(stream, texts)
    out, err = (texts[stream].decode(errors="replace") for stream in streams)
    return Done(argv, posix.waitstatus_to_exitcode(status), out, err)


def read_until_exit(
    argv: "tuple[str, ...]", pid: int, texts: "dict[int, bytes]", limit: "float | None"
) -> None:
    ended = posix.pidfd_open(pid)
    still_open = set(texts)
    stop_at = None if limit is None else time.monotonic() + limit
    try:
        while True:
            left = None if stop_at is None else max(0.0, stop_at - time.monotonic())
            ready = select.select([ended, *still_open], (), (), left)[0]
            if not ready:
                raise TimedOut(f"{' '.join(argv[:3])}: no answer within {seconds(limit)}")
            for stream in still_open & set(ready):
                if not drain(stream, texts):
                    still_open.discard(stream)
            if ended in ready:
                return
    finally:
        posix.close(ended)


def feed(stdin: str) -> int:
    """The standard input of a child, holding all of it: in memory, where a pipe would block."""
    data = stdin.encode(errors="surrogateescape")
    if not data:
        return posix.open("/dev/null", posix.O_RDONLY | posix.O_CLOEXEC)
    child = posix.memfd_create("stdin", posix.MFD_CLOEXEC)
    try:
        state.write_all(child, data)
        posix.lseek(child, 0, 0)
    except BaseException:
        posix.close(child)
        raise
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


def kill_and_reap(pid: int) -> bool:
    """Kill a command and what it started, and reap it; False where the kernel holds on to it."""
    for kill in (posix.killpg, posix.kill):
        try:
            kill(pid, SIGKILL)
        except OSError:
            pass
    return reaped(pid, LOOKS, PAUSE)
