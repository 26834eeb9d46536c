"""A name that one process of this machine holds, as an abstract socket: it goes with the process.

Knows nothing of what the name is for; the callers bring the errors that suit it.
"""

from __future__ import annotations

import errno
import os
import pwd
import select
import signal
import socket
import struct

from hactl.errors import HactlError


class NotYours(HactlError):
    """Somebody else holds this name."""


def hold(name: str, taken: HactlError) -> socket.socket:
    """The socket that is the name from now on. Raises ``taken``."""
    listener = socket.socket(socket.AF_UNIX)
    try:
        listener.bind(f"\0{name}")
    except OSError as exc:
        listener.close()
        if exc.errno != errno.EADDRINUSE:
            raise
        raise taken from None
    return listener


def dial(name: str) -> socket.socket | None:
    """A connection to whoever holds the name, None where nobody does."""
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(f"\0{name}")
    except OSError:
        connection.close()
        return None
    return connection


def only_mine(connection: socket.socket, what: str) -> socket.socket:
    """The connection, if you started who is at the other end. Raises NotYours, and hangs up."""
    owner = peer(connection)[1]
    if owner != os.geteuid():
        connection.close()
        raise NotYours(f"{what} belongs to user {user_name(owner)}")
    return connection


def peer(connection: socket.socket) -> tuple[int, int]:
    """The process and user at the other end: whoever called listen(2)."""
    data = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
    pid, uid, _ = struct.unpack("3i", data)
    return pid, uid


def user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def kill_holder(connection: socket.socket, what: str, within: float) -> None:
    """Kill who is at the other end, and wait until it is gone; the connection is closed."""
    with connection:
        handle = os.pidfd_open(peer(connection)[0])
    try:
        signal.pidfd_send_signal(handle, signal.SIGKILL)
        if not select.select([handle], [], [], within)[0]:
            raise HactlError(f"{what} is still there {within:.0f} s after SIGKILL")
    finally:
        os.close(handle)
