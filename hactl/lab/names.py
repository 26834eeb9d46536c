"""Finding labs by name: a lab is its abstract socket, so there is no file that could be stale."""

from __future__ import annotations

import errno
import os
import pwd
import select
import signal
import socket
import struct
from pathlib import Path

from hactl.errors import HactlError, UsageError

PREFIX = "hactl-lab-"


class NameInUse(HactlError):
    """There is a lab of this name already."""


class NoLab(HactlError):
    """There is no such lab."""


class NotYours(HactlError):
    """Somebody else started this lab."""


def claim(name: str) -> socket.socket:
    """The socket that is the lab ``name`` from now on. Raises NameInUse."""
    listener = socket.socket(socket.AF_UNIX)
    try:
        listener.bind(f"\0{PREFIX}{name}")
    except OSError as exc:
        listener.close()
        if exc.errno != errno.EADDRINUSE:
            raise
        raise NameInUse(
            f"a lab {name!r} is running", f"hactl lab down --name {name}, or choose another --name"
        ) from None
    return listener


def connect(name: str) -> socket.socket:
    """A connection to your running lab ``name``. Raises NoLab or NotYours.

    Whoever has the socket could hand us any namespace to run commands in, so it must be ours.
    """
    connection = dial(name)
    owner = peer(connection)[1]
    if owner != os.geteuid():
        connection.close()
        raise NotYours(f"lab {name!r} belongs to user {user_name(owner)}")
    return connection


def dial(name: str) -> socket.socket:
    """A connection to whoever is called ``name``. Raises NoLab."""
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(f"\0{PREFIX}{name}")
    except OSError:
        connection.close()
        others = here()
        hint = f"running: {', '.join(others)}" if others else "hactl lab up starts one"
        raise NoLab(f"no lab {name!r} is running here", hint) from None
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


def peer(connection: socket.socket) -> tuple[int, int]:
    """The process and user at the other end; for a lab, whoever called listen(2)."""
    data = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
    pid, uid, _ = struct.unpack("3i", data)
    return pid, uid


def user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def slay(name: str, within: float = 30.0) -> None:
    """Kill the one process of a lab, root anybody's, and wait until it is gone. Raises NoLab."""
    with dial(name) as connection:
        pid, uid = peer(connection)
        if os.geteuid() not in (0, uid):
            raise NotYours(f"lab {name!r} belongs to user {user_name(uid)}")
        handle = os.pidfd_open(pid)
    try:
        signal.pidfd_send_signal(handle, signal.SIGKILL)
        if not select.select([handle], [], [], within)[0]:
            raise HactlError(f"lab {name!r} is still there {within:.0f} s after SIGKILL")
    finally:
        os.close(handle)
