"""LxcContainer against real LXC: killed, frozen, misled and deprived, it tells the truth."""

import contextlib
import itertools
import os
import re
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from hactl.lab import container as tiny
from tests.support.instructions import allowed
from tests.support.private_node import PrivateNode, fresh_node, wait_until, why
from tests.truth.worlds.lxc_container import (
    CGROUPS,
    SURVIVE,
    UNIFIED,
    Box,
    in_cgroups,
    lacking,
)

pytestmark = [
    pytest.mark.backend,
    pytest.mark.xdist_group("lxc-container"),
    *(pytest.mark.skipif(True, reason=reason) for reason in lacking()),
]
RUNNING, FAILED, STOPPED, DEGRADED = 0, 1, 7, 190


@pytest.fixture
def box(node: PrivateNode) -> Iterator[Box]:
    box = Box(node)
    yield box
    box.clean_up()


@pytest.fixture
def tough(node: PrivateNode) -> Iterator[Box]:
    """A container whose processes outlive its monitor process."""
    box = Box(node, SURVIVE)
    yield box
    box.clean_up()


# the straight way


def test_a_container_comes_serves_and_goes(box: Box) -> None:
    assert box.monitor() == STOPPED
    assert box.code("stop") == 0
    assert box.code("start", health=f"wget -qO /dev/null http://127.0.0.1:{box.port}/") == 0
    assert (box.monitor(), box.answers()) == (RUNNING, True)
    assert box.code("start") == 0
    began = time.monotonic()
    assert box.code("stop") == 0
    assert time.monotonic() - began < 2, "it was asked to shut down, not waited for and killed"
    assert (box.code("stop"), box.monitor(), box.gone()) == (0, STOPPED, True)


