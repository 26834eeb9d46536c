"""A child that was killed: free to go, or held by the kernel. Only what it does tells which."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from itertools import chain, repeat

import pytest

from hactl_agents.host.reaping import is_reaped, reaped, state_of


def once(values: Iterator[object]) -> Callable[[int], object]:
    return lambda _pid: next(values)


@pytest.fixture
def child() -> Iterator[int]:
    pid = os.fork()
    if not pid:
        time.sleep(1000)
        os._exit(0)
    yield pid
    is_reaped(pid)


def test_one_that_waits_for_a_processor_is_waited_for() -> None:
    """On a busy node it comes later than what is held would be given up."""
    gone = chain(repeat(False, 50), [True])
    assert reaped(1, 5, 0.001, gone=once(gone), state=lambda _: "R")  # type: ignore[arg-type]


@pytest.mark.parametrize("letter", ["D", "S", "Z", "t"])
def test_one_that_the_kernel_holds_is_given_up_after_some_looks(letter: str) -> None:
    asked: list[int] = []

    def state(pid: int) -> str:
        asked.append(pid)
        return letter

    assert not reaped(1, 5, 0.001, gone=lambda _: False, state=state)
    assert asked == [1] * 5


def test_one_that_runs_for_ever_is_given_up() -> None:
    assert not reaped(1, 5, 0.01, gone=lambda _: False, state=lambda _: "R")


def test_one_that_goes_in_the_very_last_moment_is_gone() -> None:
    gone = chain(repeat(False, 5), [True])
    assert reaped(1, 5, 0.001, gone=once(gone), state=lambda _: "D")  # type: ignore[arg-type]


def test_a_real_one_is_reaped_once_it_is_killed(child: int) -> None:
    assert not reaped(child, 3, 0.001)
    os.kill(child, signal.SIGKILL)
    assert reaped(child, 3, 0.001)
    assert state_of(child) == ""
    assert reaped(child, 3, 0.001), "nobody is there to be reaped"


def test_the_states_of_a_real_one(child: int) -> None:
    while state_of(child) == "R":
        time.sleep(0.01)
    assert state_of(child) == "S"
    os.kill(child, signal.SIGKILL)
    os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
    assert state_of(child) == "Z"
    assert is_reaped(child)
