"""What breaks in the middle of an action: storage stops answering, a daemon dies or freezes.

The table breaks one thing before an action. Here it breaks at each question that the action asks:
the K-th of the file system that something of the operator's lies on, the K-th of a daemon. Then the
resource is looked at and stopped while that lasts, and once more when all answers again.

A world takes part by what it says: PLACES are names of what an operator gives a path of, DAEMONS
of processes that the agent talks to; CHANGES says that it changes the kernel by a look-alike of
configfs. Its cells have a ``node``, ``move(place, behind, shown)``, which lays what is at that
place into the folder ``behind`` and gives it as ``shown``, ``pids(daemon)``, and the ``kernel``.
TALK are the system calls by which its agent talks to a daemon, where they are not the usual ones.
Knows no agent.
"""

import contextlib
import itertools
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from tests.support.stalling_fs import StallingFs
from tests.truth.play import CALLS, fresh_cell
from tests.truth.table import GRACE, Seen, complaints

TIMEOUT = 4.0  # seconds of an action here; what hangs is given up before
ENDLESS = 1_000_000  # questions
ENDS = 5.0  # seconds in which a process ends that the kernel lets go of
# what an agent asks of a daemon, and what of that is a question whose answer is still to come
TALK = "connect,sendmsg,sendto,recvfrom,recvmsg"
ANSWERED = ("sendmsg", "sendto", "recvfrom", "recvmsg")
TRACE = ("strace", "-qq")
KILL, STOP, CONTINUE = 9, 19, 18
FIRST = {"start": "absent"}  # the state an action begins in; else "running"
COUNTER = itertools.count(1)


@dataclass
class Played:
    """One cell: what was broken in which action, what was seen, and what is wrong with that.

    ``true_when_asked``: it broke after the last answer, so what the action says was true then.
    """

    agent: str
    broken: str
    action: str
    seen: list[Seen] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    true_when_asked: bool = False

    def __str__(self) -> str:
        return "\n".join([f"{self.agent}: {self.broken} in {self.action}", *map(str, self.seen)])


# storage


def questions(module: Any, world: Any, place: str, action: str) -> list[str]:
    """What an action asks of the file system that this lies on, where it answers."""
    with on_storage(world, place, action) as (cell, storage):
        storage.stall(ENDLESS)
        call(cell, module, action)
        return storage.asked()


def hang(module: Any, world: Any, place: str, action: str, after: int) -> Played | None:
    """Play one cell: it hangs behind ``after`` questions; None where nobody asked that often."""
    with on_storage(world, place, action) as (cell, storage):
        storage.stall(after)
        first = look(cell, module, action, f"{place} hangs")
        asked = storage.asked()
        if len(asked) <= after:
            return None
        played = Played(module.AGENT, f"{place} hangs at {asked[after]}", action, [first])
        again = [action] * 2 if action in CALLS else []
        for each in (*again, "probe", "stop", "probe"):
            played.seen.append(look(cell, module, each, f"{place} hangs"))
        left = len(agents(cell))
        most = 1 if action in CALLS or first.code == 0 else 2  # of the action, and of its stop
        if left > most:
            played.wrong.append(f"{left} processes of the agent are left behind")
        storage.answer()
        played.wrong += finish(cell, module, played.seen, f"{place} hangs")
        return judged(played)


@contextlib.contextmanager
def on_storage(world: Any, place: str, action: str) -> Iterator[tuple[Any, StallingFs]]:
    """A cell that has something on a file system that can stall, ready for an action."""
    with fresh_cell(world) as cell:
        folder = cell.node.dir / f"storage{next(COUNTER)}"
        with StallingFs(folder, cell.node.enter) as storage:
            cell.move(place, storage.behind, storage.mount)
            cell.bring_into(FIRST.get(action, "running"))
            yield cell, storage


# the kernel


def changes(module: Any, world: Any, action: str) -> list[str]:
    """What an action changes in the kernel where all goes well."""
    with fresh_cell(world) as cell:
        cell.bring_into(FIRST.get(action, "running"))
        before = len(cell.kernel.changes())
        call(cell, module, action)
        return cast("list[str]", cell.kernel.changes()[before:])


