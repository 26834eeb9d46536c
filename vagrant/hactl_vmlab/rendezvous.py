"""Finding a VM lab by name: it is its abstract socket, so there is no file that could be stale."""

from __future__ import annotations

import os
import socket

from hactl.lab import abstract_socket
from hactl.lab.names import NameInUse, NoLab

PREFIX = "hactl-vm-lab-"
# a machine has one lab, unless somebody wants another beside it
NAME = os.environ.get("HACTL_VM_NAME") or "lab"
WHAT = "the VM lab"


def claim(name: str) -> socket.socket:
    """The socket that is the lab ``name`` from now on. Raises NameInUse."""
    taken = NameInUse("a VM lab is running", "scripts/vm-lab down ends it")
    return abstract_socket.hold(PREFIX + name, taken)


def connect(name: str) -> socket.socket:
    """A connection to your running lab ``name``. Raises NoLab or NotYours."""
    connection = abstract_socket.dial(PREFIX + name)
    if connection is None:
        raise NoLab("no VM lab is running here", "scripts/vm-lab up starts one")
    return abstract_socket.only_mine(connection, WHAT)


def kill_holder(name: str, within: float = 30.0) -> None:
    """Kill the one process of a lab and wait until it is gone. Raises NoLab."""
    abstract_socket.kill_holder(connect(name), WHAT, within)
