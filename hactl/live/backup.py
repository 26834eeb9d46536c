"""Keeps the CIB as it was before a commit, and the plan: files only root can read."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lxml import etree
from lxml.etree import _Element

from hactl.errors import HactlError
from hactl.result.record import Record

SYSTEM = Path("/var/lib/hactl")
KEPT = 20


def discard(record: Record) -> None:
    """Remove the record of a commit that was not made."""
    for path in (record.cib, record.plan):
        path.unlink(missing_ok=True)


def state_dir(environment: Mapping[str, str], root: bool) -> Path:
    """Return the directory for records: the system's for root, else one in the home."""
    if root:
        return SYSTEM
    base = environment.get("XDG_STATE_HOME") or f"{environment.get('HOME', '/')}/.local/state"
    return Path(base) / "hactl"


def save(directory: Path, before: _Element, plan: Mapping[str, Any], now: datetime) -> Record:
    """Write the CIB as it was, and the plan, under a name that says when.

    Raises HactlError where that is impossible: a commit that cannot be undone is not made.
    """
    stem = f"{now.astimezone(UTC):%Y%m%dT%H%M%S.%fZ}-epoch-{before.get('epoch', '0')}"
    record = Record(directory / f"{stem}.cib.xml", directory / f"{stem}.plan.json")
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        private(record.cib, etree.tostring(before))
        private(record.plan, json.dumps(plan, indent=2).encode())
        forget_old(directory)
    except OSError as problem:
        raise HactlError(
            f"{problem.filename or directory}: {(problem.strerror or str(problem)).lower()}, "
            "so there would be no way back"
        ) from None
    return record


def private(path: Path, data: bytes) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(path, flags, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def replace_private(path: Path, data: bytes) -> None:
    """Write a file only we can read, all or nothing.

    Raises HactlError where that is impossible.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        private(temporary, data)
        temporary.replace(path)
    except OSError as problem:
        with suppress(OSError):
            temporary.unlink()
        raise HactlError(f"{path}: {(problem.strerror or str(problem)).lower()}") from None


def forget_old(directory: Path) -> None:
    for pattern in ("*-epoch-*.cib.xml", "*-epoch-*.plan.json"):
        for path in sorted(directory.glob(pattern))[:-KEPT]:
            with suppress(FileNotFoundError):
                path.unlink()
