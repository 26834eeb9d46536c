"""Where the logs of a lab's nodes are, readable also while a node is off."""

from __future__ import annotations

from hactl.lab import places

LOGS = {
    "corosync": "var/log/corosync/corosync.log",
    "pacemaker": "var/log/pacemaker/pacemaker.log",
    "console": "var/log/console.log",
    "libvirt": "var/log/libvirt/libvirtd.log",
}
LAB = "lab"  # the log of the lab itself, in place of a node


def command(node: str, which: str, lines: int, follow: bool) -> list[str]:
    """What to run in ``client`` to read a log."""
    path = places.LOG if node == LAB else places.disk(node) / LOGS[which]
    return ["tail", "-n", str(lines), *(["-F"] if follow else []), str(path)]
