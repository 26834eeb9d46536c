"""Work in a child of ours: what it returns and raises, what it keeps, and one that hangs."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hactl_agents.host.child import Abandoned
from hactl_agents.host.host import Failed, Host, NotInstalled, TimedOut
from tests.support.stalling_fs import StallingFs

AGENTS = Path(__file__).parents[2] / "agents"


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(budget=20.0, state_dir=str(tmp_path / "state"))


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[StallingFs]:
    with StallingFs(tmp_path / "storage") as storage:
        yield storage


def gone(host: Host, pid: int) -> bool:
    return host.started(pid) is None


def open_files() -> str:
    names = []
    for path in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # the listing's own
            names.append(str(path.readlink()))
    return " ".join(names)


def fail(exc: Failed) -> None:
    raise exc


# what comes back


def test_what_a_child_returns_comes_back_as_it_was(host: Host) -> None:
    value = (None, True, 7, 1.5, "ä\udcff", b"\0", ["x", {"y": ()}])
    assert host.read_in_child("looking", lambda: value) == value
    assert host.read_in_child("looking", lambda: iter(())) == []
    assert host.read_in_child("looking", lambda: (n for n in range(3))) == [0, 1, 2]
    assert len(host.read_in_child("looking", lambda: "x" * 3_000_000)) == 3_000_000


def test_what_a_child_raises_is_raised(host: Host) -> None:
    with pytest.raises(Failed, match="the disk is on fire"):
        host.read_in_child("looking", lambda: fail(Failed("the disk is on fire")))
    with pytest.raises(NotInstalled, match="ls: none here") as refused:
        host.change_in_child(lambda: fail(NotInstalled("ls: none\nhere")))
    assert refused.value.code == 5
    with pytest.raises(Failed, match="KeyError during counting"):
        host.change_in_child(lambda: (host.at("counting"), {}["absent"])[1])
    with pytest.raises(Failed, match="was killed during: counting"):
        host.change_in_child(lambda: (host.at("counting"), os.kill(os.getpid(), 9))[1])


def test_a_change_is_made_and_its_steps_and_words_are_ours(
    host: Host, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    def work() -> None:
        host.at("touching it")
        host.log("with a feather")
        (tmp_path / "done").touch()

    host.change_in_child(work)
    assert (tmp_path / "done").exists()
    assert host.step == "touching it"
    assert capfd.readouterr().err == "with a feather\n"


# what it keeps


def test_who_reads_holds_neither_a_lock_nor_a_stream(host: Host) -> None:
    host.lock("test.lock")
    reader, writer = os.pipe()
    said = host.read_in_child("looking", open_files)
    os.close(reader)
    os.close(writer)
    assert "test.lock" not in said
    assert said.count("pipe:") == 1, "the one to tell us"


def test_who_changes_something_holds_our_locks_and_nothing_else(host: Host, tmp_path: Path) -> None:
    host.lock("test.lock")
    reader, writer = os.pipe()
    host.change_in_child(lambda: (tmp_path / "said").write_text(open_files()) and None)
    os.close(reader)
    os.close(writer)
    said = (tmp_path / "said").read_text()
    assert said.count("test.lock") == 1
    assert said.count("pipe:") == 1


def test_no_child_is_left_a_zombie(host: Host) -> None:
    for _ in range(20):
        host.read_in_child("looking", lambda: 1)
        host.change_in_child(lambda: None)
        with contextlib.suppress(Failed):
            host.read_in_child("looking", lambda: fail(Failed("no")))
        with contextlib.suppress(TimedOut):
            host.read_in_child("looking", time.sleep, 100, within=0.01)
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)
    assert not host.children


def test_no_descriptor_is_left_open(host: Host) -> None:
    host.read_in_child("looking", lambda: 1)
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    for _ in range(10):
        host.read_in_child("looking", lambda: 1)
        with contextlib.suppress(TimedOut):
            host.read_in_child("looking", time.sleep, 100, within=0.01)
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208


# one that does not come back


def test_who_does_not_come_back_is_killed_and_what_it_said_is_kept(host: Host) -> None:
    def hang() -> Iterator[str]:
        yield "so far"
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(1000)

    with pytest.raises(Abandoned, match=r"looking: no answer within 0\.5 s") as caught:
        host.read_in_child("looking", hang, within=0.5)
    assert caught.value.so_far == ["so far"]
    assert gone(host, caught.value.pid)


def test_a_change_that_does_not_come_back_is_named(tmp_path: Path) -> None:
    host, mark = Host(budget=0.5, state_dir=str(tmp_path / "state")), tmp_path / "pid"

    def work() -> None:
        mark.write_text(str(os.getpid()))
        host.at("disabling namespace 1")
        time.sleep(1000)

    with pytest.raises(TimedOut, match="disabling namespace 1: no answer within"):
        host.change_in_child(work)
    assert gone(host, int(mark.read_text()))
    assert not host.pending, "it is gone, so nothing of it can come"


def test_a_child_ends_at_its_next_step_once_nobody_waits_for_it(tmp_path: Path) -> None:
    mark = tmp_path / "pid"
    program = (
        "import os, time; from hactl_agents.host.host import Host; host = Host(20.0, {})\n"
        "def work():\n"
        f"    open({str(mark)!r}, 'w').write(str(os.getpid()))\n"
        "    [(host.at('step'), time.sleep(0.05)) for _ in range(400)]\n"
        "host.change_in_child(work)\n"
    )
    process = subprocess.Popen(["/usr/bin/python3", "-c", program], env={"PYTHONPATH": str(AGENTS)})
    host = Host(budget=20.0)
    assert host.wait_for("the child", lambda: mark.exists() and bool(mark.read_text()))
    process.kill()
    process.wait()
    assert host.wait_for("its end", lambda: gone(host, int(mark.read_text())), within=5)


# one that the kernel holds: what it touches never answers


def test_who_hangs_while_it_reads_holds_up_nobody(host: Host, storage: StallingFs) -> None:
    host.lock("test.lock")
    storage.stall()
    with pytest.raises(Abandoned, match="no answer within") as caught:
        host.paths.facts(storage.path("disk"), within=0.3)
    assert host.process(caught.value.pid) is not None, "SIGKILL does not help"
    assert not host.pending
    again = subprocess.run(locking(host), capture_output=True, text=True, check=True)
    assert "still under way" in again.stdout, "we have it ourselves"
    os.close(host.locks.pop("test.lock"))
    again = subprocess.run(locking(host), capture_output=True, text=True, check=True)
    assert again.stdout == "taken\n", "the child that hangs has not"
    storage.answer()
    assert host.wait_for("its end", lambda: ended(caught.value.pid))


def test_who_hangs_in_a_change_keeps_the_lock_and_is_named(
    tmp_path: Path, storage: StallingFs
) -> None:
    host = Host(budget=0.5, state_dir=str(tmp_path / "state"))
    host.lock("test.lock")
    storage.stall()

    def work() -> None:
        host.at("mounting it")
        os.stat(storage.path("disk"))  # noqa: PTH116

    with pytest.raises(TimedOut, match="mounting it: no answer"):
        host.change_in_child(work)
    assert "hangs in the kernel with this: mounting it" in host.pending
    with pytest.raises(Failed, match="it may come yet"):
        host.change_in_child(lambda: None)
    with pytest.raises(Failed, match="it may come yet"):
        host.run("true", changes=True)
    os.close(host.locks.pop("test.lock"))
    again = subprocess.run(locking(host), capture_output=True, text=True, check=True)
    assert "mounting it" in again.stdout
    storage.answer()
    again = subprocess.run(locking(host, 10), capture_output=True, text=True, check=True)
    assert again.stdout == "taken\n"


def test_a_command_that_changes_something_keeps_the_lock(
    tmp_path: Path, storage: StallingFs
) -> None:
    host = Host(budget=0.5, state_dir=str(tmp_path / "state"))
    host.lock("test.lock")
    storage.stall()
    with pytest.raises(TimedOut, match="stat"):
        host.run("stat", storage.path("disk"), changes=True)
    assert "hangs in the kernel" in host.pending
    os.close(host.locks.pop("test.lock"))
    other = Host(budget=20.0, state_dir=host.state_dir)
    assert other.busy("test.lock")
    storage.answer()
    assert other.wait_for("its end", lambda: not other.busy("test.lock"), within=5)


def test_looks_leave_one_process_behind_not_one_each(host: Host, storage: StallingFs) -> None:
    host.hang_note, host.is_look = "test.hang", True
    path = storage.path("disk")
    (storage.behind / "disk").touch()
    storage.stall()
    pids = set()
    for n in range(3):
        with pytest.raises(Abandoned, match="still hangs" if n else "no answer") as caught:
            host.paths.facts(path, within=0.2)
        pids.add(caught.value.pid)
    assert len(pids) == 1
    with pytest.raises(Abandoned, match=f"was not tried: looking at {path} still hangs"):
        host.paths.read("/elsewhere")
    host.is_look = False
    assert host.paths.exists("/proc"), "a start may find it mended, by another mount"
    storage.answer()
    host.is_look = True
    assert host.wait_for("its end", lambda: ended(caught.value.pid))
    assert host.paths.exists(path)


def test_of_many_paths_those_that_answer_are_known(host: Host, storage: StallingFs) -> None:
    storage.stall()
    paths = ["/proc", storage.path("a"), "/nowhere", storage.path("b"), "/dev/null"]
    found = host.paths.those_that_answer(paths, 0.2)
    assert sorted(found) == ["/dev/null", "/nowhere", "/proc"]
    assert found["/nowhere"] is None


def locking(host: Host, seconds: float = 0.3) -> list[str]:
    """A program that wants the lock for itself."""
    program = (
        f"import sys; sys.path.insert(0, {str(AGENTS)!r})\n"
        "from hactl_agents.host.host import Host, TimedOut\n"
        f"host = Host({seconds}, state_dir={host.state_dir!r})\n"
        "try:\n    host.lock('test.lock'); print('taken')\n"
        "except TimedOut as exc:\n    print(exc)\n"
    )
    return ["/usr/bin/python3", "-c", program]


def ended(pid: int) -> bool:
    """Whether a child of this very process is gone: nobody else reaps it."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    return not Path(f"/proc/{pid}").exists()
