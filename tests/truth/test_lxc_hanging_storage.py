"""LxcContainer on storage that hangs at any question: each action ends, and tells the truth."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.private_node import PrivateNode, wait_until, why
from tests.support.stalling_fs import StallingFs, command
from tests.truth.worlds.lxc_container import SURVIVE, Box, lacking

pytestmark = [
    pytest.mark.backend,
    pytest.mark.xdist_group("lxc-container"),
    *(pytest.mark.skipif(True, reason=reason) for reason in lacking()),
]
RUNNING, FAILED, STOPPED = 0, 1, 7
SECONDS = 6.0  # that an action has


class NodesFs(StallingFs):
    """The file system in a node's namespaces."""

    def __init__(self, node: PrivateNode, folder: Path) -> None:
        super().__init__(folder)
        self.node = node

    def __enter__(self) -> "NodesFs":
        for each in (self.mount, self.behind, self.control):
            each.mkdir(parents=True, exist_ok=True)
        inside = ("nsenter", "-t", str(self.node.pid), "-n", "-m", "-p", "-i", "-u", "--")
        self.process = subprocess.Popen([*inside, *command(self.folder)])
        wait_until(lambda: str(self.mount) in self.node.sh("cat /proc/mounts"), "no FUSE", 10)
        return self

    def __exit__(self, *exc: object) -> None:
        self.answer()
        self.node.sh(f"umount -l {self.mount}", check=False)
        self.process.kill()
        self.process.wait()


@contextmanager
def on_storage(node: PrivateNode, where: str) -> Iterator[tuple[Box, NodesFs]]:
    """A container with its configuration, or its folder without the root one, on such storage."""
    box = Box(node, SURVIVE)
    with NodesFs(node, node.dir / f"fs{box.number}") as fs:
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
