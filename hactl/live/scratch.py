"""A private directory for copies of the CIB: nobody else can look in, and nothing in it stays.

Who is killed cannot tidy up. So each directory is locked by its owner for as long as that lives,
and the next of us removes those that nobody has locked.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

PREFIX = "hactl-cib-"
# Until it is locked a directory has a name that nobody looks for.
UNLOCKED = ".hactl-new-"


@contextmanager
def scratch() -> Iterator[Path]:
    """Yield a directory only we can read (0700), removed on the way out.

    SIGTERM and SIGHUP become an ordinary way out meanwhile, so that it is removed then too.
    """
    before = {number: signal.signal(number, leave) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        with locked() as directory:
            yield directory
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def leave(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


@contextmanager
def locked() -> Iterator[Path]:
    base = Path(tempfile.gettempdir())
    sweep(base)
    new = Path(tempfile.mkdtemp(prefix=UNLOCKED, dir=base))
    descriptor = os.open(new, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    directory = base / f"{PREFIX}{new.name.removeprefix(UNLOCKED)}"
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        new.rename(directory)
        yield directory
    finally:
        for path in (new, directory):
            shutil.rmtree(path, ignore_errors=True)
        os.close(descriptor)


def sweep(base: Path) -> None:
    """Remove what is left of those of us who were killed; never what somebody else made."""
    for path in base.glob(f"{PREFIX}*"):
        with suppress(OSError):
            remove_if_dead(path)


def remove_if_dead(path: Path) -> None:
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(path, flags)
    try:
        if os.fstat(descriptor).st_uid == os.geteuid():
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(path, ignore_errors=True)
    finally:
        os.close(descriptor)
