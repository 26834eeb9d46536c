"""A small virtual machine that is a gateway, or a host of one: the agents, a real nvmet and nvme.

Several of them share a switch of QEMU's own (packets of UDP multicast within one network
namespace) and a disk image. Knows how Pacemaker calls the agent.
"""

import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from hactl.install.agents import install
from tests.support.kernel_guest import KernelGuest, lacking, python_files

AGENT = "/usr/lib/ocf/resource.d/hactl/NvmeofGateway"
CONFIGFS = "/sys/kernel/config"
NVMET = f"{CONFIGFS}/nvmet"
MODULES = ["configfs", "nvmet", "nvmet-tcp", "nvme-tcp", "brd", "loop", "virtio_blk", "ext4"]
PROGRAMS = ("strace", "setpriv")
SWITCH = "230.77.1.1:7701"

__all__ = ["NvmeofGuest", "lacking"]


class Answer:
    """What an agent in the guest said."""

    def __init__(self, code: int, text: str) -> None:
        self.code = self.returncode = code
        self.text = self.stderr = text


class NvmeofGuest(KernelGuest):
    """One guest. ``number`` is its last octet in 10.88.0.0/24, on a second network device."""

    def __init__(self, directory: Path, enter: Sequence[str] = (), number: int = 1) -> None:
        super().__init__(directory, enter)
        self.number = number
        self.address = f"10.88.0.{number}"

    def boot(self, files: "dict[str, bytes]", disk: Path | None = None) -> None:
        """``files`` as ``guest_files`` gathered them; ``disk`` is shared with other guests."""
        hardware: list[str] = []
        if self.enter:
            mac = f"52:54:00:88:00:{self.number:02x}"
            hardware += ["-netdev", f"socket,id=switch,mcast={SWITCH},localaddr=127.0.0.1"]
            hardware += ["-device", f"virtio-net-pci,netdev=switch,mac={mac},romfile="]
        if disk is not None:
            drive = f"file={disk},if=none,id=disk,format=raw,cache=writeback,file.locking=off"
            hardware += ["-drive", drive, "-device", "virtio-blk-pci,drive=disk,share-rw=on"]
        programs = [found for name in PROGRAMS if (found := shutil.which(name))]
        self.up(programs, MODULES, files, hardware)
        self.say(f"mount -t configfs none {CONFIGFS}")
        if self.enter:
            self.say(f"ip link set eth1 up; ip addr add {self.address}/24 dev eth1")

    def say(self, script: str, timeout: float = 120) -> str:
        """What a line of shell script prints; it has to succeed."""
        code, text = self.run(script, timeout)
        assert code == 0, f"{script}: {text}"
        return text.strip()

    def call(
        self,
        action: str,
        timeout: float = 30,
        level: int = 0,
        meta: Mapping[str, str] | None = None,
        resource: str = "gw",
        wrapper: str = "",
        **params: object,
    ) -> Answer:
        words = [f"OCF_RESKEY_{name}='{value}'" for name, value in params.items()]
        given = {"timeout": str(int(timeout * 1000)), **(meta or {})}
        words += [f"OCF_RESKEY_CRM_meta_{name}='{value}'" for name, value in given.items()]
        words += [f"OCF_RESOURCE_INSTANCE={resource} OCF_CHECK_LEVEL={level}"]
        line = f"{' '.join(words)} {wrapper} {AGENT} {action}"
        return Answer(*self.run(line, timeout + 60))

    def connect(self, nqn: str, address: str, host: str = "nqn.lab:host", **more: object) -> int:
        """Connect as a host; the exit code. ``more`` are options of /dev/nvme-fabrics."""
        options: dict[str, object] = {
            "transport": "tcp", "traddr": address, "trsvcid": 4420, "nqn": nqn, "hostnqn": host,
            "hostid": "11111111-2222-3333-4444-555555555555", "nr_io_queues": 1, **more,
        }  # fmt: skip
        text = ",".join(f"{key}={value}" for key, value in options.items())
        return self.run(f"echo '{text}' >/dev/nvme-fabrics")[0]


def guest_files(folder: Path, more: "Iterable[tuple[str, bytes]]" = ()) -> "dict[str, bytes]":
    """The agents as they are installed, the distribution's Python, and ``more`` files."""
    install(folder / "root")
    files = python_files()
    for path in (folder / "root").rglob("*"):
        if path.is_file():
            files[f"/{path.relative_to(folder / 'root')}"] = path.read_bytes()
    return files | dict(more)
