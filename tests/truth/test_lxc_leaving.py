"""A container on its way in or out, by real LXC: hooks that still work, an init not yet ready."""

import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.private_node import PrivateNode, wait_until, why
from tests.truth.worlds.lxc_container import SURVIVE, Box, lacking

pytestmark = [
    pytest.mark.backend,
    pytest.mark.xdist_group("lxc-container"),
    *(pytest.mark.skipif(True, reason=reason) for reason in lacking()),
]
RUNNING, FAILED, STOPPED = 0, 1, 7
HOOKS = ("stop", "post-stop")  # the command socket is open and silent at the first, closed at both


class Leaving(Box):
    """A container whose last hooks take ``seconds``, and leave a mark at their end."""

    def __init__(self, node: PrivateNode, hook: str, seconds: float) -> None:
        super().__init__(node, SURVIVE)
        self.mark = self.folder / "over"
        self.hook(hook, f"sleep {seconds}; echo over > {self.mark}")

    def over(self) -> bool:
        return self.mark.exists()

    def halt_from_inside(self) -> None:
        place = ("-n", self.name, "-P", str(self.lxcpath))
        self.node.run("lxc-attach", *place, "--", "/bin/kill", "-PWR", "1", check=False)
        wait_until(lambda: not self.processes(), "it does not halt", 10)


@pytest.fixture
def boxes() -> Iterator["list[Box]"]:
    boxes: list[Box] = []
    yield boxes
    for box in boxes:
        box.clean_up()


def leaving(node: PrivateNode, boxes: "list[Box]", hook: str, seconds: float) -> Leaving:
    box = Leaving(node, hook, seconds)
    boxes.append(box)
    assert box.code("start") == 0
    return box


@pytest.mark.parametrize("hook", HOOKS)
def test_stop_waits_for_the_last_hooks(node: PrivateNode, boxes: "list[Box]", hook: str) -> None:
    box = leaving(node, boxes, hook, 9)  # longer than half of the time, and than any patience
    assert box.code("stop", timeout=16) == 0
    assert (box.over(), box.gone(), box.monitor()) == (True, True, STOPPED)


@pytest.mark.parametrize("hook", HOOKS)
def test_one_that_halts_by_itself_is_not_gone_before_its_hooks(
    node: PrivateNode, boxes: "list[Box]", hook: str
) -> None:
    box = leaving(node, boxes, hook, 3)
    box.halt_from_inside()
    for interval in ("0", "10000"):
        done = box.call("monitor", meta={"interval": interval}, timeout=2)
        assert done.returncode == FAILED, why(done)
    assert not box.over()
    if hook == "post-stop":
        assert "its monitor process" in why(done) and "its hook post-stop" in why(done)
    assert box.code("stop") == 0
    assert (box.over(), box.monitor()) == (True, STOPPED)


def test_a_stop_that_is_too_short_for_the_hooks_fails_and_harms_none(
    node: PrivateNode, boxes: "list[Box]"
) -> None:
    box = leaving(node, boxes, "post-stop", 6)
    done = box.call("stop", timeout=3)
    assert (done.returncode, "its hook post-stop" in why(done)) == (FAILED, True)
    assert (box.over(), bool(box.monitors())) == (False, True)
    assert box.code("stop") == 0
    assert (box.over(), box.monitor()) == (True, STOPPED)


def test_a_start_waits_for_the_hooks_of_its_predecessor(
    node: PrivateNode, boxes: "list[Box]"
) -> None:
    box = leaving(node, boxes, "post-stop", 3)
    box.halt_from_inside()
    assert box.code("start") == 0
    assert box.over(), "it was started beside the one that still gives things back"
    assert len(box.monitors()) == 1
    box.mark.unlink()
    assert (box.code("stop"), box.over()) == (0, True)


def test_a_start_without_the_time_to_wait_fails_and_starts_nothing(
    node: PrivateNode, boxes: "list[Box]"
) -> None:
    box = leaving(node, boxes, "post-stop", 5)
    box.halt_from_inside()
    done = box.call("start", timeout=3)
    assert (done.returncode, "is not gone yet" in why(done)) == (FAILED, True)
    assert box.processes() == []
    assert (box.code("stop"), box.over()) == (0, True)


def test_hooks_whose_monitor_process_was_killed_are_waited_for(
    node: PrivateNode, boxes: "list[Box]"
) -> None:
    box = leaving(node, boxes, "post-stop", 3)
    box.halt_from_inside()
    wait_until(lambda: bool(box.hooks()), "no hook", 5)
    box.kill(box.monitors())
    assert box.monitor() == FAILED
    with ThreadPoolExecutor(2) as pool:
        assert set(pool.map(box.code, ["stop", "stop"])) == {0}
    assert (box.over(), box.monitor()) == (True, STOPPED)


def test_hooks_of_another_container_of_that_name_are_not_ours(
    node: PrivateNode, boxes: "list[Box]"
) -> None:
    box = leaving(node, boxes, "post-stop", 4)
    ours = Box(node, SURVIVE, lxcpath="elsewhere", name=box.name)
    boxes.append(ours)
    box.halt_from_inside()
    assert ours.monitor(resource="another") == STOPPED
    assert ours.code("stop", resource="another") == 0
    assert not box.over()
    assert box.code("stop") == 0


# on its way in


@pytest.mark.parametrize("seconds", [1, 7])
def test_an_init_that_is_not_ready_yet_is_waited_for(
    node: PrivateNode, boxes: "list[Box]", seconds: int
) -> None:
    box = Box(node, SURVIVE)
    boxes.append(box)
    init = box.folder / "rootfs/sbin/init"
    init.write_text(
        f"#!/bin/sh\nsleep {seconds}\ntrap 'echo polite >/root/polite; exit 0' PWR\n"
        "while :; do sleep 0.1; done\n"
    )
    assert box.code("start") == 0
    began = time.monotonic()
    assert box.code("stop", timeout=60) == 0
    assert (box.folder / "rootfs/root/polite").exists(), "it was killed"
    assert time.monotonic() - began < 40
    assert box.gone()


@pytest.mark.parametrize("given", ["lxc.cgroup.dir", "lxc.cgroup.dir.container"])
def test_in_a_control_group_of_another_name_it_is_found_without_record_and_monitor_process(
    node: PrivateNode, boxes: "list[Box]", given: str
) -> None:
    group = f"hactl{Box(node).name}"
    more = f"{given} = {group}\n"
    if given.endswith("container"):
        more += f"lxc.cgroup.dir.monitor = {group}m\n"
    box = Box(node, SURVIVE + more)
    boxes.append(box)
    assert box.code("start") == 0
    inside = box.pids("cgroup", re.compile(group))
    node.sh("rm -rf /run/hactl")
    box.kill(box.monitors())
    assert box.answers()
    assert box.monitor() == FAILED
    done = box.call("stop")
    assert (done.returncode == 0) == (not any(map(box.lives, inside))), why(done)
    if given == "lxc.cgroup.dir":
        assert done.returncode == 0
    box.kill([pid for pid in inside if box.lives(pid)])
    assert box.code("stop") == 0
    assert box.monitor() == STOPPED