def test_ocf_tester_is_content(box: Box) -> None:
    if shutil.which("ocf-tester") is None:
        pytest.skip("ocf-tester is not installed")
    given = [word for name, value in box.params.items() for word in ("-o", f"{name}={value}")]
    program = box.node.launcher("LxcContainer")
    done = box.node.run("ocf-tester", "-n", box.name, *given, program, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "passed all tests" in done.stdout
    assert box.gone()


def test_a_container_that_ended_by_itself_is_stopped(box: Box) -> None:
    assert box.code("start") == 0
    box.node.run("lxc-stop", "-n", box.name, "-P", str(box.lxcpath), "-k")
    wait_until(lambda: not box.monitors(), "its monitor process stays", 5)
    assert box.monitor() == STOPPED
    assert box.code("start") == 0
    assert box.code("stop") == 0


def test_one_that_ignores_the_request_is_killed_in_time(box: Box) -> None:
    init = box.folder / "rootfs/sbin/init"
    init.write_text("#!/bin/sh\ntrap '' PWR TERM\nwhile :; do sleep 1; done\n")
    assert box.code("start") == 0
    began = time.monotonic()
    done = box.call("stop", shutdown_timeout="1s")
    assert (done.returncode, box.gone()) == (0, True)
    assert "does not heed signal 30: it is killed" in done.stderr
    assert time.monotonic() - began < 4
    init.write_text("#!/bin/sh\ntrap 'echo no' PWR TERM\nwhile :; do sleep 1; done\n")
    assert box.code("start") == 0
    done = box.call("stop", shutdown_timeout="1s")
    assert (done.returncode, box.gone()) == (0, True)
    assert "did not shut down within 1 s, so it is killed" in done.stderr
    assert box.code("start") == 0
    assert box.code("stop", timeout=4) == 0, "the timeout of stop is heeded"


def test_a_container_started_by_hand_is_taken_for_what_it_is(tough: Box) -> None:
    tough.node.run("lxc-start", "-n", tough.name, "-P", str(tough.lxcpath), "-d")
    assert tough.monitor() == RUNNING
    assert tough.code("start") == 0
    tough.kill(tough.monitors())
    assert tough.monitor() == FAILED, "start has noted what it found"
    assert (tough.code("stop"), tough.gone()) == (0, True)


# deprived


def test_without_its_configuration_it_is_still_there_and_can_be_stopped(box: Box) -> None:
    assert box.code("start") == 0
    box.config.rename(box.config.with_name("elsewhere"))
    assert box.monitor() == RUNNING
    box.config.mkdir()  # and unreadable
    assert box.monitor() == RUNNING
    assert (box.code("stop"), box.gone()) == (0, True)
    box.config.rmdir()
    done = box.call("start")
    assert (done.returncode, "this node has no such file" in why(done)) == (2, True)
    assert box.monitor() == STOPPED


def test_without_its_whole_folder_it_is_still_there_and_can_be_stopped(box: Box) -> None:
    assert box.code("start") == 0
    box.node.sh(f"mount -t tmpfs tmpfs {box.lxcpath}")
    try:
        assert box.monitor() == RUNNING
        assert (box.code("stop"), box.gone()) == (0, True)
    finally:
        box.node.sh(f"umount {box.lxcpath}")


def test_without_tools_it_is_still_there_and_can_be_stopped(box: Box) -> None:
    without = ("env", "OCF_TESTER_FAIL_HAVE_BINARY=1", "PATH=/nowhere")
    assert box.code("start") == 0
    assert box.monitor(wrapper=without) == RUNNING
    assert (box.code("stop", wrapper=without), box.gone()) == (0, True)
    done = box.call("start", wrapper=without)
    assert (done.returncode, why(done)) == (5, "lxc-start: command not found; install lxc")


def test_without_parameters_it_is_found_by_the_record(box: Box) -> None:
    assert box.code("start") == 0
    bare = {"container": "", "lxcpath": ""}
    assert box.monitor(**bare) == RUNNING
    assert (box.code("stop", **bare), box.gone()) == (0, True)


def test_without_its_record_it_is_still_there_and_can_be_stopped(box: Box) -> None:
    assert box.code("start") == 0
    box.node.sh("rm -rf /run/hactl")
    assert box.monitor() == RUNNING
    assert (box.code("stop"), box.gone()) == (0, True)


def test_with_a_state_folder_that_cannot_be_written_it_stops(box: Box) -> None:
    assert box.code("start") == 0
    box.node.sh("mount --bind /run/hactl /run/hactl; mount -o remount,bind,ro /run/hactl")
    assert box.monitor() == RUNNING
    assert (box.code("stop"), box.gone()) == (0, True)
    assert box.code("start") == FAILED
    assert box.gone()


@pytest.mark.parametrize("record", [True, False], ids=["record", "no record"])
def test_without_its_monitor_process_it_is_not_stopped_and_can_be(tough: Box, record: bool) -> None:
    assert tough.code("start") == 0
    if not record:
        tough.node.sh("rm -rf /run/hactl")
    tough.kill(tough.monitors())
    assert tough.processes()
    done = tough.call("monitor")
    assert done.returncode == FAILED
    assert "runs without its monitor process" in why(done)
    assert tough.code("start") == FAILED, "a second one beside it would be worse"
    assert (tough.code("stop"), tough.gone(), tough.monitor()) == (0, True, STOPPED)


def test_left_behind_in_a_group_with_a_number_it_is_not_stopped_and_can_be(tough: Box) -> None:
    for tree in [CGROUPS] if UNIFIED else CGROUPS.iterdir():  # a taken name makes LXC append -1
        with contextlib.suppress(OSError):
            (tree / f"lxc.payload.{tough.name}").mkdir()
    tough.node.run("lxc-start", "-n", tough.name, "-P", str(tough.lxcpath), "-d")
    assert any(path.name.endswith(f"{tough.name}-1") for path in tough.groups())
    tough.kill(tough.monitors())
    assert tough.monitor() == FAILED
    assert tough.code("stop") == 0
    assert (tough.processes(), tough.monitor()) == ([], STOPPED)


def test_with_a_monitor_process_that_hangs_it_is_not_stopped_and_can_be(tough: Box) -> None:
    assert tough.code("start") == 0
    tough.kill(tough.monitors(), 19)
    done = tough.call("monitor", timeout=2)
    assert done.returncode == FAILED
    assert "asking the monitor process" in why(done)
    assert "no answer within" in why(done)
    assert (tough.code("stop", timeout=4), tough.gone(), tough.monitor()) == (0, True, STOPPED)


# frozen


def test_a_frozen_container_is_not_stopped_and_can_be(box: Box) -> None:
    assert box.code("start") == 0
    box.node.run("lxc-freeze", "-n", box.name, "-P", str(box.lxcpath))
    done = box.call("monitor")
    assert (done.returncode, why(done)) == (DEGRADED, f"{box.name} is frozen")
    assert box.monitor(level=10, health="true") == DEGRADED, "nobody waits for its answer"
    assert box.monitor(on_frozen="fail") == FAILED
    assert box.monitor(on_frozen="ignore") == RUNNING
    assert box.code("start") == 0
    began = time.monotonic()
    assert (box.code("stop"), box.gone()) == (0, True)
    assert time.monotonic() - began < 3, "it was thawed and could shut down"


def test_frozen_behind_the_back_of_lxc_is_seen_by_a_deeper_look(box: Box) -> None:
    assert box.code("start") == 0
    switch = "cgroup.freeze" if UNIFIED else "freezer.state"
    (path,) = in_cgroups(f"*/lxc.payload.{box.name}/{switch}")
    path.write_text("1" if UNIFIED else "FROZEN")
    done = box.call("monitor", level=10)
    assert (done.returncode, "is frozen, and LXC was not told" in why(done)) == (FAILED, True)
    assert (box.code("stop"), box.gone()) == (0, True)


def test_frozen_and_without_its_monitor_process_it_is_stopped_all_the_same(tough: Box) -> None:
    assert tough.code("start") == 0
    tough.node.run("lxc-freeze", "-n", tough.name, "-P", str(tough.lxcpath))
    tough.kill(tough.monitors())
    assert tough.monitor() == FAILED
    assert (tough.code("stop"), tough.gone()) == (0, True)


# others


def test_names_are_compared_whole(box: Box) -> None:
    others = [Box(box.node) for _ in range(2)]
    for other, ending in zip(others, ("0", "-1"), strict=True):
        other.name = box.name + ending
        other.config = tiny.make(box.lxcpath / other.name, port=other.port)
        other.params["container"] = other.name
        assert other.code("start") == 0
    assert box.monitor() == STOPPED
    assert box.code("start") == 0
    assert box.code("stop") == 0
    assert [other.monitor() for other in others] == [RUNNING, RUNNING]
    for other in others:
        assert (other.code("stop"), other.gone()) == (0, True)
        other.clean_up()


@pytest.mark.parametrize("orphaned", [False, True], ids=["running", "orphaned"])
def test_the_same_name_in_another_folder_is_another_container(
    node: PrivateNode, orphaned: bool
) -> None:
    other = Box(node, SURVIVE, lxcpath="elsewhere")
    ours = {"resource": "ours", "lxcpath": str(node.dir / "c")}
    try:
        assert other.code("start") == 0
        if orphaned:
            other.kill(other.monitors())
            # nobody can tell any more whose it is, by its name: not stopped, and not ended either
            assert other.monitor(**ours) == FAILED
            done = other.call("stop", **ours)
            assert (done.returncode, "cannot be told whose" in why(done)) == (FAILED, True)
        else:
            assert other.monitor(**ours) == STOPPED
            assert other.code("stop", **ours) == 0
        assert other.processes()
        assert (other.code("stop"), other.gone()) == (0, True)
        assert other.monitor(**ours) == STOPPED
    finally:
        other.clean_up()


def test_a_pid_that_belongs_to_somebody_else_by_now_is_left_alone(box: Box) -> None:
    assert box.code("start") == 0
    # not in the same clock tick as the container, which would make it the same process
    pid = box.node.sh("sleep 0.1; sleep 100 >/dev/null 2>&1 & echo $!")
    box.kill(box.monitors())
    wait_until(lambda: not box.processes(), "the payload stays", 5)
    box.node.sh(f"sed -i 's/^init=[0-9]* /init={pid} /; s/^monitor=[0-9]* /monitor={pid} /' "
                f"/run/hactl/{box.name}.run")  # fmt: skip
    assert box.monitor() == STOPPED
    assert box.code("stop") == 0
    box.node.sh(f"kill -0 {pid}; kill {pid}")


def test_what_somebody_put_into_its_control_group_is_ended_too(box: Box) -> None:
    assert box.code("start") == 0
    group = min(box.groups(), key=lambda path: "payload" not in path.name)
    procs = CGROUPS / group.relative_to(CGROUPS) / "cgroup.procs"
    box.node.sh(f"(echo 0 >{procs}; exec sleep 100) >/dev/null 2>&1 &")
    wait_until(lambda: len(procs.read_text().split()) > 2, "the process did not get in", 5)
    assert (box.code("stop"), box.gone()) == (0, True)


def test_from_another_network_namespace_it_is_not_stopped_either(box: Box) -> None:
    # the command socket cannot be seen from there
    assert box.code("start") == 0
    assert box.monitor(wrapper=("unshare", "--net")) == FAILED
    box.node.sh("rm -rf /run/hactl")
    assert box.monitor(wrapper=("unshare", "--net")) in (FAILED, RUNNING)
    assert (box.code("stop"), box.gone()) == (0, True)


# killed


def assert_truth_then_stop(box: Box, step: object) -> int:
    """Whatever state it is in: no lie about it, stop ends it, and nothing is left."""
    answer = box.monitor(timeout=6)
    if answer == STOPPED:
        assert (box.processes(), box.monitors()) == ([], []), (step, box.described())
    assert answer in (RUNNING, FAILED, STOPPED), step
    assert box.code("stop") == 0, step
    assert not box.processes(), step
    assert not box.monitors(), step
    assert box.monitor() == STOPPED, step
    return answer


def test_killed_at_any_step_of_start_it_tells_the_truth_and_stop_cleans_up(tough: Box) -> None:
    calls = "rename,connect,sendmsg,vfork,clone,clone3,pidfd_open"
    answers = set()
    for step in itertools.count(1):
        cut = tough.node.call_killed(
            "LxcContainer", "start", calls, step, resource=tough.name, **tough.params
        )
        answers.add(assert_truth_then_stop(tough, step))
        if not cut:
            break
    assert step > 4
    assert answers >= {STOPPED, RUNNING}


@pytest.mark.parametrize("everything", [False, True], ids=["agent", "agent and LXC"])
def test_killed_at_any_time_of_start_it_tells_the_truth_and_stop_cleans_up(
    tough: Box, everything: bool
) -> None:
    answers = []
    for moment in range(8, 64, 5):
        env = f"exec timeout -s KILL {moment / 1000} {tough.node.launcher('LxcContainer')} start"
        tough.call("start", wrapper=("sh", "-c", env))
        if everything:
            tough.kill(tough.monitors())
        answers.append(assert_truth_then_stop(tough, moment))
    assert STOPPED in answers or FAILED in answers


def test_killed_at_any_step_of_stop_the_next_stop_finishes_it(tough: Box) -> None:
    for step in itertools.count(1):
        assert tough.code("start") == 0
        cut = tough.node.call_killed(
            "LxcContainer", "stop", "pidfd_send_signal,rmdir,unlink", step,
            resource=tough.name, **tough.params,
        )  # fmt: skip
        assert_truth_then_stop(tough, step)
        if not cut:
            break
    assert step > 1


def test_starts_and_stops_of_one_container_wait_for_each_other(box: Box) -> None:
    actions = ["start", "start", "stop", "start", "stop", "start"]
    with ThreadPoolExecutor(len(actions)) as pool:
        assert set(pool.map(box.code, actions)) == {0}
    assert box.monitor() == (RUNNING if box.processes() else STOPPED)
    assert (box.code("stop"), box.gone()) == (0, True)


# start that fails


def test_a_start_that_fails_quotes_lxc_and_leaves_nothing(box: Box) -> None:
    (box.folder / "rootfs/sbin/init").unlink()
    done = box.call("start")
    assert done.returncode == FAILED
    assert 'Failed to exec "/sbin/init"' in why(done)
    assert (box.monitor(), box.gone()) == (STOPPED, True)


def test_an_init_that_ends_at_once_is_a_start_that_failed(box: Box) -> None:
    (box.folder / "rootfs/sbin/init").write_text("#!/bin/sh\nexit 3\n")
    # on a busy machine it may live a moment longer than start looks
    answers = [box.call("start").returncode for _ in range(3)]
    assert FAILED in answers, answers
    assert set(answers) <= {0, FAILED}, answers
    assert (box.monitor(), box.gone()) == (STOPPED, True)


def test_a_start_that_hangs_ends_in_time_and_leaves_nothing(node: PrivateNode) -> None:
    box = Box(node)
    box.hook("pre-start", "exec sleep 30")
    try:
        began = time.monotonic()
        done = box.call("start", timeout=2)
        assert done.returncode == FAILED
        assert "no answer within" in why(done)
        assert time.monotonic() - began < 8
        assert (box.monitor(), box.gone()) == (STOPPED, True)
    finally:
        box.clean_up()


def test_one_that_starts_by_itself_at_boot_is_refused(node: PrivateNode) -> None:
    box = Box(node, "lxc.start.auto = 1\n")
    done = box.call("start")
    assert (done.returncode, "behind the cluster's back" in why(done)) == (2, True)
    assert box.gone()


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({"container": "a/b"}, "is not the name of a container"),
        ({"container": "-k"}, "is not the name of a container"),
        ({"container": "x\ny"}, "is not the name of a container"),
        ({"lxcpath": "var/lib"}, "is not an absolute path"),
        ({"memory_limit": "64M"}, "is not a whole number"),
        ({"cpus": "two"}, "is not a number of processors"),
        ({"cpus": "0.001"}, "is less than 0.01"),
        ({"health": "sh -c 'unfinished"}, "No closing quotation"),
        ({"on_frozen": "maybe"}, "is none of fail, degraded, ignore"),
    ],
)
def test_bad_parameters_are_configuration_errors(
    box: Box, params: "dict[str, str]", text: str
) -> None:
    done = box.call("start", **params)
    assert (done.returncode, text in why(done)) == (6, True), done.stderr
    assert done.stderr.count("\n") == 1
    assert box.code("stop", **params) == 0


