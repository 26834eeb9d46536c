"""Cluster -> the configuration of SBD, /etc/default/sbd (elsewhere /etc/sysconfig/sbd)."""

from __future__ import annotations

from hactl.errors import HactlError
from hactl.model.cluster import Cluster


def render(cluster: Cluster) -> str:
    """Return the text of SBD's file, the same for every node; sbd(8) explains its words.

    Raises HactlError where the topology has no watchdog.
    """
    dog = cluster.watchdog
    if dog is None:
        raise HactlError("there is no SBD in this topology", "add fencing: {watchdog: {}}")
    values = {
        "SBD_DEVICE": ";".join(dog.disks),
        "SBD_PACEMAKER": "yes",
        "SBD_STARTMODE": "always",
        "SBD_DELAY_START": "no",
        "SBD_WATCHDOG_DEV": dog.device,
        "SBD_WATCHDOG_TIMEOUT": str(-(-dog.timeout // 1000)),
        "SBD_TIMEOUT_ACTION": "flush,reboot",
    }
    lines = [f'{name}="{value}"' for name, value in values.items() if value]
    head = "# The same on every node. The disks were made with: " if dog.disks else ""
    make = f"{head}{initialised(cluster)}\n" if head else ""
    return make + "\n".join(lines) + "\n"


def initialised(cluster: Cluster) -> str:
    """Return the command that makes the disks, with the times that go together."""
    dog = cluster.watchdog
    assert dog is not None
    disks = " ".join(f"-d {disk}" for disk in dog.disks)
    return f"sbd {disks} -1 {dog.timeout // 1000} -4 {dog.msgwait // 1000} create"
