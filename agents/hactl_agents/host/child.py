"""Work in a child of its own, which is left behind where the kernel does not let go of it.

A thread would not do: a process that has a thread hanging in the kernel cannot end, and whoever
waits for it hangs as well. A child is of one of two kinds. One that only *reads* holds nothing of
ours: what it hangs on is no reason for anybody to wait. One that *changes* something keeps the
locks we hold: what the kernel may yet carry out has to be over before another action may say what
is there. Imported only by actions that touch what may hang; a plain monitor does not.
"""

import _signal  # type: ignore[import-not-found]
import marshal
import posix
import select
import time

from hactl_agents.failures import Failed, NotInstalled, TimedOut, seconds, strerror
from hactl_agents.host.processes import SIGKILL, SIGTERM
from hactl_agents.host.reaping import reaped
from hactl_agents.host.state import write_all

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any, NoReturn

    from hactl_agents.host.host import Host

KINDS = {kind.__name__: kind for kind in (Failed, NotInstalled, TimedOut)}
HEAD = 4  # bytes that say how long the frame behind them is
AT, SAID, PIECE, VALUE, FAILED = "at", "said", "piece", "value", "failed"  # kinds of frames
LOOKS, PAUSE = 100, 0.001  # so often, with so many seconds in between: does the kernel hold it?


class Abandoned(TimedOut):
    """A child did not come back, and was left behind, killed as far as that goes.

    ``so_far`` are the pieces it had yielded, ``pid`` which process it is.
    """

    def __init__(self, message: str, pid: int, so_far: "list[Any]") -> None:
        super().__init__(message)
        self.pid = pid
        self.so_far = so_far


def read(
    host: "Host",
    step: str,
    function: "Callable[..., Any]",
    args: "tuple[Any, ...]",
    within: "float | None",
) -> "Any":
    """What ``function(*args)`` returns, of plain values; a list of all that a generator yields.

    Raises Abandoned after ``within`` seconds, and Failed where the function does. A look whose
    last child still hangs starts no other one.
    """
    refuse_to_pile_up(host, step)
    host.step = step
    limit = host.left(within)
    child = Child(host, lambda: function(*args), ())
    try:
        return child.value(limit)
    except Unanswered:
        if not child.gone:
            remember(host, step, child.pid)
        text = f"{step}: no answer within {seconds(limit)}"
        raise Abandoned(text, child.pid, child.pieces) from None


def change(host: "Host", work: "Callable[[], None]") -> None:
    """Do ``work`` in a child that keeps our locks. Raises what it raised, TimedOut at the deadline.

    The child tells what it is at, and gives up at its next step once it has no parent any more.
    What it notes in memory is lost; what it saves is saved.
    """
    host.refuse_pending()
    child = Child(host, work, host.locks.values())
    try:
        child.value(host.left())
    except Unanswered:
        if not child.gone:
            host.pending = f"process {child.pid} hangs in the kernel with this: {host.step}"
        raise TimedOut(f"{host.step}: no answer within the operation's time") from None


# looks that would pile up


def refuse_to_pile_up(host: "Host", step: str) -> None:
    """Raises Abandoned where the child that an earlier look has left behind hangs to this day."""
    pid, started, earlier = noted(host)
    if not pid:
        return
    if host.started(pid) == started:
        if host.is_look:
            text = f"{earlier} still hangs: process {pid} waits for it"
            raise Abandoned(text if step == earlier else f"{step} was not tried: {text}", pid, [])
        return
    host.drop(host.hang_note)


def noted(host: "Host") -> "tuple[int, int, str]":
    """Process, start time and step of the last child that was left behind; 0 for none."""
    text = (host.load(host.hang_note) or "") if host.hang_note else ""
    pid, _, rest = text.partition(" ")
    started, _, step = rest.partition(" ")
    return (int(pid), int(started), step) if pid.isdigit() and started.isdigit() else (0, 0, "")


def remember(host: "Host", step: str, pid: int) -> None:
    started = host.started(pid)
    if host.hang_note and started is not None:
        try:
            host.save(host.hang_note, f"{pid} {started} {step}")
        except Failed as exc:
            host.log(f"the next look will leave another process behind: {exc}")


# the parent's side


class Unanswered(Exception):
    """The time is over, and the child has not come to its end."""


