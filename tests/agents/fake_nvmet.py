"""A node made of dictionaries whose configfs keeps the rules of the kernel's NVMe target."""

import errno
import os
from collections.abc import Callable
from typing import TypeVar

from hactl_agents.failures import ABSENT
from hactl_agents.host import Failed
from hactl_agents.nvmeof.tree import MOUNT, ROOT
from hactl_agents.testing import FakeHost
from tests.nvmet_model import Nvmet

T = TypeVar("T")
BLOCK, FILE = 0o060600, 0o100600


class NvmetHost(FakeHost):
    """``disk`` lays out a block device. ``die_at`` is the change at which the agent is killed,
    counted from one; ``changes`` are those that were made.
    """

    def __init__(self, *, auth: bool = False, budget: float = 55.0) -> None:
        super().__init__(budget=budget)
        self.target = Nvmet(self.backing, auth)
        self.changes: list[tuple[str, str]] = []
        self.die_at = 0
        self.ours |= {"192.0.2.1", "2001:db8::1"}
        self.target.addresses = self.ours
        self.disk("/dev/vg/one")
        self.disk("/dev/vg/two")
        for module in ("nvmet", "nvmet_tcp"):
            self.files[f"/sys/module/{module}/refcnt"] = "1\n"

    def disk(self, path: str, mode: int = BLOCK) -> None:
        self.files[path] = ""
        self.modes[path] = mode

    def backing(self, path: str) -> str:
        path = self.links.get(path, path)
        if path not in self.files:
            return ""
        if self.modes.get(path) == BLOCK:
            return "device"
        return "tmpfs" if (path, errno.EINVAL) in self.refused else "file"

    def block_size(self, path: str) -> int:  # noqa: ARG002
        return 4096

    # configfs

    def read(self, path: str) -> str | None:
        if not path.startswith(ROOT):
            return super().read(path)
        return self.looked(path, self.target.read, None)

    def exists(self, path: str) -> bool:
        if not path.startswith(ROOT):
            return super().exists(path)
        return bool(self.looked(path, self.target.kind, ""))

    def listdir(self, path: str) -> list[str]:
        if not path.startswith(ROOT):
            return super().listdir(path)
        return sorted(self.looked(path, self.target.listdir, []))

    def readlink(self, path: str) -> str | None:
        if not path.startswith(ROOT):
            return super().readlink(path)
        return self.looked(path, self.target.readlink, None)

    def make_folder(self, path: str) -> bool:
        if self.exists(path):
            return False
        self.change("mkdir", path, lambda: self.target.mkdir(path[len(MOUNT) :]))
        return True

    def link(self, path: str, to: str) -> bool:
        if self.readlink(path) is not None:
            return False
        below = path[len(MOUNT) :]
        self.change("link", path, lambda: self.target.symlink(below, to[len(MOUNT) :]))
        return True

    def write(self, path: str, text: str, secret: bool = False) -> None:
        if not path.startswith(ROOT):
            return super().write(path, text, secret)
        return self.change("write", path, lambda: self.target.write(path[len(MOUNT) :], text))

    def remove(self, path: str) -> None:
        if self.readlink(path) is not None:
            self.change("unlink", path, lambda: self.target.unlink(path[len(MOUNT) :]))

    def remove_folder(self, path: str) -> bool:
        if not self.exists(path):
            return True
        try:
            self.change("rmdir", path, lambda: self.target.rmdir(path[len(MOUNT) :]))
        except Failed as exc:
            if "not permitted" in str(exc):
                raise
            return False
        return True

    def looked(self, path: str, look: Callable[[str], T], nothing: T) -> T:
        try:
            return look(path[len(MOUNT) :])
        except OSError as exc:
            if exc.errno in (*ABSENT, errno.EINVAL):
                return nothing
            raise Failed(f"{path}: {exc}") from None

    def change(self, how: str, path: str, do: Callable[[], None]) -> None:
        self.changes.append((how, path[len(ROOT) + 1 :]))
        if len(self.changes) == self.die_at:
            raise Killed(path)
        try:
            do()
        except OSError as exc:
            raise Failed(f"{path}: {os.strerror(exc.errno or 0)}") from None

    # what a test asks

    def value(self, path: str) -> str:
        return (self.read(f"{ROOT}/{path}") or "").strip()

    def everything(self) -> list[str]:
        """The objects somebody made, and the links."""
        found: list[str] = []
        walk(self.target, "/nvmet", found)
        return found

    def by_hand(self, script: str) -> None:
        """Lines of: mkdir PATH | write PATH VALUE | link PATH TO | rmdir PATH | unlink PATH."""
        for line in script.strip().splitlines():
            verb, path, *rest = line.split()
            path = f"/nvmet/{path}"
            call = {"mkdir": self.target.mkdir, "rmdir": self.target.rmdir,
                    "unlink": self.target.unlink}.get(verb)  # fmt: skip
            if call:
                call(path)
            elif verb == "write":
                self.target.write(path, " ".join(rest))
            else:
                self.target.symlink(path, f"/nvmet/{rest[0]}")


class Killed(BaseException):
    """SIGKILL: nothing is tidied up."""


def walk(target: Nvmet, path: str, found: list[str]) -> None:
    node = target.find(path)
    found += [f"{path}/{name} -> {to.rpartition('/')[2]}" for name, to in node.links.items()]
    for name, folder in node.folders.items():
        if folder.made:
            found.append(f"{path}/{name}"[len("/nvmet/") :])
        walk(target, f"{path}/{name}", found)
