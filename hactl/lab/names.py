"""Finding labs by name: a lab is its abstract socket, so there is no file that could be stale."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from hactl.errors import HactlError, UsageError
from hactl.lab import abstract_socket

PREFIX = "hactl-lab-"


class NameInUse(HactlError):
    """There is a lab of this name already."""


class NoLab(HactlError):
    """There is no such lab."""


def claim(name: str) -> socket.socket:
    """The socket that is the lab ``name`` from now on. Raises NameInUse."""
    hint = f"hactl lab down --name {name}, or choose another --name"
    return abstract_socket.hold(PREFIX + name, NameInUse(f"a lab {name!r} is running", hint))


def connect(name: str) -> socket.socket:
    """A connection to your running lab ``name``. Raises NoLab or NotYours.

    Whoever has the socket could hand us any namespace to run commands in, so it must be ours.
    """
    return abstract_socket.only_mine(dial(name), f"lab {name!r}")


def dial(name: str) -> socket.socket:
    """A connection to whoever is called ``name``. Raises NoLab."""
    connection = abstract_socket.dial(PREFIX + name)
    if connection is None:
        others = here()
        hint = f"running: {', '.join(others)}" if others else "hactl lab up starts one"
        raise NoLab(f"no lab {name!r} is running here", hint)
    return connection


def running(proc_net_unix: str) -> list[str]:
    """The names of the labs in this network namespace, from the text of /proc/net/unix."""
    marker = f"@{PREFIX}"
    found = set()
    for line in proc_net_unix.splitlines():
        fields = line.split()
        listens = len(fields) == 8 and fields[3] == "00010000"  # __SO_ACCEPTCON
        if listens and fields[7].startswith(marker):
            found.add(fields[7].removeprefix(marker))
    return sorted(found)


def choose(name: str | None, labs: list[str]) -> str:
    """The lab that is meant: ``name``, or the only one of ``labs``. Raises NoLab, UsageError."""
    if name is not None:
        return name
    if not labs:
        raise NoLab("no lab is running", "hactl lab up starts one")
    if len(labs) > 1:
        raise UsageError(f"which lab? running: {', '.join(labs)}", "say --name")
    return labs[0]


def here() -> list[str]:
    """The labs that run here."""
    return running(Path("/proc/net/unix").read_text())


def mine() -> list[str]:
    """Those of them that you started."""
    return [name for name in here() if owned(name)]


def owned(name: str) -> bool:
    try:
        connect(name).close()
    except HactlError:
        return False
    return True


def kill_holder(name: str, within: float = 30.0) -> None:
    """Kill the one process of a lab, root anybody's, and wait until it is gone. Raises NoLab."""
    what = f"lab {name!r}"
    connection = dial(name) if os.geteuid() == 0 else connect(name)
    abstract_socket.kill_holder(connection, what, within)
