"""A file system that passes everything through, and stops answering when it is told to.

Whoever asks it then hangs in the kernel, in uninterruptible sleep: SIGKILL does not help. That is
what a dead network file system or a disk behind a dead path looks like. It stalls at once, or at
the K-th question from now on, counted as the kernel asks; ``asked`` tells how many there were.

Run as a program: stalling_fs.py MOUNTPOINT BEHIND CONTROL. CONTROL is a folder with the files
``after`` (a number: so many questions are still answered) and ``asked`` (a line for each).
"""

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

PYTHON = "/usr/bin/python3"  # the distribution's has fusepy


class StallingFs:
    """``folder`` is its own: the mount is in there, and what it shows is in ``behind``.

    ``enter`` are the words before a command that is to run in a namespace: there it is mounted.
    """

    def __init__(self, folder: Path, enter: Sequence[str] = ()) -> None:
        self.folder = folder
        self.enter = list(enter)
        self.mount = folder / "mount"
        self.behind = folder / "behind"
        self.control = folder / "control"

    def __enter__(self) -> "StallingFs":
        for each in (self.mount, self.behind, self.control):
            each.mkdir(parents=True, exist_ok=True)
        parts = [str(each) for each in (self.mount, self.behind, self.control)]
        program = [*self.enter, PYTHON, str(Path(__file__).resolve()), *parts]
        self.process = subprocess.Popen(program, stdin=subprocess.DEVNULL)
        deadline = time.monotonic() + 20
        while not self.is_mounted():
            assert self.process.poll() is None and time.monotonic() < deadline, "no FUSE"
            time.sleep(0.02)
        return self

    def is_mounted(self) -> bool:
        words = [*self.enter, "cat", "/proc/self/mounts"]
        done = subprocess.run(words, capture_output=True, text=True, check=True)
        return f" {self.mount} fuse" in done.stdout

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.answer()
        subprocess.run([*self.enter, "umount", "-l", str(self.mount)], check=False)
        self.process.terminate()
        self.process.wait()

    def path(self, name: str) -> str:
        return str(self.mount / name)

    def stall(self, after: int = 0) -> None:
        """Answer ``after`` more questions, and none behind those."""
        (self.control / "asked").unlink(missing_ok=True)
        (self.control / "after.new").write_text(str(after))
        (self.control / "after.new").rename(self.control / "after")

    def answer(self) -> None:
        """Answer again, also what was asked before."""
        (self.control / "after").unlink(missing_ok=True)

    def asked(self) -> list[str]:
        """What was asked since ``stall``, in order, answered or not."""
        with contextlib.suppress(FileNotFoundError):
            return (self.control / "asked").read_text().splitlines()
        return []


def serve(mount: str, behind: str, control: str) -> None:
    sys.path.insert(0, "/usr/lib/python3/dist-packages")
    import fusepy

    lock = threading.Lock()

    def question(name: str) -> None:
        with lock:
            if number(f"{control}/after") is None:
                return
            count = len(lines(f"{control}/asked"))
            with Path(f"{control}/asked").open("a") as file:
                file.write(name + "\n")
        while (after := number(f"{control}/after")) is not None and count >= after:
            time.sleep(0.02)

    class PassThrough(fusepy.Operations):  # type: ignore[misc]
        """What is not here is answered with ENOSYS."""

    for name, answer in answers(behind).items():

        def operation(_: Any, path: str, *args: Any, name: str = name, answer: Any = answer) -> Any:
            question(f"{name} {path}")
            try:
                return answer(behind + path, *args)
            except OSError as exc:
                raise fusepy.FuseOSError(exc.errno) from None

        setattr(PassThrough, name, operation)
    fusepy.FUSE(
        PassThrough(),
        mount,
        foreground=True,
        nothreads=False,
        allow_other=True,
        attr_timeout=0,
        entry_timeout=0,
    )


def answers(behind: str) -> dict[str, Any]:
    """Each question of FUSE's, and the system call that answers it."""

    def attributes(path: str, fh: int | None = None) -> dict[str, Any]:  # noqa: ARG001
        found = os.lstat(path)
        return {key: getattr(found, key) for key in dir(found) if key in WANTED}

    def statfs(path: str) -> dict[str, Any]:
        found = os.statvfs(path)
        return {key: getattr(found, key) for key in dir(found) if key.startswith("f_")}

    return {
        "getattr": attributes,
        "readdir": lambda path, _: [".", "..", *os.listdir(path)],  # noqa: PTH208
        "readlink": os.readlink,
        "open": lambda path, flags: os.open(path, flags & ~os.O_DIRECT),
        "create": lambda path, mode, *_: os.open(path, os.O_RDWR | os.O_CREAT, mode),
        "read": lambda _, size, offset, fh: os.pread(fh, size, offset),
        "write": lambda _, data, offset, fh: os.pwrite(fh, data, offset),
        "truncate": lambda path, size, *_: os.truncate(path, size),
        "fsync": lambda _, __, fh: os.fsync(fh),
        "flush": lambda _, __: 0,
        "release": lambda _, fh: os.close(fh),
        "unlink": os.unlink,
        "rename": lambda path, to: os.rename(path, behind + to),  # noqa: PTH104
        "mkdir": os.mkdir,
        "rmdir": os.rmdir,
        "chmod": os.chmod,
        "chown": os.chown,
        "utimens": lambda path, times=None: os.utime(path, times),
        "statfs": statfs,
    }


WANTED = ("st_atime", "st_ctime", "st_gid", "st_mode", "st_mtime", "st_nlink", "st_size", "st_uid")


def number(path: str) -> int | None:
    with contextlib.suppress(OSError, ValueError):
        return int(Path(path).read_text())
    return None


def lines(path: str) -> list[str]:
    with contextlib.suppress(OSError):
        return Path(path).read_text().splitlines()
    return []


if __name__ == "__main__":
    serve(*sys.argv[1:])
