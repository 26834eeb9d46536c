"""IscsiGateway as it is installed, on a look-alike of the kernel's target: its cost, its end."""

import itertools
import shutil
from collections.abc import Iterator

import pytest

from tests.support.configfs.node import LookAlike, lacking, look_alike
from tests.support.instructions import allowed
from tests.support.private_node import why
from tests.truth.worlds.iscsi_gateway_lio import Look

pytestmark = [
    pytest.mark.backend,
    pytest.mark.xdist_group("iscsi-gateway-lio"),
    *(pytest.mark.skipif(True, reason=reason) for reason in lacking()),
]
RUNNING, FAILED, STOPPED, PROMOTED = 0, 1, 7, 8
LUNS = 8
MONITOR, START = 30_000_000, 60_000_000  # instructions; 3 million take a millisecond
PROMOTABLE = {"promotable": "true", "on_node": "node3", "on_node_uuid": "3"}
NO_SCORE = {
    "promotion_score": 0
}  # what crm_attribute costs is not ours, and valgrind cannot follow it
PYTHON = ("/usr/bin/python3", "-IS")


@pytest.fixture(scope="module")
def alike() -> Iterator[LookAlike]:
    with look_alike("target") as alike:
        yield alike


@pytest.fixture
def look(alike: LookAlike) -> Iterator[Look]:
    look = Look(alike, LUNS)
    yield look
    look.stick()
    assert (look.code("stop"), look.gone()) == (0, True)


def instructions(look: Look, action: str, meta: "dict[str, str]") -> int:
    """Of the longest of its processes: a child's count includes what its parent had done before it,
    so those of several children cannot be added.
    """
    grind = ("valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", *PYTHON)
    done = look.call(action, wrapper=grind, timeout=100, meta=meta, **NO_SCORE)
    assert done.returncode in (RUNNING, PROMOTED), done.stderr
    parts = done.stderr.split("Collected : ")[1:]
    return max(int(part.split()[0]) for part in parts)


def test_a_target_comes_and_goes(look: Look) -> None:
    assert look.code("monitor") == STOPPED
    done = look.call("start")
    assert done.returncode == 0, done.stderr
    assert (look.code("monitor"), look.code("monitor", level=10)) == (RUNNING, RUNNING)
    assert look.code("stop") == 0
    assert (look.code("monitor"), look.gone()) == (STOPPED, True)


def test_roles_change(look: Look) -> None:
    for action, after in (("start", RUNNING), ("promote", PROMOTED), ("demote", RUNNING)):
        assert look.code(action, meta=PROMOTABLE) == 0
        assert look.code("monitor", meta=PROMOTABLE) == after


def test_a_kernel_that_hangs_fails_the_stop_in_time_and_is_named(look: Look) -> None:
    assert look.code("start") == 0
    look.stick("tpgt_1/enable")
    done = look.call("stop", timeout=6)
    assert done.returncode == FAILED, done.stderr
    assert f"ending the sessions of {look.iqn}: no answer" in why(done)
    assert look.code("monitor") in (RUNNING, FAILED)
    look.stick()
    assert look.code("stop") == 0


@pytest.mark.extended
@pytest.mark.parametrize("action", ["start", "stop"])
def test_killed_at_any_step_it_tells_the_truth_and_stop_cleans_up(look: Look, action: str) -> None:
    for step in itertools.count(1):
        if action == "stop":
            assert look.code("start") == 0
        cut = look.cut(action, step)
        answer = look.code("monitor")
        assert (answer == STOPPED) == look.gone(), step
        assert (look.code("stop"), look.gone()) == (0, True), step
        if not cut or step > 40:
            break
    assert step > 5


def test_a_monitor_forks_nothing(look: Look) -> None:
    assert look.code("start") == 0
    trace = ("strace", "-f", "-qq", "-e", "trace=%process", "-e", "signal=none")
    done = look.call("monitor", wrapper=trace)
    seen = [line for line in done.stderr.splitlines() if "exit" not in line]
    assert [line.partition("(")[0] for line in seen] == ["execve"], done.stderr


@pytest.mark.parametrize("meta", [{}, PROMOTABLE], ids=["plain", "promotable"])
def test_eight_luns_cost_no_more_than_agreed(look: Look, meta: "dict[str, str]") -> None:
    if shutil.which("valgrind") is None:
        pytest.skip("valgrind is not installed")
    start = instructions(look, "start", meta)
    monitor = instructions(look, "monitor", meta)
    print(f"start {start:,}, monitor {monitor:,}")
    assert (start <= allowed(START), monitor <= allowed(MONITOR)) == (True, True), (start, monitor)
