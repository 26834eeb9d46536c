"""A node made of dictionaries with a kernel's target in its configfs; which one, the two say."""

import errno
import os
from collections.abc import Callable
from typing import Any, TypeVar

from hactl_agents.failures import ABSENT
from hactl_agents.host.host import Failed
from hactl_agents.testing import FakeHost

T = TypeVar("T")
MOUNT = "/sys/kernel/config"
BLOCK, FILE = 0o060600, 0o100600


class Killed(BaseException):
    """SIGKILL: nothing is tidied up."""


class ConfigfsHost(FakeHost):
    """What lies below ``ROOT`` is the kernel's, whose rules ``kernel`` keeps: an object with
    mkdir, rmdir, symlink, unlink, read, write, readlink, listdir and kind, which raise OSError.

    ``disk`` lays out a block device or file. ``changes`` are those that were made; ``die_at`` is
    the one at which the agent is killed, counted from one.
    """

    ROOT = ""
    UNREADABLE: tuple[int, ...] = ABSENT  # how looking fails at what is not there

    def __init__(self, kernel: Any, budget: float) -> None:
        super().__init__(budget=budget)
        self.kernel = kernel
        self.changes: list[tuple[str, str]] = []
        self.die_at = 0
        self.ours |= {"192.0.2.1", "2001:db8::1"}
        for name in ("one", "two"):
            self.disk(f"/dev/vg/{name}")

    def disk(self, path: str, mode: int = BLOCK) -> None:
        self.files[path] = ""
        self.modes[path] = mode

    # looking

    def read(self, path: str) -> str | None:
        if not self.is_kernels(path):
            return super().read(path)
        return self.looked(path, self.kernel.read, None)

    def exists(self, path: str) -> bool:
        if not self.is_kernels(path):
            return super().exists(path)
        return bool(self.looked(path, self.kernel.kind, ""))

    def listdir(self, path: str) -> list[str]:
        if not self.is_kernels(path):
            return super().listdir(path)
        return sorted(self.looked(path, self.kernel.listdir, []))

    def readlink(self, path: str) -> str | None:
        if not self.is_kernels(path):
            return super().readlink(path)
        return self.looked(path, self.kernel.readlink, None, errno.EINVAL)  # no link

    def is_kernels(self, path: str) -> bool:
        return path.startswith(self.ROOT)

    def looked(self, path: str, look: Callable[[str], T], nothing: T, *forgiven: int) -> T:
        try:
            return look(below_mount(path))
        except OSError as exc:
            if exc.errno in (*self.UNREADABLE, *forgiven):
                return nothing
            raise Failed(f"{path}: {exc}") from None

    # changing

    def make_folder(self, path: str) -> bool:
        if self.exists(path):
            return False
        if self.is_kernels(path):
            self.change("mkdir", path)
        else:
            self.files[f"{path}/."] = ""
        return True

    def link(self, path: str, to: str) -> bool:
        if self.readlink(path) is not None:
            return False
        self.change("symlink", path, below_mount(to))
        return True

    def write(self, path: str, text: str, secret: bool = False) -> None:
        if not self.is_kernels(path):
            return super().write(path, text, secret)
        return self.change("write", path, text)

    def remove(self, path: str) -> None:
        if not self.is_kernels(path):
            super().remove(path)
        elif self.readlink(path) is not None:
            self.change("unlink", path)

    def remove_folder(self, path: str) -> bool:
        if not self.is_kernels(path):
            return super().remove_folder(path)
        if not self.exists(path):
            return True
        try:
            self.change("rmdir", path)
        except Failed as exc:
            if "not permitted" in str(exc):
                raise
            return False
        return True

    def change(self, verb: str, path: str, *args: str) -> None:
        self.changes.append((verb, path[len(self.ROOT) + 1 :]))
        if 0 < self.die_at <= len(self.changes):
            raise Killed(path)
        try:
            getattr(self.kernel, verb)(below_mount(path), *args)
        except OSError as exc:
            raise Failed(f"{path}: {os.strerror(exc.errno or 0)}") from None

    # what a test asks and does

    def value(self, path: str) -> str:
        return (self.read(f"{self.ROOT}/{path}") or "").strip()

    def by_hand(self, script: str) -> None:
        """Lines of: mkdir PATH | write PATH VALUE | link PATH TO | rmdir PATH | unlink PATH."""
        top = below_mount(self.ROOT)
        for line in script.strip().splitlines():
            verb, path, *rest = line.split()
            path = f"{top}/{path}"
            if verb == "write":
                self.kernel.write(path, " ".join(rest))
            elif verb == "link":
                self.kernel.symlink(path, f"{top}/{rest[0]}")
            else:
                getattr(self.kernel, verb)(path)


def below_mount(path: str) -> str:
    return path[len(MOUNT) :]
