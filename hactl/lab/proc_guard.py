"""What of /proc and /sys a node may write: its own part, never the host's.

A panicking Pacemaker writes to /proc/sysrq-trigger; on a real node that resets the machine, here
it must reset the node. The lab reads the guard and does it.
"""

from __future__ import annotations

from pathlib import Path

from hactl.lab import linux

# sysctls that belong to a network, UTS or IPC namespace, so that writing them stays in the node
OWN_SYSCTLS = (
    "net",
    "kernel/hostname",
    "kernel/domainname",
    "kernel/msgmax",
    "kernel/msgmnb",
    "kernel/msgmni",
    "kernel/sem",
    "kernel/shmall",
    "kernel/shmmax",
    "kernel/shmmni",
    "kernel/shm_rmid_forced",
    "fs/mqueue",
)
OWN_SYSFS = ("devices/virtual/net",)
# Pacemaker sets a bit in this one when it starts; it gets a copy that nothing reads.
FAKE_SYSCTL = "kernel/sysrq"
# files of /proc that act on the whole machine
MACHINE_WIDE = ("irq", "bus", "fs", "mtrr", "acpi", "scsi", "kcore", "timer_list", "kmsg")


def guard_proc(proc: Path, trigger: Path, copy: Path) -> None:
    """Close a node's own /proc at ``proc``: ``trigger`` (a FIFO) stands for sysrq-trigger.

    Raises OSError where a guard cannot be set: such a node must not start.
    """
    guard_file(proc / "sysrq-trigger", trigger)
    sysctl = proc / "sys"
    linux.bind_read_only(str(sysctl), str(sysctl))
    for name in OWN_SYSCTLS:
        if (sysctl / name).exists():
            linux.bind(str(sysctl / name), str(sysctl / name))
            linux.mount("", str(sysctl / name), flags=linux.MS_REMOUNT | linux.MS_BIND)
    guard_file(sysctl / FAKE_SYSCTL, copy)
    for name in MACHINE_WIDE:
        if (proc / name).exists():
            linux.bind_read_only(str(proc / name), str(proc / name))


def guard_file(dangerous: Path, harmless: Path) -> None:
    """Put ``harmless`` in the place of ``dangerous``, and look that it is there."""
    if not dangerous.exists():
        return
    linux.bind(str(harmless), str(dangerous))
    if not harmless.samefile(dangerous):
        raise OSError(f"{dangerous} could not be guarded")


def guard_sys(sys: Path) -> None:
    """Make a node's own /sys at ``sys`` read-only but for its network devices."""
    linux.bind_read_only(str(sys), str(sys))
    for name in OWN_SYSFS:
        folder = str(sys / name)
        linux.bind(folder, folder)
        linux.mount("", folder, flags=linux.MS_REMOUNT | linux.MS_BIND)
