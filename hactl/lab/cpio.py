"""An initial ramdisk: a cpio archive in the "newc" format, as the kernel unpacks it. Pure."""

from __future__ import annotations

import stat
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Entry:
    """One file or folder. ``mode`` has the type bits of stat(2); a device has ``device``."""

    path: str
    mode: int
    data: bytes = b""
    device: tuple[int, int] = (0, 0)


def folder(path: str) -> Entry:
    return Entry(path, stat.S_IFDIR | 0o755)


def program(path: str, data: bytes) -> Entry:
    return Entry(path, stat.S_IFREG | 0o755, data)


def file(path: str, data: bytes) -> Entry:
    return Entry(path, stat.S_IFREG | 0o644, data)


def character_device(path: str, major: int, minor: int) -> Entry:
    return Entry(path, stat.S_IFCHR | 0o600, b"", (major, minor))


def archive(entries: Iterable[Entry]) -> bytes:
    """The archive (Documentation/driver-api/early-userspace/buffer-format.rst)."""
    pieces = [record(number, entry) for number, entry in enumerate(entries, 1)]
    pieces.append(record(0, Entry("TRAILER!!!", 0)))
    return b"".join(pieces)


def record(number: int, entry: Entry) -> bytes:
    name = entry.path.encode() + b"\0"
    fields = (
        *(number, entry.mode, 0, 0, 1, 0, len(entry.data), 0, 0),
        *(*entry.device, len(name), 0),
    )
    head = b"070701" + b"".join(b"%08X" % field for field in fields) + name
    return padded(head) + padded(entry.data)


def padded(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % 4)
