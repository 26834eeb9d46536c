"""Work in a process of its own, for what the kernel may hold on to for ever.

A write to configfs that waits for a dead disk cannot be interrupted, and a process with such a
thread cannot end: only a child can be left behind. It tells its parent what it is at, and gives
up at the next step when it has no parent any more.
"""

import posix
import select
import time

from hactl_agents.failures import Failed, NotInstalled, TimedOut

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

    from hactl_agents.host.host import Host

KINDS = {kind.__name__: kind for kind in (Failed, NotInstalled, TimedOut)}
SIGKILL = 9
AT, SAID, DONE = "at ", "said ", "done"


def run(host: "Host", work: "Callable[[], None]") -> None:
    """Do ``work`` in a child. Raises what it raised, and TimedOut at the deadline.

    What the child notes in memory is lost; what it saves is saved.
    """
    ours, theirs = posix.pipe()
    pid = posix.fork()
    if not pid:
        posix.close(ours)
        child(host, work, theirs)
    posix.close(theirs)
    host.children.add(pid)
    try:
        outcome = follow(host, ours)
        posix.waitpid(pid, 0)
    except BaseException:
        leave_behind(pid)
        raise
    finally:
        host.children.discard(pid)
        posix.close(ours)
    if outcome != DONE:
        raise failure(outcome, host.step)


def leave_behind(pid: int) -> None:
    """Kill a child and reap it if it goes at once; one that the kernel holds goes when it can."""
    try:
        posix.kill(pid, SIGKILL)
        for _ in range(10):
            if posix.waitpid(pid, posix.WNOHANG)[0]:
                return
            time.sleep(0.01)
    except OSError:  # whoever told us to stop has reaped it already
        pass


def child(host: "Host", work: "Callable[[], None]", tell: int) -> "NoReturn":
    """Never returns. Keeps none of the parent's streams: whoever reads them waits for its end.

    Keeps the lock of the resource: what the kernel may yet carry out has to be over before another
    action may say what is there.
    """
    outcome = DONE
    try:
        posix.setpgid(0, 0)
        null = posix.open("/dev/null", posix.O_RDWR)
        for number in range(3):
            posix.dup2(null, number)
        host.teller = lambda line: said(tell, line)
        work()
    except Failed as exc:
        outcome = f"{known(exc)} {exc.code} {exc}"
    except BaseException as exc:
        outcome = f"Failed 1 {type(exc).__name__} during {host.step}: {exc}"
    try:
        said(tell, outcome)
    finally:
        posix._exit(0)


def said(tell: int, line: str) -> None:
    """Raises BrokenPipeError where nobody listens any more: then the work ends here."""
    posix.write(tell, (" ".join(line.split()) + "\n").encode(errors="replace"))


def known(exc: Failed) -> str:
    return next(kind.__name__ for kind in type(exc).__mro__ if kind.__name__ in KINDS)


def follow(host: "Host", ours: int) -> str:
    """What the child says last; its steps and its log become ours. Raises TimedOut."""
    text = b""
    last = ""
    while True:
        left = host.left()
        if not select.select([ours], (), (), left)[0]:
            raise TimedOut(f"{host.step}: no answer within the operation's time")
        piece = posix.read(ours, 65536)
        if not piece:
            return last
        *lines, text = (text + piece).split(b"\n")
        for line in lines:
            last = line.decode()
            if last.startswith(AT):
                host.step = last[len(AT) :]
            elif last.startswith(SAID):
                host.log(last[len(SAID) :])


def failure(outcome: str, step: str) -> Failed:
    kind, _, rest = outcome.partition(" ")
    if kind not in KINDS:
        return Failed(f"the process that did it was killed during: {step}")
    code, _, sentence = rest.partition(" ")
    failed = KINDS[kind](sentence)
    failed.code = int(code)
    return failed
