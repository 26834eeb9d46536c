"""Whether this machine can run a VM lab: asked before anything is started."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from hactl.errors import HactlError
from hactl_vmlab.command import run
from hactl_vmlab.definition import Definition
from hactl_vmlab.qemu import OVERHEAD

# program -> Debian and Ubuntu package
PROGRAMS = {
    "qemu-system-x86_64": "qemu-system-x86",
    "qemu-img": "qemu-utils",
    "ip": "iproute2",
    "ssh": "openssh-client",
}
VAGRANT = {"virsh": "libvirt-clients", "ssh": "openssh-client"}
TUN = Path("/dev/net/tun")
DISK_PER_NODE = 600  # MiB that a node writes until its tests are over


def check(lab: Definition, folder: Path) -> None:
    """Raise HactlError with one sentence on what is missing, and how to get it."""
    if os.geteuid() != 0:
        raise HactlError("a VM lab needs root", "sudo scripts/vm-lab up")
    check_programs(lambda program: shutil.which(program) is not None)
    if not TUN.exists():
        raise HactlError(f"there is no {TUN}", "modprobe tun")
    check_memory(lab, available(Path("/proc/meminfo").read_text()))
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    check_disk(lab, folder, shutil.disk_usage(folder).free >> 20)


def check_vagrant(lab: Definition, uri: str, prefix: str) -> None:
    """The same for Vagrant's machines, those called ``prefix``_NODE, of which some may run."""
    check_programs(lambda program: shutil.which(program) is not None, VAGRANT)
    running = check_libvirt(lambda: run(["virsh", "-q", "-c", uri, "list", "--name"], timeout=30))
    down = [node for node in lab.nodes if f"{prefix}_{node.name}" not in running]
    check_memory(replace(lab, nodes=tuple(down)), available(Path("/proc/meminfo").read_text()))


def check_libvirt(listed: Callable[[], bytes]) -> list[str]:
    """The domains that run. Raises HactlError where libvirt does not answer."""
    try:
        return listed().decode().split()
    except HactlError as exc:
        said = exc.message.strip().splitlines()[-1]
        hint = "apt install libvirt-daemon-system, systemctl start libvirtd, join the group libvirt"
        raise HactlError(f"libvirt does not answer: {said}", hint) from None


def check_programs(
    installed: Callable[[str], bool], programs: Mapping[str, str] = PROGRAMS
) -> None:
    missing = [program for program in programs if not installed(program)]
    if missing:
        packages = " ".join(sorted({programs[program] for program in missing}))
        raise HactlError(f"a VM lab needs {', '.join(missing)}", f"apt install {packages}")


def check_memory(lab: Definition, free: int) -> None:
    """``free`` is in MiB."""
    needed = sum(node.memory + OVERHEAD for node in lab.nodes)
    if needed > free:
        raise HactlError(
            f"{len(lab.nodes)} nodes need {needed} MiB of memory, {free} MiB are free",
            "remove a node from vagrant/lab.yaml, or give it less memory",
        )


def check_disk(lab: Definition, folder: Path, free: int) -> None:
    """``free`` is in MiB."""
    shared = sum(size for _, size in lab.disks) >> 20
    needed = shared + DISK_PER_NODE * len(lab.nodes)
    if needed > free:
        raise HactlError(
            f"the lab needs {needed} MiB in {folder}, {free} MiB are free",
            "make room, or set HACTL_VM_HOME to a folder on a larger disk",
        )


def available(meminfo: str) -> int:
    """MiB of memory a new program can have, from the text of /proc/meminfo."""
    for line in meminfo.splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) >> 10
    return 0
