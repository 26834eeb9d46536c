"""What cibsecret(8) keeps out of the CIB: reads its files, and only those."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

from hactl.errors import ClusterError
from hactl.fencing.question import Question

ELSEWHERE = "lrm://"  # what stands in the CIB instead
FOLDER_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
MOST = 64 << 10  # bytes


def with_secrets(question: Question, folder: Path) -> str:
    """Return the lines of a question, each secret in its place. Raises ClusterError."""
    lines = []
    for line in question.lines.split("\n"):
        name, _, value = line.partition("=")
        lines.append(
            f"{name}={secret(folder, question.device, name)}" if value == ELSEWHERE else line
        )
    return "\n".join(lines)


def secret(folder: Path, device: str, name: str) -> str:
    """Return one secret. Raises ClusterError."""
    if not FOLDER_NAME.fullmatch(device):
        raise ClusterError(f"{device!r} has no folder of secrets")
    try:
        value = read(folder / device / name)
    except (OSError, UnicodeDecodeError) as problem:
        why = getattr(problem, "strerror", None) or "it is not text"
        raise ClusterError(f"its secret {name} cannot be read: {why}") from None
    if value.splitlines() not in ([], [value]):
        raise ClusterError(f"its secret {name} has a line break in it")
    return value


def read(path: Path) -> str:
    """Return the text of a regular file, without the white space around it. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(0, "it is not a regular file")
        return file.read(MOST).decode().strip()