# limits


def limits_of(box: Box) -> "dict[str, str]":
    """What the kernel says, found without the agent's help."""
    if UNIFIED:
        names = ("memory.max", "cpu.max", "cpu.weight", "pids.max")
    else:
        names = ("memory.limit_in_bytes", "cpu.cfs_quota_us", "cpu.shares", "pids.max")
    found = {}
    for name in names:
        paths = in_cgroups(f"*/lxc.payload.{box.name}/{name}")
        found[name] = paths[0].read_text().strip() if paths else "-"
    return found


def test_limits_are_in_force_and_change_without_a_restart(box: Box) -> None:
    limits = {"memory_limit": 64, "cpus": "0.5", "cpu_shares": 200, "pids_limit": 50}
    assert box.code("start", **limits) == 0
    first = ["67108864", "50000 100000", "8", "50"] if UNIFIED else None
    assert list(limits_of(box).values()) == (first or ["67108864", "50000", "200", "50"])
    init = box.processes()[0]
    assert box.code("reload-agent", memory_limit=32, cpus=2, pids_limit=20) == 0
    after = list(limits_of(box).values())
    lifted = "39" if UNIFIED else "1024"
    assert after == ["33554432", "200000 100000" if UNIFIED else "200000", lifted, "20"]
    assert box.processes()[0] == init
    # the container cannot have more processes than that: the limit is real
    many = "i=0; while [ $i -lt 40 ]; do sleep 1 & i=$((i+1)); done; wait"
    inside = ("lxc-attach", "-n", box.name, "-P", str(box.lxcpath), "--", "sh", "-c", many)
    assert "fork" in box.node.run(*inside, check=False).stderr


