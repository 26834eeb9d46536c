"""Kernel calls that Python 3.11 does not have; knows nothing of labs."""

from __future__ import annotations

import ctypes
import os

CLONE_NEWNS = 0x00020000
CLONE_NEWCGROUP = 0x02000000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

MS_RDONLY = 1
MS_NOSUID = 2
MS_NODEV = 4
MS_NOEXEC = 8
MS_REMOUNT = 32
MS_BIND = 4096
MS_REC = 16384
MS_PRIVATE = 1 << 18

# statvfs(3) bit -> mount(2) flag
STATVFS_FLAGS = {
    os.ST_NOSUID: MS_NOSUID,
    os.ST_NODEV: MS_NODEV,
    os.ST_NOEXEC: MS_NOEXEC,
    os.ST_NOATIME: 1024,
    os.ST_NODIRATIME: 2048,
    os.ST_RELATIME: 1 << 21,
}

MNT_DETACH = 2
NS_GET_PARENT = 0xB702

PR_SET_PDEATHSIG = 1
PR_SET_NAME = 15
PR_CAPBSET_DROP = 24

CAPABILITIES = {"sys_module": 16, "sys_rawio": 17, "sys_time": 25, "syslog": 34, "wake_alarm": 35}

_libc = ctypes.CDLL(None, use_errno=True)


def call(name: str, *args: object) -> None:
    """One libc function that returns 0 on success. Raises OSError naming the call."""
    if getattr(_libc, name)(*args) != 0:
        number = ctypes.get_errno()
        shown = ", ".join(str(arg) for arg in args)
        raise OSError(number, f"{name}({shown}): {os.strerror(number)}")


def unshare(flags: int) -> None:
    call("unshare", flags)


def setns(descriptor: int, flags: int = 0) -> None:
    call("setns", descriptor, flags)


def mount(source: str, target: str, kind: str = "", flags: int = 0, data: str = "") -> None:
    """mount(2); an empty ``kind`` or ``data`` means none."""
    call(
        "mount",
        os.fsencode(source),
        os.fsencode(target),
        kind.encode() or None,
        ctypes.c_ulong(flags),
        os.fsencode(data) or None,
    )


def bind(source: str, target: str, *, recursive: bool = False) -> None:
    mount(source, target, flags=MS_BIND | (MS_REC if recursive else 0))


def bind_read_only(source: str, target: str) -> None:
    """Show ``source`` at ``target`` so that nobody can write through it."""
    bind(source, target)
    mount("", target, flags=MS_REMOUNT | MS_BIND | MS_RDONLY | flags_of(target))


def flags_of(path: str) -> int:
    """The flags of the mount a path is on; a user namespace may not take any of them away."""
    found = os.statvfs(path).f_flag
    return sum(flag for bit, flag in STATVFS_FLAGS.items() if found & bit)


def detach(target: str) -> None:
    call("umount2", os.fsencode(target), MNT_DETACH)


def pivot_root(new: str, old: str) -> None:
    call("pivot_root", os.fsencode(new), os.fsencode(old))


def sethostname(name: str) -> None:
    call("sethostname", name.encode(), ctypes.c_size_t(len(name)))


def die_with_parent(signal: int) -> None:
    call("prctl", PR_SET_PDEATHSIG, signal, 0, 0, 0)


def set_process_name(name: str) -> None:
    call("prctl", PR_SET_NAME, name.encode()[:15], 0, 0, 0)


def drop_capabilities(names: tuple[str, ...]) -> None:
    """Take capabilities out of the bounding set, so that no program started later can have them."""
    for name in names:
        call("prctl", PR_CAPBSET_DROP, CAPABILITIES[name], 0, 0, 0)
