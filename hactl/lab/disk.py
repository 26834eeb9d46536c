"""The folders that are a node's own and survive a power cycle, as its disk would.

They start out as on a freshly installed node; nothing of the host's is copied.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from hactl.lab import places

CLUSTER = "hacluster:haclient"
# path, mode, owner
PRIVATE = (
    ("/etc/corosync", 0o755, ""),
    ("/etc/corosync/uidgid.d", 0o755, ""),
    ("/etc/hactl", 0o755, ""),
    ("/etc/libvirt", 0o755, ""),
    ("/etc/lxc", 0o755, ""),
    ("/etc/openvswitch", 0o755, ""),
    ("/etc/pacemaker", 0o755, ""),
    ("/srv", 0o755, ""),
    ("/srv/vms", 0o755, ""),
    ("/var/cache/libvirt", 0o755, ""),
    ("/var/cache/lxc", 0o700, ""),
    ("/var/lib/corosync", 0o755, ""),
    ("/var/lib/hactl", 0o700, ""),
    ("/var/lib/libvirt", 0o755, ""),
    ("/var/lib/lxc", 0o755, ""),
    ("/var/lib/openvswitch", 0o755, ""),
    ("/var/lib/pacemaker", 0o755, CLUSTER),
    ("/var/lib/pacemaker/blackbox", 0o750, CLUSTER),
    ("/var/lib/pacemaker/cib", 0o750, CLUSTER),
    ("/var/lib/pacemaker/cores", 0o750, CLUSTER),
    ("/var/lib/pacemaker/pengine", 0o750, CLUSTER),
    ("/var/lib/pcsd", 0o700, ""),
    ("/var/log", 0o755, ""),
    ("/var/log/corosync", 0o755, ""),
    ("/var/log/crmsh", 0o775, CLUSTER),
    ("/var/log/libvirt", 0o755, ""),
    ("/var/log/lxc", 0o755, ""),
    ("/var/log/openvswitch", 0o755, ""),
    ("/var/log/pacemaker", 0o770, CLUSTER),
    ("/var/log/pcsd", 0o700, ""),
)


def make(node: str) -> None:
    """The empty folders of a new node."""
    for path, mode, owner in PRIVATE:
        folder = places.disk(node) / path.lstrip("/")
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(mode)
        give(folder, owner)


def roots() -> list[str]:
    """The folders that lie in none of the others."""
    paths = [path for path, _, _ in PRIVATE]
    return [path for path in paths if not any(path.startswith(other + "/") for other in paths)]


def give(path: Path, owner: str) -> None:
    """Change the owner, "user:group"; empty: leave it."""
    if owner:
        user, group = owner.split(":")
        shutil.chown(path, user, group)