def test_a_limit_that_is_not_in_force_fails_start_and_leaves_nothing(node: PrivateNode) -> None:
    box = Box(node)
    found = f"find {CGROUPS} -path '*lxc.payload.{box.name}/pids.max'"
    box.hook("start-host", f"for f in $({found}); do echo max >$f; done")
    try:
        done = box.call("start", pids_limit=50)
        assert done.returncode == FAILED
        assert why(done) == "pids_limit is not in force: pids.max is max instead of 50"
        assert (box.monitor(), box.gone()) == (STOPPED, True)
    finally:
        box.clean_up()


def test_a_limit_that_somebody_lifted_is_seen_by_a_deeper_look(box: Box) -> None:
    assert box.code("start", pids_limit=50) == 0
    for path in in_cgroups(f"*/lxc.payload.{box.name}/pids.max"):
        path.write_text("max")
    assert box.monitor(pids_limit=50) == RUNNING
    done = box.call("monitor", pids_limit=50, level=10)
    assert (done.returncode, "pids_limit is not in force" in why(done)) == (DEGRADED, True)


# control groups of version 2 alone, as on most nodes today


@pytest.fixture(scope="module")
def modern() -> Iterator[PrivateNode]:
    with fresh_node() as node:
        node.sh(f"umount -l {CGROUPS}; mount -t cgroup2 cgroup2 {CGROUPS}")
        yield node


