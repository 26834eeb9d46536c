"""A private node with a look-alike of configfs and the kernel's NVMe target, and gateways in it.

The look-alike keeps the kernel's rules and moves no data (tests/nvmet_fuse.py).
"""

import itertools
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.private_node import PrivateNode, private_node, public_folder, wait_until
from tests.private_node import lacking as node_lacks

FUSE = Path(__file__).with_name("nvmet_fuse.py")
MOUNT = "/sys/kernel/config"
BINDINGS = ("fusepy.py", "fuse.py")
COUNTER = itertools.count(1)
NO_TOOLS = ("env", "OCF_TESTER_FAIL_HAVE_BINARY=1", "PATH=/nowhere")
SIZE = 1 << 20


def lacking() -> list[str]:
    """What this machine lacks for that, as reasons to skip."""
    lacks = node_lacks()
    if not Path("/dev/fuse").exists():
        lacks.append("there is no /dev/fuse")
    if not any(Path("/usr/lib/python3/dist-packages", name).exists() for name in BINDINGS):
        lacks.append("python3-fusepy is not installed")
    return lacks


class NvmetNode:
    """One node. ``tree`` is its target as seen from outside, ``control`` steers the look-alike."""

    def __init__(self, node: PrivateNode) -> None:
        self.node = node
        self.control = node.dir / "control"
        self.control.mkdir()
        self.tree = Path(f"/proc/{node.pid}/root{MOUNT}/nvmet")
        self.disks = node.dir / "disks"
        self.disks.mkdir()

    def up(self) -> None:
        self.node.sh(f"mount -t tmpfs tmpfs /sys/kernel; mkdir {MOUNT}")
        words = f"/usr/bin/python3 {FUSE} {MOUNT} {self.control}"
        self.node.sh(f"setsid {words} >{self.control}/output 2>&1 & :")
        wait_until(self.tree.is_dir, "the look-alike is not mounted", 20)

    def stick(self, *ends: str) -> None:
        """Let what is written below a path that ends so hang; nothing any more if none is given."""
        stuck = self.control / "stuck"
        stuck.write_text("\n".join(ends)) if ends else stuck.unlink(missing_ok=True)

    def objects(self) -> list[str]:
        """What somebody made: folders and links, the kernel's own left out."""
        own = ("subsystems", "ports", "hosts", "namespaces", "allowed_hosts", "referrals")
        found = []
        for path in sorted(self.tree.rglob("*")):
            name = path.relative_to(self.tree)
            default = path.name in (*own, "ana_groups") or str(name).endswith("ana_groups/1")
            if (path.is_symlink() or path.is_dir()) and not default:
                found.append(str(name))
        return found

    def snapshot(self) -> "dict[str, str]":
        """Every object and attribute, with its value."""
        found = dict.fromkeys(self.objects(), "")
        for path in self.tree.rglob("*"):
            if path.is_file() and not path.is_symlink() and path.name != "revalidate_size":
                found[str(path.relative_to(self.tree))] = path.read_text()
        return found


@contextmanager
def nvmet_node() -> Iterator[NvmetNode]:
    with public_folder() as public, private_node(public) as node:
        target = NvmetNode(node)
        target.up()
        yield target


class Gateway:
    """A resource; its names, address and disk are used once."""

    def __init__(self, target: NvmetNode) -> None:
        self.target = target
        self.node = target.node
        self.number = next(COUNTER)
        self.name = f"gw{self.number}"
        self.nqn = f"nqn.2026-11.test:vol{self.number}"
        self.host = f"nqn.2014-08.test:host{self.number}"
        self.address = f"10.{self.number >> 8 & 255}.{self.number & 255}.1"
        self.disk = target.disks / self.name
        with self.disk.open("wb") as file:
            file.truncate(SIZE)
        self.node.sh(f"ip addr add {self.address}/32 dev lo")
        self.params: dict[str, Any] = {
            "nqn": self.nqn, "address": self.address, "namespaces": f"1={self.disk}",
            "hosts": self.host,
        }  # fmt: skip
        self.subsystem = target.tree / "subsystems" / self.nqn

    def call(self, action: str, **more: Any) -> "subprocess.CompletedProcess[str]":
        given: dict[str, Any] = {"resource": self.name, "timeout": 20} | self.params | more
        return self.node.call("NvmeofGateway", action, **given)

    def code(self, action: str, **more: Any) -> int:
        return self.call(action, **more).returncode

    def abandon(self, action: str, step: int) -> bool:
        """Kill the agent while it waits for its worker the ``step``-th time; False: it did not."""
        killed = self.node.call_killed(
            "NvmeofGateway", action, "select,pselect6", step, resource=self.name, **self.params
        )
        self.wait_for_workers()
        return killed

    def wait_for_workers(self) -> None:
        """A worker ends at its next step when nobody waits for it any more."""
        busy = "pgrep -f 'hactl/Nvmeof[G]ateway'"
        wait_until(lambda: self.node.sh(busy, check=False) == "", "a worker goes on", 10)

    def offered(self) -> list[Path]:
        return list(self.target.tree.glob(f"ports/*/subsystems/{self.nqn}"))

    def enabled(self) -> list[str]:
        return [path.read_text().strip() for path in self.subsystem.glob("namespaces/*/enable")]

    def clean_up(self) -> None:
        """By other means than the agent's."""
        self.target.stick()
        for link in (*self.offered(), *self.subsystem.glob("allowed_hosts/*")):
            link.unlink()
        for path in self.subsystem.glob("namespaces/*"):
            (path / "enable").write_text("0")
            path.rmdir()
        for port in self.target.tree.glob("ports/*"):
            ours = (port / "addr_traddr").read_text().strip() in ("", self.address)
            if ours and not list((port / "subsystems").iterdir()):
                port.rmdir()
        for path in (self.subsystem, self.target.tree / "hosts" / self.host):
            if path.is_dir():
                path.rmdir()


__all__ = ["Gateway", "NvmetNode", "lacking", "nvmet_node"]
