"""A file system that looks like configfs, before a model of what the kernel has in it.

What is written below a path that a line of the file CONTROL/stuck ends with hangs for as long as
that line is there. While there is a file CONTROL/after, with a number, so many attributes are
written, and the next write hangs until the file has gone. CONTROL/log gets a line for every change.
"""

import errno
import stat
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

try:
    from fusepy import FUSE, FuseOSError, Operations
except ImportError:
    from fuse import FUSE, FuseOSError, Operations

MODES = {
    "folder": stat.S_IFDIR | 0o755,
    "link": stat.S_IFLNK | 0o777,
    "attribute": stat.S_IFREG | 0o644,
}


class Configfs(Operations):  # type: ignore[misc]
    """Every call is one of the model's, ``target``; its OSError is the answer.

    ``opening`` is told of each change before it is made: what it opens may hang, and nobody who
    reads waits for that, as in the kernel.
    """

    def __init__(
        self, target: Any, control: Path, opening: Callable[..., None] | None = None
    ) -> None:
        self.target = target
        self.opening = opening
        self.control = control
        self.lock = threading.Lock()
        self.more: int | None = None  # changes to make before one hangs
        self.log = (control / "log").open("a", buffering=1)

    def __call__(self, op: str, path: str, *args: Any) -> Any:
        try:
            return getattr(self, op)(path, *args)
        except FuseOSError:
            raise
        except OSError as exc:
            raise FuseOSError(exc.errno) from None
        except AttributeError:
            raise FuseOSError(errno.EPERM) from None

    def changed(self, verb: str, path: str, *args: str) -> None:
        self.wait_while_stuck(path)
        while verb == "write" and self.is_held_back():  # mkdir would hold the whole folder
            time.sleep(0.05)
        if self.opening is not None:
            self.opening(verb, path, *args)
        with self.lock:
            getattr(self.target, verb)(path, *args)
        print(verb, path, *(arg.strip() for arg in args), file=self.log)

    def wait_while_stuck(self, path: str) -> None:
        while any(path.endswith(line) for line in self.stuck()):
            time.sleep(0.05)

    def is_held_back(self) -> bool:
        try:
            after = int((self.control / "after").read_text())
        except (FileNotFoundError, ValueError):
            self.more = None
            return False
        with self.lock:
            self.more = after if self.more is None else self.more
            if self.more > 0:
                self.more -= 1
                return False
        return True

    def stuck(self) -> list[str]:
        try:
            return (self.control / "stuck").read_text().split()
        except FileNotFoundError:
            return []

    def getattr(self, path: str, fh: Any = None) -> dict[str, Any]:  # noqa: ARG002
        with self.lock:
            kind = self.target.kind(path) if path != "/" else "folder"
            size = len(self.target.readlink(path)) if kind == "link" else 4096
        return {"st_mode": MODES[kind], "st_nlink": 1, "st_size": size, "st_uid": 0, "st_gid": 0}

    def readdir(self, path: str, fh: Any) -> list[str]:  # noqa: ARG002
        with self.lock:
            return [".", "..", *self.target.listdir(path)]

    def readlink(self, path: str) -> str:
        with self.lock:
            return str(self.target.readlink(path))

    def read(self, path: str, size: int, offset: int, fh: Any) -> bytes:  # noqa: ARG002
        with self.lock:
            return bytes(self.target.read(path).encode()[offset : offset + size])

    def write(self, path: str, data: bytes, offset: int, fh: Any) -> int:  # noqa: ARG002
        self.changed("write", path, data.decode())
        return len(data)

    def mkdir(self, path: str, mode: int) -> None:  # noqa: ARG002
        self.changed("mkdir", path)

    def rmdir(self, path: str) -> None:
        self.changed("rmdir", path)

    def symlink(self, path: str, to: str) -> None:
        self.changed("symlink", path, to)

    def unlink(self, path: str) -> None:
        self.changed("unlink", path)

    def open(self, path: str, flags: int) -> int:  # noqa: ARG002
        return 0

    def truncate(self, path: str, length: int, fh: Any = None) -> None: ...

    def create(self, path: str, mode: int, fi: Any = None) -> int:  # noqa: ARG002
        raise FuseOSError(errno.EACCES)


def serve(configfs: Configfs, mountpoint: str) -> None:
    """Returns when it is unmounted."""
    FUSE(
        configfs, mountpoint, foreground=True, direct_io=True, attr_timeout=0, entry_timeout=0,
        allow_other=True,
    )  # fmt: skip