class Child:
    """A process of ours that does one thing and tells of it through a pipe.

    ``keeps`` are the descriptors that it may hold as long as it lives. Once ``value`` is over,
    ``gone`` says whether it is: if not, the kernel holds on to it.
    """

    def __init__(self, host: "Host", work: "Callable[[], Any]", keeps: "Iterable[int]") -> None:
        self.host = host
        self.pieces: list[Any] = []
        self.text = b""
        self.gone = False
        self.out, inner = posix.pipe()
        try:
            self.pid = posix.fork()
            if not self.pid:
                be_the_child(host, work, inner, keeps)
        except OSError as exc:
            posix.close(self.out)
            raise Failed(f"cannot start a process: {strerror(exc)}") from None
        finally:
            posix.close(inner)
        host.children.add(self.pid)

    def value(self, limit: "float | None") -> "Any":
        """What the work returned. Raises Unanswered, and Failed where the work did."""
        try:
            kind, *rest = self.outcome(limit)
        except BaseException:
            self.kill()
            raise
        finally:
            posix.close(self.out)
            self.gone = reaped(self.pid, LOOKS, PAUSE)
            self.host.children.discard(self.pid)
        if kind == FAILED:
            raise failure(*rest)
        return self.pieces if rest[0] else rest[1]

    def outcome(self, limit: "float | None") -> "list[Any]":
        """Its last frame; its steps and its log become ours meanwhile."""
        stop_at = None if limit is None else time.monotonic() + limit
        while True:
            for frame in self.frames():
                if frame[0] in (VALUE, FAILED):
                    return frame
                self.take(*frame)
            left = None if stop_at is None else max(0.0, stop_at - time.monotonic())
            if not select.select([self.out], (), (), left)[0]:
                raise Unanswered
            piece = posix.read(self.out, 65536)
            if not piece:
                return [FAILED, Failed.__name__, 1, f"it was killed during: {self.host.step}"]
            self.text += piece

    def frames(self) -> "Iterator[list[Any]]":
        """What is whole of what was read."""
        while len(self.text) >= HEAD:
            end = HEAD + int.from_bytes(self.text[:HEAD], "big")
            if len(self.text) < end:
                return
            frame, self.text = marshal.loads(self.text[HEAD:end]), self.text[end:]
            yield frame

    def take(self, kind: str, what: "Any") -> None:
        if kind == AT:
            self.host.step = what
        elif kind == SAID:
            self.host.log(what)
        else:
            self.pieces.append(what)

    def kill(self) -> None:
        try:
            posix.kill(self.pid, SIGKILL)
        except OSError:  # whoever told us to stop has reaped it already
            pass


def failure(kind: str, code: int, sentence: str) -> Failed:
    failed = KINDS[kind](sentence)
    failed.code = code
    return failed


# the child's side


def be_the_child(
    host: "Host", work: "Callable[[], Any]", out: int, keeps: "Iterable[int]"
) -> "NoReturn":
    """Do the work, tell how it ended, and end. Never returns."""
    try:
        detach({out, *keeps})
        host.teller = lambda kind, text: tell(out, kind, text)
        last = outcome_of(host, work, out)
        tell(out, *last)
    finally:
        posix._exit(0)


def outcome_of(host: "Host", work: "Callable[[], Any]", out: int) -> "tuple[Any, ...]":
    try:
        value = work()
        if not hasattr(value, "__next__"):
            return VALUE, False, value
        for piece in value:
            tell(out, PIECE, piece)
        return VALUE, True, None
    except Failed as exc:
        kind = next(each.__name__ for each in type(exc).__mro__ if each.__name__ in KINDS)
        return FAILED, kind, exc.code, " ".join(str(exc).split())
    except BaseException as exc:
        return FAILED, Failed.__name__, 1, f"{type(exc).__name__} during {host.step}: {exc}"


def tell(out: int, *frame: "Any") -> None:
    """Raises BrokenPipeError where nobody listens any more: then the work ends here."""
    data = marshal.dumps(frame)
    write_all(out, len(data).to_bytes(HEAD, "big") + data)


def detach(keeps: "set[int]") -> None:
    """Hold nothing of the agent's but ``keeps``: whoever reads its streams waits for their end."""
    _signal.signal(SIGTERM, _signal.SIG_DFL)
    posix.setsid()
    nothing = posix.open("/dev/null", posix.O_RDWR)
    for stream in (0, 1, 2):
        posix.dup2(nothing, stream)
    for name in posix.listdir("/proc/self/fd"):
        if int(name) > 2 and int(name) not in keeps:
            try:
                posix.close(int(name))
            except OSError:
                pass  # the listing's own