@pytest.fixture
def modern_box(modern: PrivateNode) -> Iterator[Box]:
    box = Box(modern, SURVIVE)
    yield box
    box.clean_up()


def test_on_version_2_it_is_frozen_and_thawed_and_stopped(modern_box: Box) -> None:
    assert modern_box.code("start") == 0
    place = ("-n", modern_box.name, "-P", str(modern_box.lxcpath))
    modern_box.node.run("lxc-freeze", *place)
    assert modern_box.monitor() == DEGRADED
    assert (modern_box.code("stop"), modern_box.gone()) == (0, True)
    assert modern_box.code("start") == 0
    modern_box.node.sh(f"echo 1 >{CGROUPS}/lxc.payload.{modern_box.name}/cgroup.freeze")
    assert modern_box.monitor(level=10) == FAILED
    assert (modern_box.code("stop"), modern_box.gone()) == (0, True)


@pytest.mark.parametrize("record", [True, False], ids=["record", "no record"])
def test_on_version_2_what_is_left_of_it_is_ended(modern_box: Box, record: bool) -> None:
    assert modern_box.code("start") == 0
    if not record:
        modern_box.node.sh("rm -rf /run/hactl")
    modern_box.node.sh(f"echo 1 >{CGROUPS}/lxc.payload.{modern_box.name}/cgroup.freeze")
    modern_box.kill(modern_box.monitors())
    assert modern_box.monitor() == FAILED
    assert (modern_box.code("stop"), modern_box.gone()) == (0, True)
    assert modern_box.monitor() == STOPPED