def hold(module: Any, world: Any, action: str, after: int) -> Played | None:
    """Play one cell: the kernel makes ``after`` changes and hangs in the next, which may come yet.

    None where there were not so many.
    """
    with fresh_cell(world) as cell:
        cell.bring_into(FIRST.get(action, "running"))
        cell.kernel.hold_back(after)
        broken = f"change {after + 1} hangs"
        played = Played(module.AGENT, broken, action, [])
        held = False
        for each in (action, "probe", "monitor", "stop", "probe"):
            seen = look(cell, module, each, "the kernel hangs")
            played.seen.append(seen)
            held = held or bool(agents(cell))
            denied = seen.code == (0 if each == "stop" else 7)
            if agents(cell) and each != "start" and denied:
                played.wrong.append(f"called absent while something may come: {seen}")
        if not held:
            return None
        cell.kernel.let_go()
        played.wrong += finish(cell, module, played.seen, "the kernel hangs")
        return judged(played)


# daemons


def words(module: Any, world: Any, action: str) -> list[tuple[str, int]]:
    """What an agent says or hears in an action that goes well: (system call, which of its kind)."""
    with fresh_cell(world) as cell:
        cell.bring_into(FIRST.get(action, "running"))
        note = cell.node.dir / f"words{next(COUNTER)}"
        talk = getattr(module, "TALK", TALK)
        call(cell, module, action, wrapper=(*TRACE, "-o", str(note), "-e", f"trace={talk}"))
        names = [line.partition("(")[0] for line in note.read_text().split("\n") if "(" in line]
        names = [name for name in names if name in talk.split(",")]
        return [(name, names[: at + 1].count(name)) for at, name in enumerate(names)]


def is_the_last(words: list[tuple[str, int]], at: int) -> bool:
    """Whether a daemon that is lost at this word has answered all that it is asked.

    The system call is carried out before the agent is held, and the daemon is lost after that.
    """
    after = [name for name, _ in words[at + 1 :]]
    return words[at][0] in ANSWERED and set(after) <= {"recvfrom", "recvmsg"}


def lose(
    module: Any, world: Any, daemon: str, how: str, action: str, words: list[tuple[str, int]],
    at: int,
) -> Played | None:  # fmt: skip
    """Play one cell: a daemon dies or freezes as the agent says or hears a certain word.

    None where that word was never said.
    """
    name, number = words[at]
    inject = f"inject={name}:signal=STOP:when={number}"
    wrapper = (*TRACE, "-o", "/dev/null", "-e", f"trace={name}", "-e", inject)
    with fresh_cell(world) as cell:
        cell.bring_into(FIRST.get(action, "running"))
        broken = f"{daemon} {how}"
        lost = Losing(cell, daemon, KILL if how == "dies" else STOP)
        with lost:
            first = look(cell, module, action, broken, wrapper=wrapper)
        if not lost.happened:
            return None
        played = Played(module.AGENT, f"{broken} at {name} {number}", action, [first])
        played.true_when_asked = is_the_last(words, at)
        for each in (*(["stop"] if action == "stop" else []), "probe", "stop", "probe"):
            earlier = played.seen[-1]
            now = look(cell, module, each, broken)
            if (earlier.action, now.action, earlier.code, now.code) == ("stop", "stop", 1, 0):
                played.wrong.append("a stop had to be asked twice")
            played.seen.append(now)
        lost.undo()
        played.wrong += finish(cell, module, played.seen, broken)
        return judged(played)


class Losing:
    """Waits until the agent is held at its word, sends the daemon a signal, and lets it go on."""

    def __init__(self, cell: Any, daemon: str, number: int) -> None:
        self.cell, self.daemon, self.number = cell, daemon, number
        self.happened = False
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.work)
        self.signalled: list[int] = []

    def __enter__(self) -> None:
        self.thread.start()

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.thread.join()

    def work(self) -> None:
        held = 0
        while not self.over.wait(0.03):
            paused = [pid for pid in agents(self.cell) if state(self.cell, pid) in "tT"]
            held = held + 1 if paused else 0
            if held < 5:  # strace itself holds it for a moment at each word
                continue
            if not self.happened:
                self.signalled = self.cell.pids(self.daemon)
                send(self.cell, self.number, self.signalled)
                self.happened = True
            send(self.cell, CONTINUE, paused)
            held = 0  # on a busy machine it may have been strace, and its word is still to come

    def undo(self) -> None:
        if self.number == STOP:
            send(self.cell, CONTINUE, self.signalled)


