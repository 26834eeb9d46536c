"""NVMe gateways in a private node, with a look-alike of configfs and the kernel's NVMe target."""

import itertools
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.configfs.node import LookAlike, lacking, look_alike
from tests.support.private_node import wait_until

COUNTER = itertools.count(1)
SIZE = 1 << 20


class NvmetNode:
    """One node. ``tree`` is its target as seen from outside."""

    def __init__(self, look: LookAlike) -> None:
        self.look = look
        self.node = look.node
        self.tree = look.tree
        self.stick = look.stick
        self.disks = look.node.dir / "disks"
        self.disks.mkdir()

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
    with look_alike("nvmet") as look:
        yield NvmetNode(look)


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
