"""A small virtual machine with GFS2 and DLM: a cluster of one node, file systems on loop devices.

Everything of this machine's own programs; see kernel_guest.py.
"""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hactl_agents.install import install
from tests.kernel_guest import HactlError, KernelGuest, python_files
from tests.kernel_guest import lacking as guest_lacks

__all__ = ["Gfs2Machine", "HactlError", "gfs2_machine", "lacking"]
AGENT = "/usr/lib/ocf/resource.d/hactl/Gfs2Mount"
TOOLS = ("mkfs.gfs2", "tunegfs2", "corosync", "dlm_controld", "dlm_tool", "mount", "umount",
         "losetup", "setpriv", "tee", "fsfreeze", "unshare", "nsenter", "strace", "dd")  # fmt: skip
DD = shutil.which("dd")  # busybox has ones of its own that can do less
LOSETUP, UMOUNT = shutil.which("losetup"), shutil.which("umount")
CLUSTER = "demo"
COROSYNC = f"""\
totem {{
    version: 2
    cluster_name: {CLUSTER}
    transport: udpu
}}
nodelist {{
    node {{
        ring0_addr: 127.0.0.1
        name: alone
        nodeid: 1
    }}
}}
quorum {{
    provider: corosync_votequorum
}}
logging {{
    to_syslog: no
    to_logfile: yes
    logfile: /run/corosync.log
}}
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
START_COROSYNC = "corosync && sleep 1"
START_DLM = "dlm_controld --enable_fencing 0 --enable_startup_fencing 0"


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

    def start_dlm(self) -> None:
        self.must(START_DLM)
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
    folder: Path, tools: "tuple[str, ...]" = (), files: "dict[str, bytes] | None" = None
) -> Iterator[Gfs2Machine]:
    """A machine that has booted, with a running cluster, and with more ``tools`` and ``files``.

    Raises HactlError where there is no kernel to boot.
    """
    install(folder / "root")
    files = python_files() | {"/etc/corosync/corosync.conf": COROSYNC.encode()} | (files or {})
    for path in (folder / "root").rglob("*"):
        if path.is_file():
            files[f"/{path.relative_to(folder / 'root')}"] = path.read_bytes()
    machine = Gfs2Machine(folder / "guest", ())
    programs = [found for tool in (*TOOLS, *tools) if (found := shutil.which(tool))]
    try:
        disk = ["-drive", f"file={template(folder)},if=virtio,format=raw,snapshot=on"]
        machine.up(programs, MODULES, files, disk)
        for step in PREPARE:
            machine.must(step)
        machine.must(START_COROSYNC)
        machine.start_dlm()
        yield machine
    finally:
        machine.down()


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
