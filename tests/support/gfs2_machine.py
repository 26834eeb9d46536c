"""A small virtual machine with GFS2 and DLM: a cluster of one node, file systems on loop devices.

Everything of this machine's own programs; see kernel_guest.py.
"""

import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from hactl.install.agents import install
from tests.support.kernel_guest import HactlError, KernelGuest, python_files
from tests.support.kernel_guest import lacking as guest_lacks

__all__ = ["Gfs2Machine", "HactlError", "gfs2_machine", "lacking", "two_machines"]
AGENT = "/usr/lib/ocf/resource.d/hactl/Gfs2Mount"
TOOLS = ("mkfs.gfs2", "tunegfs2", "corosync", "dlm_controld", "dlm_tool", "mount", "umount",
         "losetup", "setpriv", "tee", "fsfreeze", "unshare", "nsenter", "strace", "dd")  # fmt: skip
DD = shutil.which("dd")  # busybox has ones of its own that can do less
LOSETUP, UMOUNT = shutil.which("losetup"), shutil.which("umount")
CLUSTER = "demo"
TOTEM = f"""\
totem {{
    version: 2
    cluster_name: {CLUSTER}
    transport: udpu
    token: 3000
}}
logging {{
    to_syslog: no
    to_logfile: yes
    logfile: /run/corosync.log
}}
quorum {{
    provider: corosync_votequorum
"""
MODULES = ["virtio_blk", "loop", "configfs", "crc32c_generic", "dlm", "gfs2", "ext4",
           "dm-mod"]  # fmt: skip
JOURNALS = 2
PREPARE = (
    "mkdir -p /dev/shm /dev/misc /srv /run/fs /var/lib/corosync /etc/corosync/uidgid.d",
    "mount -t tmpfs shm /dev/shm",
    "mount -t configfs configfs /sys/kernel/config",
    "for name in dlm-control dlm-monitor dlm_plock; do ln -s ../$name /dev/misc/$name; done",
)
START_DLM = "dlm_controld --enable_startup_fencing 0"
# what DLM runs to have a node fenced: it is not fenced before somebody says so
FENCE = "#!/bin/busybox sh\nwhile [ ! -e /run/fenced ]; do sleep 0.2; done\n"


def lacking() -> list[str]:
    """What this machine lacks, as reasons to skip."""
    missing = [f"{tool} is not installed" for tool in TOOLS if shutil.which(tool) is None]
    return [*missing, *guest_lacks()]


class Gfs2Machine(KernelGuest):
    """A guest with the agents, in a cluster of its own that is called demo."""

    def says(self, script: str, timeout: float = 120) -> str:
        return self.run(script, timeout)[1].strip()

    def must(self, script: str, timeout: float = 120) -> str:
        code, text = self.run(script, timeout)
        assert code == 0, f"{script}: {code}\n{text}"
        return text.strip()

    def start_cluster(self, *, fencing: bool) -> None:
        self.must("corosync && sleep 1")
        self.must(START_DLM if fencing else f"{START_DLM} --enable_fencing 0")
        self.must("for i in $(seq 50); do dlm_tool status 2>/dev/null | grep -q 'quorate 1' && "
                  "exit 0; sleep 0.2; done; exit 1")  # fmt: skip

    def make(self, name: str, protocol: str = "lock_dlm", cluster: str = CLUSTER) -> str:
        """A file system of its own; the path of its device."""
        image = f"/run/fs/{name}"
        self.must(f"{DD} if=/dev/vda of={image} bs=1M conv=sparse 2>/dev/null")
        table = f"{cluster}:{name}" if protocol == "lock_dlm" else ""
        device = self.must(f"{LOSETUP} --find --show {image}")
        self.must(f"tunegfs2 -o lockproto={protocol},locktable={table or name} {device} >/dev/null")
        self.must(f"mkdir -p /srv/{name}")
        return device

    def drop(self, name: str) -> None:
        """Take a file system away, whatever state it is in."""
        self.run(f"while {UMOUNT} -c /srv/{name}; do :; done 2>/dev/null")
        self.run(f"{LOSETUP} -j /run/fs/{name} | cut -d: -f1 | xargs -r {LOSETUP} -d")
        self.run(f"rm -f /run/fs/{name}; rmdir /srv/{name}")