def test_on_version_2_a_limit_is_in_force_or_refused(modern_box: Box) -> None:
    known = modern_box.node.sh(f"cat {CGROUPS}/cgroup.controllers").split()
    done = modern_box.call("start", pids_limit=40)
    if "pids" not in known:  # version 1 has it on this machine
        assert done.returncode == 2
        assert "LXC has no control group controller pids" in why(done)
        assert (modern_box.monitor(), modern_box.gone()) == (STOPPED, True)
        return
    assert done.returncode == 0
    found = modern_box.node.sh(f"cat {CGROUPS}/lxc.payload.{modern_box.name}/pids.max")
    assert found == "40"


# health


def test_start_waits_until_it_is_well(box: Box) -> None:
    init = box.folder / "rootfs/sbin/init"
    init.write_text("#!/bin/sh\ntrap 'exit 0' PWR\nsleep 1\ntouch /tmp/well\nsleep 1000 &\nwait\n")
    began = time.monotonic()
    assert box.code("start", health="test -e /tmp/well") == 0
    assert time.monotonic() - began > 1
    assert box.monitor(level=10, health="test -e /tmp/well") == RUNNING


def test_one_that_does_not_get_well_fails_start_and_leaves_nothing(box: Box) -> None:
    done = box.call("start", health="sh -c 'echo no disk >&2; exit 4'", timeout=2)
    assert done.returncode == FAILED
    assert "is not well: sh: lxc-attach exited 4: no disk" in why(done)
    assert (box.monitor(), box.gone()) == (STOPPED, True)


def test_a_health_command_that_hangs_is_ended(box: Box) -> None:
    assert box.code("start") == 0
    done = box.call("monitor", level=10, health="sleep 4711", health_timeout="1s")
    assert (done.returncode, "no answer within 1 s" in why(done)) == (FAILED, True)
    command = re.compile("^sleep\0004711")
    wait_until(lambda: not box.pids("cmdline", command), "the command is still running", 3)


# kinds of containers


def test_a_path_too_long_for_a_socket_is_hashed_as_lxc_does(node: PrivateNode) -> None:
    box = Box(node, lxcpath="/".join(["c", "f" * 60, "g" * 60]))
    try:
        assert box.code("start") == 0
        assert box.monitor() == RUNNING
        assert (box.code("stop"), box.gone()) == (0, True)
    finally:
        box.clean_up()


IDS = "lxc.idmap = u 0 100000 65536\nlxc.idmap = g 0 100000 65536\n"


