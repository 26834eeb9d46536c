"""A private directory for copies of the CIB: nobody else can look in, and nothing in it stays."""

from __future__ import annotations

import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType


@contextmanager
def scratch() -> Iterator[Path]:
    """Yield a directory only we can read (0700), removed on the way out.

    SIGTERM and SIGHUP become an ordinary way out meanwhile, so that it is removed then too.
    """
    before = {number: signal.signal(number, leave) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        with tempfile.TemporaryDirectory(prefix="hactl-") as name:
            yield Path(name)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def leave(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)
