"""RbdImage against a real Ceph: owners are frozen, fenced and silent, monitors and OSDs hang."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.ceph_cluster import CephCluster
from tests.support.instructions import allowed
from tests.support.private_node import wait_until, why
from tests.truth.worlds.rbd_image import PYTHON, WATCH, A, Disk, lacking, small_ceph

pytestmark = [
    pytest.mark.backend,
    pytest.mark.extended,
    pytest.mark.xdist_group("rbd-image"),
    *(pytest.mark.skipif(True, reason=reason) for reason in lacking()),
]
RUNNING, FAILED, STOPPED = 0, 1, 7


@pytest.fixture(scope="module")
def ceph(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CephCluster]:
    with small_ceph(tmp_path_factory.mktemp("ceph")) as cluster:
        yield cluster


@pytest.fixture
def disk(ceph: CephCluster) -> Iterator[Disk]:
    disk = Disk(ceph)
    yield disk
    disk.clean_up()


def test_an_image_comes_and_goes(disk: Disk) -> None:
    assert disk.code("monitor") == STOPPED
    done = disk.call("start")
    assert done.returncode == 0, done.stderr
    assert disk.code("start") == 0
    assert disk.code("monitor") == RUNNING
    assert disk.code("monitor", level=10) == RUNNING
    assert len(disk.locks()) == 1
    assert disk.code("stop") == 0
    assert disk.code("stop") == 0
    assert (disk.code("monitor"), disk.locks()) == (STOPPED, [])


def test_a_living_owner_is_neither_disturbed_nor_joined(disk: Disk) -> None:
    assert disk.code("start", "a") == 0
    done = disk.call("start", "b", timeout=16)
    assert done.returncode == FAILED
    assert f"rbd/{disk.name} is in use by {A}:0/" in why(done)
    assert disk.code("monitor", "b") == STOPPED
    before = disk.writes("a")
    wait_until(lambda: disk.writes("a") > before, "the owner was disturbed", 5)
    assert disk.code("monitor", "a", level=10) == RUNNING


def test_start_waits_for_an_owner_that_is_leaving(disk: Disk) -> None:
    assert disk.code("start", "a") == 0
    leaving = subprocess.Popen(["sleep", "3"])
    wait_until(lambda: leaving.poll() is not None, "sleep", 5)
    disk.signal("a", "TERM")
    assert disk.code("start", "b") == 0
    assert not disk.state("a", ".refused")


def test_a_frozen_owner_thawed_after_takeover_cannot_write(disk: Disk) -> None:
    assert disk.code("start", "a") == 0
    wait_until(lambda: disk.writes("a") > 3, "no writes", 5)
    disk.signal("a", "STOP")
    done = disk.call("start", "b", timeout=60)
    assert done.returncode == 0, done.stderr
    assert f"cutting off {A}:0/" in done.stderr
    wait_until(lambda: disk.writes("b") > 3, "no writes", 5)
    assert disk.content() == "bbbb"
    frozen = disk.pid("a")
    disk.ceph.node.sh(f"kill -CONT {frozen}")
    wait_until(lambda: bool(disk.state("a", ".refused")), "the old owner still writes", 20)
    assert disk.state("a", ".refused").split()[1] == "108"
    assert disk.content() == "bbbb"
    assert disk.code("monitor", "b", level=10) == RUNNING
    assert disk.code("monitor", "a") == STOPPED


def test_a_silent_owner_that_may_not_be_cut_off_keeps_its_lock(disk: Disk) -> None:
    assert disk.code("start", "a") == 0
    disk.signal("a", "STOP")
    done = disk.call("start", "b", timeout=60, fence_silent_owner="false")
    assert done.returncode == FAILED
    assert "nothing proves that it is dead" in why(done)
    assert len(disk.locks()) == 1
    disk.signal("a", "CONT")
    before = disk.writes("a")
    wait_until(lambda: disk.writes("a") > before, "the owner was harmed", 15)


@pytest.mark.parametrize("way", ["client", "address", "range"])
def test_a_fenced_owner_is_taken_over_at_once(disk: Disk, way: str) -> None:
    assert disk.code("start", "a") == 0
    disk.signal("a", "STOP")
    client = disk.state("a").split()[1].removeprefix("v1:")
    words = {"client": ("add", client), "address": ("add", A), "range": ("range", "add", f"{A}/32")}
    disk.ceph.ceph("osd", "blocklist", *words[way], "157680000")
    done = disk.call("start", "b", fence_silent_owner="false")
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < WATCH, "it did not wait for the watch to end"
    assert "cutting off" not in done.stderr


def test_an_owner_that_is_cut_off_for_an_hour_only_is_not_robbed(disk: Disk) -> None:
    # frozen for longer than that, it would write again; and Ceph prolongs no entry
    assert disk.code("start", "a") == 0
    disk.signal("a", "STOP")
    client = disk.state("a").split()[1].removeprefix("v1:")
    disk.ceph.ceph("osd", "blocklist", "add", client, "3600")
    disk.ceph.ceph("osd", "blocklist", "add", client, "157680000")
    done = disk.call("start", "b")
    assert (done.returncode, "is cut off only until 20" in why(done)) == (FAILED, True)
    assert len(disk.locks()) == 1
    disk.ceph.ceph("osd", "blocklist", "rm", client)
    disk.ceph.ceph("osd", "blocklist", "add", client, "157680000")
    assert disk.code("start", "b") == 0


def test_being_fenced_oneself_is_said_clearly(disk: Disk) -> None:
    assert disk.code("start", "a") == 0
    disk.ceph.ceph("osd", "blocklist", "range", "add", f"{A}/32", "157680000")
    wait_until(lambda: bool(disk.state("a", ".refused")) or not disk.state("a"), "it writes", 10)
    assert disk.code("monitor", "a") == STOPPED, "the stand-in goes when it is refused"
    done = disk.call("start", "a")
    assert done.returncode == FAILED
    assert why(done).startswith(f"this node ({A}) is on Ceph's blocklist until 20")


def test_a_mapped_client_that_was_cut_off_is_seen_by_a_deep_monitor(disk: Disk) -> None:
    assert disk.code("start", "a") == 0
    disk.signal("a", "STOP")  # so that it does not notice itself
    client = disk.state("a").split()[1].removeprefix("v1:")
    disk.ceph.ceph("osd", "blocklist", "add", client, "157680000")
    assert disk.code("monitor", "a") == RUNNING
    done = disk.call("monitor", "a", level=10)
    assert done.returncode == FAILED
    assert f"its client {client} is on Ceph's blocklist" in why(done)


def test_a_lost_lock_is_seen_by_a_deep_monitor(disk: Disk) -> None:
    assert disk.code("start", "a") == 0
    disk.signal("a", "STOP")
    lock = disk.locks()[0]
    disk.ceph.rbd("lock", "remove", disk.name, lock["id"], lock["locker"])
    disk.ceph.ceph("osd", "blocklist", "rm", lock["address"])
    done = disk.call("monitor", "a", level=10)
    assert (done.returncode, "has lost the exclusive lock" in why(done)) == (FAILED, True)


@pytest.mark.parametrize("daemon", ["mon.a", "osd.0"])
def test_a_hanging_ceph_hangs_no_action(disk: Disk, daemon: str) -> None:
    other = Disk(disk.ceph)
    assert disk.code("start", "a") == 0
    disk.ceph.node.sh(f"kill -STOP $(cat {disk.ceph.run_dir}/{daemon}.pid)")
    assert disk.code("monitor", "a") == RUNNING, "a monitor does not ask Ceph"
    deep = disk.call("monitor", "a", level=10, timeout=8)
    start = other.call("start", "b", timeout=8)
    for done in (deep, start):
        assert done.returncode == FAILED, done.stderr
        assert "Ceph: " in why(done)
        assert float(done.stdout) < 8.5
    assert other.code("monitor", "b") == STOPPED
    assert other.code("stop", "b", timeout=8) == 0
    left = disk.ceph.node.sh("ps -eo args").splitlines()
    assert not [line for line in left if "rbd_driver" in line]
    disk.ceph.node.sh(f"kill -CONT $(cat {disk.ceph.run_dir}/{daemon}.pid)")
    wait_until(lambda: other.code("start", "b") == 0, "Ceph does not recover", 60)
    assert other.code("stop", "b") == 0


def test_an_image_in_a_namespace_is_another_one(disk: Disk) -> None:
    disk.ceph.rbd("namespace", "create", "rbd/tenant")
    features = ("--image-feature", "layering,exclusive-lock")
    disk.ceph.rbd("create", f"rbd/tenant/{disk.name}", "--size", "16", *features)
    assert disk.code("start", "a") == 0
    assert disk.code("monitor", "a", namespace="tenant") == STOPPED
    assert disk.code("start", "b", namespace="tenant") == 0
    assert disk.code("stop", "b", namespace="tenant") == 0
    assert disk.code("monitor", "a") == RUNNING


@pytest.mark.parametrize(
    ("params", "code", "text"),
    [
        ({"image": "nosuch"}, 1, "rbd/nosuch does not exist in this Ceph cluster"),
        ({"pool": "nosuch"}, 1, "does not exist in this Ceph cluster"),
        ({"client": "nobody"}, 1, "Ceph: connecting as client.nobody"),
        ({"conf": "/nowhere/ceph.conf"}, 5, "/nowhere/ceph.conf: there is no such file"),
        ({"keyring": "/nowhere/key"}, 5, "/nowhere/key: there is no such file"),
        ({"image": "a@b"}, 6, "contains '@'"),
        ({"image": "--help"}, 6, "begins with a dash"),
        ({"pool": "a/b"}, 6, "contains '/'"),
        ({"image": "web1 snap1"}, 6, "contains ' '"),
        ({"image": "$(x);`y`#ü,=\\"}, 1, "does not exist in this Ceph cluster"),
        ({"namespace": "#;`x`"}, 1, "does not exist in this Ceph cluster"),
        ({"keyring": "relative"}, 6, "give the whole path"),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence(
    disk: Disk, params: "dict[str, Any]", code: int, text: str
) -> None:
    done = disk.call("start", **params)
    assert (done.returncode, text in why(done)) == (code, True), done.stderr
    assert "Traceback" not in done.stderr
    assert disk.code("stop", **params) == 0


def test_an_image_without_exclusive_lock_is_refused_unless_it_is_shared(disk: Disk) -> None:
    disk.ceph.rbd("feature", "disable", disk.name, "exclusive-lock")
    done = disk.call("start")
    assert done.returncode == FAILED
    assert f"run rbd feature enable rbd/{disk.name} exclusive-lock" in why(done)


def test_without_a_mapper_it_is_not_installed_and_nothing_is_touched(disk: Disk) -> None:
    node: Any = disk.ceph.node
    if Path("/sys/bus/rbd").exists() or Path("/sys/module/nbd").exists():
        pytest.skip("this kernel can map images: see the VM lab")
    done = node.call("RbdImage", "start", **disk.params)
    assert done.returncode == 5
    assert "krbd: the kernel has no module rbd; nbd: " in why(done)
    assert node.call("RbdImage", "monitor", **disk.params).returncode == STOPPED
    assert node.call("RbdImage", "stop", **disk.params).returncode == 0
    assert disk.locks() == []


# what a monitor costs; broken dependencies in all states: test_truth.py


@pytest.fixture
def mapped(disk: Disk) -> Iterator[Disk]:
    """What the kernel shows of twenty mapped images, the last of them ours."""
    node = disk.ceph.node
    node.sh("mount -t tmpfs tmpfs /sys/bus")
    for number in range(20):
        name = disk.name if number == 19 else f"other{number}"
        facts = {"name": name, "pool": "rbd", "pool_ns": "", "current_snap": "-"}
        facts |= {"size": "16777216", "client_addr": f"{A}:0/7", "cluster_fsid": "", "minor": "0"}
        folder = f"/sys/bus/rbd/devices/{number}"
        writes = "; ".join(f"echo '{value}' >{folder}/{key}" for key, value in facts.items())
        node.sh(f"mkdir -p {folder}; {writes}")
    yield disk
    node.sh("umount /sys/bus")


def test_a_monitor_forks_nothing_and_costs_no_more_than_agreed(mapped: Disk) -> None:
    node: Any = mapped.ceph.node
    trace = ("strace", "-f", "-qq", "-e", "trace=%process", "-e", "signal=none")
    done = node.call("RbdImage", "monitor", wrapper=trace, **mapped.params)
    seen = [line for line in done.stderr.splitlines() if "exit" not in line]
    assert [line.partition("(")[0] for line in seen] == ["execve"], done.stderr
    if shutil.which("valgrind") is None:
        pytest.skip("valgrind is not installed")
    grind = ("valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", PYTHON, "-IS")
    done = node.call("RbdImage", "monitor", wrapper=grind, timeout=60, **mapped.params)
    counted = done.stderr.partition("Collected : ")[2].split()[0]
    assert (done.returncode, int(counted) <= allowed(25_000_000)) == (RUNNING, True), counted