# both


def finish(cell: Any, module: Any, seen: list[Seen], broken: str) -> list[str]:
    """All answers again: nothing of the agent's is left, and it can be stopped."""
    wrong = []
    stop_at = time.monotonic() + ENDS
    while left := agents(cell):
        if time.monotonic() > stop_at:
            wrong.append(f"processes {left} of the agent stay")
            break
        time.sleep(0.05)
    cell.heal()
    settle(cell, stop_at)
    for action in ("probe", "stop", "probe"):
        seen.append(look(cell, module, action, broken, healed=True))
    return wrong


def settle(cell: Any, stop_at: float) -> None:
    """Wait until what the kernel let go of has come to its end: it may be dying at this moment."""
    before = ""
    while (now := cell.witness()) != before and time.monotonic() < stop_at:
        before = now
        time.sleep(0.3)


def judged(played: Played) -> Played:
    for seen in played.seen[played.true_when_asked :]:
        played.wrong += complaints(seen)
        played.wrong += [f"{name}: {seen}" for name, rule in RULES.items() if not rule(seen)]
    return played


def absence_is_no_matter_of_storage(seen: Seen) -> bool:
    """What hangs is only read: where nothing is, nothing is said to be, and a stop works."""
    if not seen.what.endswith("hangs") or seen.before != "absent":
        return True
    return seen.action not in ANSWERS or seen.code == ANSWERS[seen.action]


def a_look_is_quick(seen: Seen) -> bool:
    """A look of depth 0 touches nothing of an operator's: it does not wait for what hangs."""
    if not seen.what.endswith("hangs") or seen.action not in ("probe", "monitor"):
        return True
    return seen.seconds < seen.timeout / 2 + GRACE


ANSWERS = {"probe": 7, "monitor": 7, "stop": 0}
RULES: dict[str, Callable[[Seen], bool]] = {
    rule.__name__.replace("_", " "): rule
    for rule in (absence_is_no_matter_of_storage, a_look_is_quick)
}


def look(
    cell: Any, module: Any, action: str, broken: str, healed: bool = False, **more: Any
) -> Seen:
    """Make one call; what was seen of it."""
    before = cell.witness()
    began = time.monotonic()
    answer = call(cell, module, action, **more)
    seconds = time.monotonic() - began
    seen = Seen(FIRST.get(action, "running"), broken, action, timeout_of(module), healed=healed)
    return replace(
        seen,
        code=answer.returncode,
        stderr=answer.stderr,
        seconds=seconds,
        before=before,
        after=cell.witness(),
        untouched=cell.foreign_untouched(),
    )


def call(cell: Any, module: Any, action: str, **more: Any) -> Any:
    word, given = CALLS.get(action, (action, {"meta": {}}))
    return cell.call(word, timeout=timeout_of(module), **{**given, **more})


def timeout_of(module: Any) -> float:
    return float(getattr(module, "TIMEOUT_DURING", TIMEOUT))


def agents(cell: Any) -> list[int]:
    """The processes of the agent, by their pids in the node."""
    launcher = cell.node.launcher("").rstrip("/").encode()
    found = []
    for path in Path(f"/proc/{cell.node.pid}/root/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (path / "cmdline").read_bytes().split(b"\0")
            if words[0].endswith(b"python3") and any(launcher in word for word in words[1:4]):
                found.append(int(path.name))
    return found


def state(cell: Any, pid: int) -> str:
    with contextlib.suppress(OSError):
        stat = Path(f"/proc/{cell.node.pid}/root/proc/{pid}/stat").read_text()
        return stat.rpartition(")")[2].split()[0]
    return "X"


def send(cell: Any, number: int, pids: list[int]) -> None:
    if pids:
        cell.node.run("kill", f"-{number}", *map(str, pids), check=False)
