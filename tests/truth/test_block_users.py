"""Who stands on a block device, against the real kernel: a loop device stands for any disk."""

import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.private_node import PrivateNode, lacking, wait_until

pytestmark = [
    pytest.mark.backend,
    pytest.mark.xdist_group("block-users"),
    *(
        pytest.mark.skipif(True, reason=reason)
        for reason in lacking("losetup", "mkfs.ext4", "partx", "mkswap", "taskset")
    ),
]
LIBRARY = Path(__file__).resolve().parents[2] / "agents"
ASK = """\
import sys
sys.path.insert(0, {library!r})
from hactl_agents.host.host import Host
from hactl_agents.host.users import of_disk
print("\\n".join(of_disk(Host(20.0), {disk!r}, {but!r})))
"""


class Disk:
    """A loop device over a file of 32 MiB, as a node sees it."""

    def __init__(self, node: PrivateNode, folder: Path) -> None:
        self.node = node
        self.folder = folder
        self.image = folder / "image"
        self.image.write_bytes(bytes(32 << 20))
        done = subprocess.run(
            ["losetup", "--find", "--show", "--partscan", str(self.image)],
            check=True, capture_output=True, text=True,
        )  # fmt: skip
        self.path = done.stdout.strip()
        self.name = Path(self.path).name
        self.held_by: list[int] = []

    def users(self, but: "tuple[int, ...]" = ()) -> list[str]:
        text = ASK.format(library=str(LIBRARY), disk=self.name, but=but)
        done = self.node.run("/usr/bin/python3", "-ISc", text)
        return [line for line in done.stdout.split("\n") if line]

    def file_system(self, part: str = "") -> str:
        if not (self.folder / "point").exists():
            self.node.run("mkfs.ext4", "-q", self.path + part)
            (self.folder / "point").mkdir()
        return str(self.folder / "point")

    def held(self, script: str) -> int:
        """Run something in the node that stays, once it has told its pid there."""
        out = f"/run/held-{self.name}"
        self.node.sh(f"rm -f {out}; setsid sh -c '{script}' >{out} 2>&1 &")
        wait_until(lambda: self.node.sh(f"cat {out}").isdigit(), "it does not hold it", 5)
        self.held_by.append(int(self.node.sh(f"cat {out}")))
        return self.held_by[-1]

    def let_go(self) -> None:
        for pid in self.held_by:
            self.node.sh(f"kill -KILL {pid}", check=False)
            wait_until(lambda pid=pid: not self.lives(pid), "it stays", 5)  # type: ignore[misc]
        self.held_by.clear()

    def lives(self, pid: int) -> bool:
        return self.node.sh(f"cat /proc/{pid}/cmdline 2>/dev/null || :") != ""

    def detach(self) -> None:
        self.let_go()
        self.node.sh(f"umount -l {self.folder}/point || :; swapoff {self.path} || :")
        subprocess.run(["losetup", "-d", self.path], check=False)


@pytest.fixture
def disk(node: PrivateNode, tmp_path: Path) -> Iterator[Disk]:
    tmp_path.chmod(0o755)
    disk = Disk(node, tmp_path)
    yield disk
    disk.detach()


def mounted_here(disk: Disk) -> str:
    point = disk.file_system()
    disk.node.sh(f"mount {disk.path} {point}")
    return rf"the mount {re.escape(point)}"


def mounted_in_another_namespace(disk: Disk, on: str = "") -> str:
    """``on`` runs the program that makes it on one processor."""
    point = disk.file_system()
    inner = f"mount {disk.path} {point}; echo \\$\\$; exec sleep 100"
    pid = disk.held(f'exec {on} unshare -m sh -c "{inner}"')
    return rf"the mount {re.escape(point)} in the mount namespace of process {pid}"


