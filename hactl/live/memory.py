"""Keeps verdicts on this machine by their digest: a directory only its owner can read."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from hactl.errors import HactlError
from hactl.live.backup import replace_private

KEPT = 4096
LARGEST = 64 << 20  # bytes


def cache_dir(environment: Mapping[str, str]) -> Path:
    """Return where this user keeps what can be found out again."""
    base = environment.get("XDG_CACHE_HOME") or f"{environment.get('HOME', '/')}/.cache"
    return Path(base) / "hactl" / "verdicts"


@dataclass(frozen=True)
class Cache:
    """A file for each digest; one that cannot be written or read is as if it were not there."""

    directory: Path

    def get(self, key: str) -> str | None:
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            descriptor = os.open(self.directory / key, flags)
            with os.fdopen(descriptor, encoding="utf-8") as file:
                if os.fstat(descriptor).st_uid != os.geteuid():
                    return None
                return file.read(LARGEST)
        except (OSError, UnicodeDecodeError):
            return None

    def put(self, key: str, value: str) -> None:
        with suppress(OSError, HactlError):
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            replace_private(self.directory / key, value.encode())

    def forget_old(self) -> None:
        """Remove all but the newest few thousand."""
        with suppress(OSError):
            files = sorted(self.directory.iterdir(), key=lambda path: path.stat().st_mtime)
            for path in files[:-KEPT]:
                path.unlink(missing_ok=True)