@pytest.fixture
def subordinate_ids(node: PrivateNode) -> Iterator[None]:
    """A user boxer on the node, and subordinate ids for it and for root."""
    if shutil.which("newuidmap") is None:
        pytest.skip("newuidmap is not installed")
    home = node.dir / "home"
    home.mkdir(exist_ok=True)
    os.chown(home, 5000, 5000)
    lines = {
        "passwd": f"boxer:x:5000:5000::{home}:/bin/sh\n",
        "group": "boxer:x:5000:\n",
        "subuid": "root:100000:65536\nboxer:100000:65536\n",
        "subgid": "root:100000:65536\nboxer:100000:65536\n",
    }
    for name, more in lines.items():
        (node.dir / name).write_text(Path(f"/etc/{name}").read_text() + more)
        node.sh(f"mount --bind {node.dir / name} /etc/{name}")
    yield
    for name in lines:
        node.sh(f"umount /etc/{name}")


def owners(box: Box, pids: "list[int]") -> "set[int]":
    proc = Path(f"/proc/{box.node.pid}/root/proc")
    return {(proc / str(pid)).stat().st_uid for pid in pids}


@pytest.mark.usefixtures("subordinate_ids")
def test_an_unprivileged_container_is_like_any_other(node: PrivateNode) -> None:
    box = Box(node, IDS + SURVIVE)
    try:
        node.sh(f"chown -R 100000:100000 {box.folder}/rootfs")
        done = box.call("start", pids_limit=40, health="id -u")
        assert done.returncode == 0, done.stderr
        assert (owners(box, box.processes()), box.monitor()) == ({100000}, RUNNING)
        box.kill(box.monitors())
        assert box.monitor() == FAILED
        assert (box.code("stop"), box.gone()) == (0, True)
    finally:
        box.clean_up()


@pytest.mark.usefixtures("subordinate_ids")
def test_a_container_of_an_ordinary_user_is_like_any_other(node: PrivateNode) -> None:
    box = Box(node, IDS + SURVIVE, lxcpath="users")
    try:
        node.sh(f"chown -R 5000:5000 {box.lxcpath}; chown -R 100000:100000 {box.folder}/rootfs")
        done = box.call("start", user="boxer", health="id -u")
        assert done.returncode == 0, done.stderr
        assert (owners(box, box.monitors()), box.monitor(user="boxer")) == ({5000}, RUNNING)
        assert box.answers()
        box.kill(box.monitors())
        assert box.monitor(user="boxer") == FAILED, "its user has no control group to look into"
        assert (box.code("stop", user="boxer"), box.gone()) == (0, True)
        assert not box.answers()
    finally:
        box.clean_up()


@pytest.mark.usefixtures("subordinate_ids")
def test_limits_that_a_user_cannot_have_fail_start(node: PrivateNode) -> None:
    box = Box(node, IDS, lxcpath="users")
    try:
        node.sh(f"chown -R 5000:5000 {box.lxcpath}; chown -R 100000:100000 {box.folder}/rootfs")
        done = box.call("start", user="boxer", pids_limit=40)
        assert done.returncode == FAILED
        assert (box.monitor(user="boxer"), box.monitors()) == (STOPPED, [])
    finally:
        box.clean_up()


def test_a_user_that_is_not_there_is_refused(box: Box) -> None:
    done = box.call("start", user="nobody-we-know")
    assert (done.returncode, why(done)) == (2, "user: this node has no user nobody-we-know")


# cost


def test_a_monitor_forks_nothing(box: Box) -> None:
    assert box.code("start") == 0
    trace = ("strace", "-f", "-qq", "-e", "trace=%process", "-e", "signal=none")
    done = box.call("monitor", wrapper=trace)
    seen = [line for line in done.stderr.splitlines() if "exit" not in line]
    assert [line.partition("(")[0] for line in seen] == ["execve"], done.stderr


def test_a_monitor_costs_no_more_than_agreed(box: Box) -> None:
    if shutil.which("valgrind") is None:
        pytest.skip("valgrind is not installed")
    assert box.code("start") == 0
    grind = ("valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null")
    done = box.call("monitor", wrapper=(*grind, "/usr/bin/python3", "-IS"))
    counted = done.stderr.partition("Collected : ")[2].split()[0]
    assert (done.returncode, int(counted) <= allowed(25_000_000)) == (RUNNING, True), counted