def mounted_in_a_namespace_without_processes(disk: Disk) -> str:
    """As snapd keeps one: by a mount of the namespace, which outlives whoever made it."""
    place = f"/run/kept-{disk.name}"
    # Linux 6.18 numbers namespaces by processor, and keeps none that is numbered before our own:
    # one that was made on the processor where the node was made is not.
    for processor in sorted(os.sched_getaffinity(0)):
        point = mounted_in_another_namespace(disk, f"taskset -c {processor}").split(" in the ")[0]
        keep = f"touch {place}; mount --bind /proc/{disk.held_by[-1]}/ns/mnt {place} && echo kept"
        kept = disk.node.sh(f"{keep} || :", check=False)
        disk.let_go()
        if kept:
            break
    assert kept
    return rf"{point} in the mount namespace {re.escape(place)}"


def a_partition_is_mounted(disk: Disk) -> str:
    """By a table of the oldest kind: one partition of 16 MiB that begins at 1 MiB."""
    entry = bytes(4) + b"\x83" + bytes(3) + (2048).to_bytes(4, "little")
    entry += (32768).to_bytes(4, "little")
    with Path(disk.path).open("r+b") as device:
        device.write(bytes(446) + entry + bytes(48) + b"\x55\xaa")
    disk.node.sh(f"partx -u {disk.path}")
    wait_until(lambda: Path(disk.path + "p1").exists(), "no partition", 5)
    point = disk.file_system("p1")
    disk.node.sh(f"mount {disk.path}p1 {point}")
    return rf"the mount {re.escape(point)}"


def swap(disk: Disk) -> str:
    disk.node.sh(f"chmod 600 {disk.path}; mkswap -q {disk.path}; swapon {disk.path}")
    return rf"swap {re.escape(disk.path)}"


def another_loop_device(disk: Disk) -> str:
    upper = disk.node.sh(f"losetup --find --show {disk.path}")
    disk.node.sh(f"echo {upper} > /run/upper")
    return rf"{re.escape(upper)} in {re.escape(disk.path)}"


def open_in_a_process(disk: Disk) -> str:
    pid = disk.held(f"exec 9<{disk.path}; echo $$; exec sleep 100")
    return rf"process {pid} \(sleep\)"


def open_under_another_name(disk: Disk) -> str:
    number = Path(f"/sys/block/{disk.name}/dev").read_text().strip().replace(":", " ")
    device = f"mount -t tmpfs x /dev; mknod /dev/vdz b {number}; exec 9</dev/vdz"
    pid = disk.held(f'exec unshare -m sh -c "{device}; echo \\$\\$; exec sleep 100"')
    return rf"process {pid} \(sleep\)"


WAYS: "tuple[Callable[[Disk], str], ...]" = (
    mounted_here,
    mounted_in_another_namespace,
    mounted_in_a_namespace_without_processes,
    a_partition_is_mounted,
    swap,
    another_loop_device,
    open_in_a_process,
    open_under_another_name,
)


@pytest.mark.parametrize("way", WAYS, ids=[way.__name__ for way in WAYS])
def test_whoever_stands_on_it_is_named(disk: Disk, way: "Callable[[Disk], str]") -> None:
    assert disk.users() == []
    wanted = way(disk)
    try:
        users = disk.users()
        assert any(re.fullmatch(wanted, user) for user in users), (wanted, users)
    finally:
        disk.node.sh("losetup -d $(cat /run/upper); rm /run/upper", check=False)
        disk.node.sh(f"umount /run/kept-{disk.name}; umount {disk.folder}/point", check=False)


def test_a_detached_mount_is_noticed_though_nobody_can_be_named(disk: Disk) -> None:
    point = disk.file_system()
    disk.held(f"mount {disk.path} {point}; cd {point}; umount -l {point}; echo $$; sleep 100")
    assert disk.users() == ["somebody who has it for himself"]


def test_those_that_are_left_out_are(disk: Disk) -> None:
    pid = disk.held(f"exec 9<{disk.path}; echo $$; exec sleep 100")
    assert disk.users((pid,)) == []
