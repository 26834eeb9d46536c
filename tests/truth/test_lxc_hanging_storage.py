"""LxcContainer on storage that hangs at any question: each action ends, and tells the truth."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.private_node import PrivateNode, wait_until, why
from tests.support.stalling_fs import StallingFs
from tests.truth.worlds.lxc_container import SURVIVE, Box, lacking

pytestmark = [
    pytest.mark.backend,
    pytest.mark.xdist_group("lxc-container"),
    *(pytest.mark.skipif(True, reason=reason) for reason in lacking()),
]
RUNNING, FAILED, STOPPED = 0, 1, 7
SECONDS = 6.0  # that an action has


def nodes_fs(node: PrivateNode, folder: Path) -> StallingFs:
    """The file system in a node's namespaces."""
    inside = ("nsenter", "-t", str(node.pid), "-n", "-m", "-p", "-i", "-u", "--")
    return StallingFs(folder, inside)


@contextmanager
def on_storage(node: PrivateNode, where: str) -> Iterator[tuple[Box, StallingFs]]:
    """A container with its configuration, or its folder without the root one, on such storage."""
    box = Box(node, SURVIVE)
    with nodes_fs(node, node.dir / f"fs{box.number}") as fs:
        if where == "configuration":
            (fs.behind / "config").write_text(box.config.read_text())
            box.params["config"] = fs.path("config")
        else:
            (fs.behind / box.name).mkdir()
            (fs.behind / box.name / "config").write_text(box.config.read_text())
            box.params["lxcpath"] = str(fs.mount)
        try:
            yield box, fs
        finally:
            fs.answer()
            box.clean_up()


def in_time(box: Box, action: str, **more: object) -> "subprocess.CompletedProcess[str]":
    began = time.monotonic()
    done = box.call(action, timeout=SECONDS, **more)
    assert time.monotonic() - began < SECONDS + 1, (action, done.stderr)
    return done


@pytest.mark.parametrize("where", ["configuration", "folder"])
def test_a_start_that_hangs_leaves_nothing_that_a_stop_would_wait_for(
    node: PrivateNode, where: str
) -> None:
    with on_storage(node, where) as (box, fs):
        fs.stall(10**6)
        assert box.code("start") == 0
        questions = len(fs.asked())
        assert box.code("stop") == 0
        for number in sorted({0, 1, 2, *range(3, questions, max(1, questions // 5))}):
            fs.stall(number)
            done = in_time(box, "start")
            if done.returncode:
                assert done.returncode == FAILED, (number, done.stderr)
                assert not box.processes(), number
                probe = in_time(box, "monitor", meta={"interval": "0"})
                assert probe.returncode == STOPPED, (number, why(probe))
            stop = in_time(box, "stop")
            assert stop.returncode == 0, (number, why(stop), box.described())
            assert not box.processes(), number
            fs.answer()
            wait_until(lambda: not box.monitors(), f"{number}: something stays", 5)
            assert not box.processes(), f"{number}: it came after all"
        assert (box.code("start"), box.monitor()) == (0, RUNNING)
        assert (box.code("stop"), box.gone()) == (0, True)


@pytest.mark.parametrize("where", ["configuration", "folder"])
def test_what_runs_is_seen_and_stopped_while_its_storage_hangs(
    node: PrivateNode, where: str
) -> None:
    with on_storage(node, where) as (box, fs):
        assert box.code("start") == 0
        fs.stall()
        assert in_time(box, "monitor", meta={"interval": "0"}).returncode == RUNNING
        assert in_time(box, "monitor", meta={"interval": "10000"}).returncode == RUNNING
        assert in_time(box, "stop").returncode == 0
        assert not box.processes()
        assert in_time(box, "monitor", meta={"interval": "0"}).returncode == STOPPED