@contextmanager
def gfs2_machine(
    folder: Path, tools: Sequence[str] = (), files: "dict[str, bytes] | None" = None
) -> Iterator[Gfs2Machine]:
    """A machine that has booted, with a running cluster, and with more ``tools`` and ``files``.

    Raises HactlError where there is no kernel to boot.
    """
    machine = Gfs2Machine(folder / "guest", ())
    try:
        disk = ["-drive", f"file={template(folder)},if=virtio,format=raw,snapshot=on"]
        boot(machine, folder, ["127.0.0.1"], disk, tools, files)
        machine.start_cluster(fencing=False)
        yield machine
    finally:
        machine.down()


@contextmanager
def two_machines(folder: Path) -> Iterator[tuple[Gfs2Machine, Gfs2Machine]]:
    """Two machines in one cluster, with one disk. DLM's fencing waits for a file, /run/fenced.

    Raises HactlError where there is no kernel to boot.
    """
    machines = Gfs2Machine(folder / "one", ()), Gfs2Machine(folder / "two", ())
    addresses = ["10.9.0.1", "10.9.0.2"]
    image, link = template(folder), f"addr.type=unix,addr.path={folder}/link"
    disk = ["-drive", f"file={image},if=none,id=disk,format=raw,file.locking=off"]
    disk += ["-device", "virtio-blk-pci,drive=disk,share-rw=on"]
    fencing = {"/etc/dlm/dlm.conf": b"fence_all /sbin/wait_for_the_operator\n"}
    fencing["/sbin/wait_for_the_operator"] = FENCE.encode()
    try:
        for number, (machine, server) in enumerate(zip(machines, ("on", "off"), strict=True), 1):
            net = ["-netdev", f"stream,id=link,server={server},{link}"]
            net += ["-device", f"virtio-net-pci,netdev=link,mac=52:54:00:09:00:0{number},romfile="]
            boot(machine, folder, addresses, [*disk, *net], (), fencing)
            machine.must(f"ip addr add 10.9.0.{number}/24 dev eth1; ip link set eth1 up")
        for machine in machines:
            machine.start_cluster(fencing=True)
        yield machines
    finally:
        for machine in machines:
            machine.down()


def boot(
    machine: Gfs2Machine, folder: Path, addresses: list[str], qemu: Sequence[str],
    tools: Sequence[str] = (), files: "dict[str, bytes] | None" = None,
) -> None:  # fmt: skip
    """Boot with the agents installed, in a cluster of nodes with these addresses."""
    root = folder / "root"
    install(root)
    tree = python_files() | (files or {})
    tree["/etc/corosync/corosync.conf"] = corosync_conf(addresses).encode()
    for path in root.rglob("*"):
        if path.is_file():
            tree[f"/{path.relative_to(root)}"] = path.read_bytes()
    programs = [found for tool in (*TOOLS, *tools) if (found := shutil.which(tool))]
    machine.up(programs, MODULES, tree, qemu)
    for step in PREPARE:
        machine.must(step)


def corosync_conf(addresses: list[str]) -> str:
    two = "    two_node: 1\n    wait_for_all: 0\n" if len(addresses) == 2 else ""
    nodes = [
        f"    node {{\n        ring0_addr: {address}\n        nodeid: {number}\n    }}\n"
        for number, address in enumerate(addresses, 1)
    ]
    return f"{TOTEM}{two}}}\nnodelist {{\n{''.join(nodes)}}}\n"


def template(folder: Path) -> Path:
    """A fresh file system in a sparse file, to be copied."""
    image = folder / "template"
    with image.open("wb") as file:
        file.truncate(48 << 20)
    words = ["-q", "-O", "-K", "-j", str(JOURNALS), "-J", "8", "-p", "lock_dlm"]
    subprocess.run(
        ["mkfs.gfs2", *words, "-t", f"{CLUSTER}:template", str(image)],
        check=True, capture_output=True,
    )  # fmt: skip
    return image
