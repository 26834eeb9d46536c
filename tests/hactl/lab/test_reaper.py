"""The one who waits outside of a lab: whenever its starter or itself has to go, nothing is left."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hactl.lab.cgroups import Groups, Hierarchy
from hactl.lab.reaper import keep

FOLDERS = 300  # so many take a moment to be removed

pytestmark = pytest.mark.timeout(60)


class Kept:
    """A keeper in a process of its own, whose lab is a child that does nothing."""

    def __init__(self, folder: Path, lab: Callable[[], None], before: Callable[[], None]) -> None:
        self.groups = Groups((Hierarchy(folder, 2, "", folder),), "lab")
        for number in range(FOLDERS):
            (folder / "lab" / f"node{number}").mkdir(parents=True)
        self.folder = folder / "lab"
        lifeline, self.line = os.pipe()
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})  # as main() does
        self.pid = os.fork()
        if self.pid:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        else:
            os.close(self.line)
            self.work(lifeline, lab, before)
        os.close(lifeline)

    def work(self, lifeline: int, lab: Callable[[], None], before: Callable[[], None]) -> None:
        code = 1
        try:
            before()
            child = os.fork()
            if not child:
                signal.pthread_sigmask(signal.SIG_SETMASK, ())
                lab()
                os._exit(0)
            code = keep(child, self.groups, lifeline)
        finally:
            os._exit(code)

    def ended(self) -> int:
        """Its exit status, once it has ended."""
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def let_go(self) -> None:
        os.write(self.line, b"k")


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Callable[..., Kept]]:
    made: list[Kept] = []

    def start(
        lab: Callable[[], None] = lambda: time.sleep(1000),
        before: Callable[[], None] = lambda: None,
    ) -> Kept:
        made.append(Kept(tmp_path, lab, before))
        return made[-1]

    yield start
    for each in made:
        with contextlib.suppress(OSError):
            os.kill(each.pid, signal.SIGKILL)


def told_already() -> None:
    """SIGTERM comes before anybody can act upon it."""
    os.kill(os.getpid(), signal.SIGTERM)


def test_a_lab_that_hears_nobody_dies_with_its_starter(kept: Callable[..., Kept]) -> None:
    """As one that boots its nodes does not."""
    lab = kept()
    os.close(lab.line)
    assert lab.ended() == 0
    assert not lab.folder.exists()


def test_one_that_is_let_go_lives_until_its_end(kept: Callable[..., Kept], tmp_path: Path) -> None:
    def until_told() -> None:
        while not (tmp_path / "go").exists():
            time.sleep(0.01)
        (tmp_path / "end").touch()

    lab = kept(until_told)
    lab.let_go()
    os.close(lab.line)
    time.sleep(0.1)  # in which one that was not let go would be killed
    (tmp_path / "go").touch()
    assert lab.ended() == 0
    assert (tmp_path / "end").exists()
    assert not lab.folder.exists()


def test_a_keeper_that_is_told_to_go_before_its_lab_is_there(kept: Callable[..., Kept]) -> None:
    lab = kept(before=told_already)
    lab.let_go()
    assert lab.ended() == 0
    assert not lab.folder.exists()


def test_a_keeper_that_is_told_to_go_while_it_cleans_up(kept: Callable[..., Kept]) -> None:
    """The lab is gone then, and its pid may be anybody's."""
    lab = kept(lambda: None, told_already)
    while not os.waitid(os.P_PID, lab.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
        os.kill(lab.pid, signal.SIGTERM)
    assert lab.ended() == 0
    assert not lab.folder.exists()
