"""Finding a VM lab by name: it is its abstract socket, so there is no file that could be stale."""

from __future__ import annotations

import errno
import os
import select
import signal
import socket

from hactl.errors import HactlError
from hactl.lab.names import NameInUse, NoLab, NotYours, peer, user_name

PREFIX = "hactl-vm-lab-"
NAME = "lab"


def claim(name: str) -> socket.socket:
    """The socket that is the lab ``name`` from now on. Raises NameInUse."""
    listener = socket.socket(socket.AF_UNIX)
    try:
        listener.bind(f"\0{PREFIX}{name}")
    except OSError as exc:
        listener.close()
        if exc.errno != errno.EADDRINUSE:
            raise
        raise NameInUse("a VM lab is running", "scripts/vm-lab down ends it") from None
    return listener


def connect(name: str) -> socket.socket:
    """A connection to your running lab ``name``. Raises NoLab or NotYours."""
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(f"\0{PREFIX}{name}")
    except OSError:
        connection.close()
        raise NoLab("no VM lab is running here", "scripts/vm-lab up starts one") from None
    owner = peer(connection)[1]
    if owner != os.geteuid():
        connection.close()
        raise NotYours(f"the VM lab belongs to user {user_name(owner)}")
    return connection


def slay(name: str, within: float = 30.0) -> None:
    """Kill the one process of a lab and wait until it is gone. Raises NoLab."""
    with connect(name) as connection:
        handle = os.pidfd_open(peer(connection)[0])
    try:
        signal.pidfd_send_signal(handle, signal.SIGKILL)
        if not select.select([handle], [], [], within)[0]:
            raise HactlError(f"the VM lab is still there {within:.0f} s after SIGKILL")
    finally:
        os.close(handle)
