"""Writes what a command makes: to standard output, or to a file all or nothing."""

from __future__ import annotations

import os
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

from hactl.errors import HactlError


def emit(data: bytes) -> None:
    """Write to standard output, to the last byte.

    Raises HactlError if that is not possible, as on a full disk; a closed pipe is not our error.
    """
    if sys.stdout is None:
        raise HactlError("standard output is closed")
    try:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        raise
    except OSError as exc:
        discard_the_rest()
        raise HactlError(f"standard output cannot be written: {reason(exc)}") from None


def discard_the_rest() -> None:
    """Let what is still buffered go nowhere, or Python would try and fail once more at exit."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def write(path: str, data: bytes) -> None:
    """Replace a file; a link is replaced where it points to, and the mode of the file is kept.

    Raises HactlError if the file cannot be written; then nothing has changed.
    """
    target = Path(path).resolve()
    try:
        if target.exists() and not target.is_file():
            # /dev/stdout, a pipe: nothing to replace.
            target.write_bytes(data)
            return
        replace(target, data)
    except OSError as exc:
        raise HactlError(f"{path or repr(path)} cannot be written: {reason(exc)}") from None


def reason(exc: OSError) -> str:
    return (exc.strerror or str(exc)).lower()


def replace(target: Path, data: bytes) -> None:
    descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fchmod(descriptor, mode_of(target))
            os.fsync(descriptor)
        Path(name).replace(target)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise


def mode_of(target: Path) -> int:
    if target.exists():
        return target.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
