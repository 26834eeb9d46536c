"""The root file system of one node: the host's files underneath, everything that matters its own.

Called in the node's own mount namespace, before anything of the node runs.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from hactl.lab import cgroups, disk, layers, linux, places
from hactl.lab import proc_guard as guard

DEVICES = (
    "null",
    "zero",
    "full",
    "random",
    "urandom",
    "tty",
    "kvm",
    "fuse",
    "net/tun",
    "vhost-net",
)
STREAMS = (("fd", ""), ("stdin", "/0"), ("stdout", "/1"), ("stderr", "/2"))
SHM_SIZE = "256m"  # Corosync's and Pacemaker's ring buffers; 32 MiB is too little


def build(node: str, groups: cgroups.Groups, visible: Iterable[str], *, rootless: bool) -> None:
    """Build the root of ``node`` and make it this process's root.

    ``visible`` are folders of the host that must be seen although they lie where the node has
    something of its own.
    """
    root = places.folder(node) / "root"
    linux.mount("", "/", flags=linux.MS_PRIVATE | linux.MS_REC)
    layers.lay(node, root, rootless)
    private_folders(node, root)
    volatile_folders(root)
    for path in visible:
        (root / path.lstrip("/")).mkdir(parents=True, exist_ok=True)
        linux.bind_read_only(path, str(root / path.lstrip("/")))
    kernel_folders(node, root, groups)
    devices(root / "dev", node)
    show(places.SHARED, root / "lab")
    show(places.VMS, root / "srv/vms")
    enter(root)


def private_folders(node: str, root: Path) -> None:
    for path in disk.roots():
        show(places.disk(node) / path.lstrip("/"), root / path.lstrip("/"))


def show(source: Path, target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    linux.bind(str(source), str(target))


def volatile_folders(root: Path) -> None:
    """What is empty after a power cycle."""
    flags = linux.MS_NOSUID | linux.MS_NODEV
    linux.mount("tmpfs", str(root / "run"), "tmpfs", flags, "mode=755")
    linux.mount("tmpfs", str(root / "tmp"), "tmpfs", flags, "mode=1777")
    (root / "run/lock").mkdir()
    (root / "run/lock").chmod(0o1777)
    (root / "run/crm").mkdir(mode=0o750)
    disk.give(root / "run/crm", disk.CLUSTER)


def kernel_folders(node: str, root: Path, groups: cgroups.Groups) -> None:
    linux.mount("proc", str(root / "proc"), "proc")
    copy = places.folder(node) / "sysrq-setting"
    copy.write_text("0\n")
    guard.guard_proc(root / "proc", places.sysrq(node), copy)
    linux.mount("sysfs", str(root / "sys"), "sysfs")
    guard.guard_sys(root / "sys")
    if groups.trees:
        cgroups.mount_in_node(groups.trees, root / "sys/fs/cgroup")


def devices(dev: Path, node: str) -> None:
    linux.mount("tmpfs", str(dev), "tmpfs", linux.MS_NOSUID, "mode=755,size=1m")
    for name in DEVICES:
        if Path("/dev", name).exists():
            (dev / name).parent.mkdir(exist_ok=True)
            (dev / name).touch()
            linux.bind(f"/dev/{name}", str(dev / name))
    for name in ("shm", "pts", "mqueue"):
        (dev / name).mkdir()
    flags = linux.MS_NOSUID | linux.MS_NODEV
    linux.mount("tmpfs", str(dev / "shm"), "tmpfs", flags, f"mode=1777,size={SHM_SIZE}")
    linux.mount("mqueue", str(dev / "mqueue"), "mqueue", flags)
    linux.mount("devpts", str(dev / "pts"), "devpts", 0, "newinstance,ptmxmode=0666,mode=0620")
    (dev / "ptmx").symlink_to("pts/ptmx")
    for name, number in STREAMS:
        (dev / name).symlink_to(f"/proc/self/fd{number}")
    # the same FIFO that guards /proc/sysrq-trigger, for kernels that have no such file
    (dev / "sysrq-trigger").touch()
    linux.bind(str(places.sysrq(node)), str(dev / "sysrq-trigger"))


def enter(root: Path) -> None:
    os.chdir(root)
    (root / "run/host").mkdir()
    linux.pivot_root(".", "run/host")
    os.chdir("/")
    linux.detach("/run/host")
    Path("/run/host").rmdir()
