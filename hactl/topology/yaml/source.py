"""The bytes of a topology file -> text, or why they are not to be used."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

from hactl.errors import Problem, Severity, TopologyError

MAX_BYTES = 8 * 1024 * 1024

UTF16 = (b"\xff\xfe", b"\xfe\xff")
STDIN = "-"


def read_text(path: str) -> tuple[str, list[Problem]]:
    """Return the text of the file (``-``: standard input), and warnings about the file itself.

    Raises TopologyError for a file that cannot be read or must not be trusted.
    """
    if path == STDIN:
        if sys.stdin is None:
            raise refusal(path, "is closed", "name a file")
        return decoded(path, sys.stdin.buffer.read(MAX_BYTES + 1)), []
    try:
        # Non-blocking, so that a FIFO is told apart from a file instead of waited for.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as exc:
        raise refusal(path, f"cannot be read: {reason(exc)}", "check the name") from None
    try:
        before = os.fstat(descriptor)
        warnings = distrust(path, before, os.geteuid())
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            data = file.read(MAX_BYTES + 1)
        if changed(before, os.fstat(descriptor)):
            raise refusal(path, "changed while it was being read", "run the command again")
    except OSError as exc:
        raise refusal(path, f"cannot be read: {reason(exc)}", "check the file") from None
    finally:
        os.close(descriptor)
    return decoded(path, data), warnings


def read_bytes(path: str) -> bytes:
    """Return the content of a file that the topology points to, or enough to see it is too large.

    Raises OSError.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        return file.read(MAX_BYTES + 1)


def distrust(path: str, status: os.stat_result, euid: int) -> list[Problem]:
    """Refuse what is not a file or, as root, what anybody could have written.

    The topology decides what root runs on every node, so a file that everybody may write is an
    error for root and a warning for others.
    """
    if stat.S_ISDIR(status.st_mode):
        raise refusal(path, "is a directory", "name the file in it")
    if not stat.S_ISREG(status.st_mode):
        raise refusal(path, "is not a regular file", "write the topology to a file, or use -")
    if not status.st_mode & stat.S_IWOTH:
        return []
    message, hint = "everybody on this machine may write it", f"chmod o-w {path}"
    if euid == 0:
        raise refusal(path, message, hint)
    return [Problem(display(path), 0, "", message, hint, Severity.WARNING)]


def changed(before: os.stat_result, after: os.stat_result) -> bool:
    return (before.st_mtime_ns, before.st_size) != (after.st_mtime_ns, after.st_size)


def decoded(name: str, data: bytes) -> str:
    """Return UTF-8 ``data`` as text, without a byte order mark.

    Raises TopologyError for a file that is too large or is not UTF-8 text.
    """
    if len(data) > MAX_BYTES:
        limit = MAX_BYTES // 1024 // 1024
        raise refusal(name, f"is larger than {limit} MiB", "split the cluster")
    if data.startswith(UTF16):
        raise refusal(name, "is UTF-16 text", "save it as UTF-8")
    if b"\0" in data:
        line = data.count(b"\n", 0, data.index(b"\0")) + 1
        raise refusal(name, "is a binary file: it contains NUL", "name a YAML file", line)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        line = data.count(b"\n", 0, exc.start) + 1
        message = f"is not UTF-8 text (byte 0x{data[exc.start]:02x})"
        raise refusal(name, message, "save it as UTF-8", line) from None


def refusal(path: str, message: str, hint: str, line: int = 0) -> TopologyError:
    return TopologyError([Problem(display(path), line, "", message, hint)])


def reason(exc: OSError) -> str:
    return (exc.strerror or str(exc)).lower()


def display(path: str) -> str:
    """Return how a file is called in messages: in one line, whatever its name contains."""
    if path == STDIN:
        return "<stdin>"
    return str(Path(path)) if path and path.isprintable() else ascii(path)
