"""Writes a file all or nothing: whoever reads it sees the old content or the new."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from hactl.errors import HactlError


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
        raise HactlError(
            f"{path} cannot be written: {(exc.strerror or str(exc)).lower()}"
        ) from None


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
