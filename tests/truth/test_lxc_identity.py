"""One container under two names, against real LXC: told by device and inode, not by a spelling."""

from collections.abc import Iterator

import pytest

from tests.support.private_node import PrivateNode, why
from tests.truth.worlds.lxc_container import SURVIVE, Box, lacking

pytestmark = [
    pytest.mark.backend,
    pytest.mark.xdist_group("lxc-container"),
    *(pytest.mark.skipif(True, reason=reason) for reason in lacking()),
]
RUNNING, FAILED, STOPPED, DEGRADED = 0, 1, 7, 190
SPELLINGS = ("link", "bind mount", "dots")


@pytest.fixture
def box(node: PrivateNode) -> Iterator[Box]:
    box = Box(node, SURVIVE)
    yield box
    node.sh("for d in /run/alias*; do umount $d; done", check=False)
    box.clean_up()


def spelled(box: Box, how: str) -> "dict[str, str]":
    """The same folder by another path."""
    alias = f"/run/alias{box.number}"
    if how == "link":
        box.node.sh(f"ln -s {box.lxcpath} {alias}")
    elif how == "bind mount":
        box.node.sh(f"mkdir {alias}; mount --bind {box.lxcpath} {alias}")
    else:
        alias = f"{box.lxcpath}/../{box.lxcpath.name}"
    return {"lxcpath": alias}


@pytest.mark.parametrize("how", SPELLINGS)
def test_by_another_spelling_it_is_the_same_container(box: Box, how: str) -> None:
    other = spelled(box, how)
    assert box.code("start") == 0
    assert box.monitor(meta={"interval": "0"}, **other) == RUNNING
    done = box.call("monitor", meta={"interval": "10000"}, **other)
    assert (done.returncode, f"runs as {box.lxcpath}" in why(done)) == (DEGRADED, True)
    assert box.code("start", **other) == 0
    assert len(box.monitors()) == 1
    assert (box.code("stop", **other), box.gone()) == (0, True)
    assert box.monitor(**other) == STOPPED


@pytest.mark.parametrize("how", SPELLINGS)
def test_nobodys_container_is_found_by_its_folder(box: Box, how: str) -> None:
    box.node.run("lxc-start", "-n", box.name, "-P", str(box.lxcpath), "-d")
    other = spelled(box, how)
    assert box.monitor(meta={"interval": "0"}, **other) == RUNNING
    assert (box.code("start", **other), len(box.monitors())) == (0, 1)
    assert (box.code("stop", **other), box.gone()) == (0, True)


@pytest.mark.parametrize("how", SPELLINGS)
def test_what_another_resource_has_started_is_neither_ours_nor_started_twice(
    box: Box, how: str
) -> None:
    other: dict[str, str] = {**spelled(box, how), "resource": "another"}
    assert box.code("start") == 0
    assert box.monitor(meta={"interval": "0"}, **other) == STOPPED
    done = box.call("start", **other)
    assert done.returncode == 2
    assert f"is the root folder of the container {box.folder} already" in why(done)
    assert box.code("stop", **other) == 0
    assert (box.monitor(), len(box.monitors())) == (RUNNING, 1)


def test_two_configurations_with_one_root_folder_do_not_run_both(box: Box) -> None:
    second = Box(box.node, SURVIVE)
    text = second.config.read_text()
    rootfs = next(line for line in text.splitlines() if line.startswith("lxc.rootfs.path"))
    second.config.write_text(text.replace(rootfs, f"lxc.rootfs.path = dir:{box.folder}/rootfs"))
    try:
        assert box.code("start") == 0
        done = second.call("start")
        assert (done.returncode, "is the root folder of" in why(done)) == (2, True)
        assert (second.monitor(), second.processes()) == (STOPPED, [])
        assert second.code("stop") == 0
        assert box.code("stop") == 0
        assert second.code("start") == 0
        assert second.code("stop") == 0
    finally:
        second.clean_up()


def test_what_was_started_under_the_name_it_had_then_is_still_ours(box: Box) -> None:
    second = Box(box.node, SURVIVE)
    assert box.code("start") == 0
    # the resource was given another folder while nobody looked: the old one still serves
    given = {"container": second.name}
    assert box.monitor(meta={"interval": "0"}, **given) == RUNNING
    assert box.monitor(**given) == DEGRADED
    assert (box.code("stop", **given), box.gone()) == (0, True)
    assert box.monitor(**given) == STOPPED


def test_restarted_by_hand_it_runs(box: Box) -> None:
    place = ("-n", box.name, "-P", str(box.lxcpath))
    assert box.code("start") == 0
    box.node.run("lxc-stop", *place, "-k")
    box.node.run("lxc-start", *place, "-d")
    assert box.monitor() == RUNNING
    assert (box.code("stop"), box.gone()) == (0, True)


def test_a_record_of_another_boot_is_not_believed(box: Box) -> None:
    assert box.code("start") == 0
    box.kill(box.monitors())
    record = f"/run/hactl/{box.name}.run"
    pid = box.processes()[0]
    box.kill(box.processes())
    box.node.sh(f"sed -i 's/^boot=.*/boot=0/' {record}; grep -q ^boot=0 {record}")
    stat = box.node.sh("sleep 300 >/dev/null 2>&1 & cat /proc/$!/stat").split()
    box.node.sh(f"sed -i 's/^init=.*/init={stat[0]} {stat[21]}/' {record}")
    assert pid
    assert box.monitor() == STOPPED
    assert box.code("stop") == 0
    box.node.sh(f"kill {stat[0]}")
