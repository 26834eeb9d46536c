"""A node made of dictionaries whose configfs keeps the rules of the kernel's iSCSI target."""

import os
from collections.abc import Callable
from typing import TypeVar

from hactl_agents.failures import ABSENT
from hactl_agents.host import Failed
from hactl_agents.iscsi.lio import MOUNT, ROOT
from hactl_agents.testing import FakeHost
from tests.lio_model import Item, Lio

T = TypeVar("T")
BLOCK, FILE = 0o060600, 0o100600


class LioHost(FakeHost):
    """``disk`` lays out a block device or file. ``die_at`` is the change at which the agent is
    killed, counted from one; ``changes`` are those that were made. ``claimed`` devices are in use.
    """

    def __init__(self, budget: float = 55.0) -> None:
        super().__init__(budget=budget)
        self.kernel = Lio(self.backing)
        self.changes: list[tuple[str, str]] = []
        self.die_at = 0
        self.stuck: set[str] = set()
        self.claimed: set[str] = set()
        self.ours |= {"192.0.2.1", "2001:db8::1"}
        for name in ("one", "two"):
            self.disk(f"/dev/vg/{name}")

    def disk(self, path: str, mode: int = BLOCK) -> None:
        self.files[path] = ""
        self.modes[path] = mode

    def backing(self, path: str) -> str:
        if path not in self.files:
            return ""
        return "claimed" if self.is_claimed(path) else "device"

    def is_claimed(self, path: str) -> bool:
        return path in self.claimed

    def identity(self, path: str) -> str:
        path = self.links.get(path, path)
        return path if path in self.files else ""

    # configfs

    def read(self, path: str) -> str | None:
        if not path.startswith(ROOT):
            return super().read(path)
        return self.looked(path, self.kernel.read, None)

    def exists(self, path: str) -> bool:
        if not path.startswith(ROOT):
            return super().exists(path)
        return bool(self.looked(path, self.kernel.kind, ""))

    def listdir(self, path: str) -> list[str]:
        if not path.startswith(ROOT):
            return super().listdir(path)
        return sorted(self.looked(path, self.kernel.listdir, []))

    def readlink(self, path: str) -> str | None:
        if not path.startswith(ROOT):
            return super().readlink(path)
        try:
            return self.kernel.readlink(path[len(MOUNT) :])
        except OSError:
            return None

    def make_folder(self, path: str) -> bool:
        if self.exists(path):
            return False
        if not path.startswith(ROOT):
            self.files[f"{path}/."] = ""
            return True
        self.change("mkdir", path, lambda: self.kernel.mkdir(path[len(MOUNT) :]))
        return True

    def link(self, path: str, to: str) -> bool:
        if self.readlink(path) is not None:
            return False
        below = path[len(MOUNT) :]
        self.change("link", path, lambda: self.kernel.symlink(below, to[len(MOUNT) :]))
        return True

    def write(self, path: str, text: str, secret: bool = False) -> None:
        if not path.startswith(ROOT):
            return super().write(path, text, secret)
        return self.change("write", path, lambda: self.kernel.write(path[len(MOUNT) :], text))

    def remove(self, path: str) -> None:
        if not path.startswith(ROOT):
            super().remove(path)
        elif self.readlink(path) is not None:
            self.change("unlink", path, lambda: self.kernel.unlink(path[len(MOUNT) :]))

    def remove_folder(self, path: str) -> bool:
        if not path.startswith(ROOT):
            return super().remove_folder(path)
        if not self.exists(path):
            return True
        try:
            self.change("rmdir", path, lambda: self.kernel.rmdir(path[len(MOUNT) :]))
        except Failed as exc:
            if "not permitted" in str(exc):
                raise
            return False
        return True

    def looked(self, path: str, look: Callable[[str], T], nothing: T) -> T:
        try:
            return look(path[len(MOUNT) :])
        except OSError as exc:
            if exc.errno in ABSENT:
                return nothing
            raise Failed(f"{path}: {exc}") from None

    def change(self, how: str, path: str, do: Callable[[], None]) -> None:
        self.changes.append((how, path[len(ROOT) + 1 :]))
        if 0 < self.die_at <= len(self.changes):
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
        walk(self.kernel.top, "", found)
        return sorted(found)

    def by_hand(self, script: str) -> None:
        """Lines of: mkdir PATH | write PATH VALUE | link PATH TO | rmdir PATH | unlink PATH."""
        for line in script.strip().splitlines():
            verb, path, *rest = line.split()
            path = f"/target/{path}"
            if verb == "write":
                self.kernel.write(path, " ".join(rest))
            elif verb == "link":
                self.kernel.symlink(path, f"/target/{rest[0]}")
            else:
                getattr(self.kernel, verb)(path)


class Killed(BaseException):
    """SIGKILL: nothing is tidied up."""


def walk(item: Item, path: str, found: list[str]) -> None:
    for name, each in item.items.items():
        below = f"{path}/{name}"
        if isinstance(each, str) or each.made:
            found.append(below.removeprefix("/target/"))
        if isinstance(each, Item):
            walk(each, below, found)
