"""Processes outside the lab that talk to its machines: found by the files they use."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

PROC = Path("/proc")


def talking_through(folder: Path) -> list[int]:
    """Every ssh that was given a file of ``folder``; a kept connection names it in its title."""
    return [
        int(process.name)
        for process in PROC.glob("[0-9]*")
        if is_ssh(words := command_line(process)) and f"{folder}/" in words
    ]


def is_ssh(command: str) -> bool:
    """``ssh -F ...``, or ``ssh: /run/ssh-with-node1 [mux]``."""
    return Path(command.partition(" ")[0]).name.rstrip(":") == "ssh"


def command_line(process: Path) -> str:
    with contextlib.suppress(OSError):  # it has ended
        return (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    return ""


def end_family(process: int) -> None:
    """Kill a process and its children; one that has ended is no matter."""
    for each in (process, *children(process)):
        with contextlib.suppress(ProcessLookupError):
            os.kill(each, signal.SIGKILL)


def children(process: int) -> list[int]:
    found = []
    for path in PROC.glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            # PID (NAME) STATE PARENT ...; a name may have blanks and brackets of its own
            if path.read_text().rpartition(")")[2].split()[1] == str(process):
                found.append(int(path.parent.name))
    return found
