"""File systems mounted where they cannot be: on every node at once, or over the system."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from hactl.derive.storage import foundations
from hactl.errors import Problem
from hactl.lint.subject import Subject
from hactl.model.graph import cycles
from hactl.topology.load import Topology
from hactl.topology.schema.document import Document
from hactl.topology.schema.raw import RawGroup, RawPrimitive, raw_members
from hactl.topology.schema.storage import Directory

# One machine's file systems: two that mount one destroy it, whoever writes.
ONE_MACHINES = frozenset(
    "ext2 ext3 ext4 xfs btrfs vfat exfat f2fs jfs reiserfs reiser4 nilfs2 bcachefs ntfs ntfs3 zfs"  # noqa: SIM905
    " hfsplus udf minix".split()
)
# What is in them is on this node, and goes with it.
NODES_OWN = frozenset({"tmpfs", "ramfs", "overlay", "overlayfs", "hugetlbfs", "devtmpfs"})
SYSTEM = frozenset(
    "/bin /boot /dev /etc /lib /lib64 /proc /root /run /sbin /sys /tmp /usr /var /var/lib /var/log"  # noqa: SIM905
    " /var/run /var/tmp /usr/lib /usr/bin /usr/sbin /var/lib/pacemaker /var/lib/corosync"
    " /etc/corosync /etc/pacemaker /run/hactl /usr/lib/hactl".split()
)
FILESYSTEM = "ocf:heartbeat:Filesystem"


def mounts(subject: Subject) -> Iterator[Problem]:
    """Every mount is of a file system that may be there, and covers nothing the node needs."""
    topology = subject.topology
    for name, entry in topology.document.storage.items():
        if isinstance(entry, Directory) and entry.device:
            yield from on_every_node(topology, ("storage", name), entry)
        if entry.is_mounted:
            yield from over_the_system(topology, ("storage", name, "path"), entry.root)
    yield from raw_mounts(topology)
    yield from circles(topology)


def on_every_node(topology: Topology, path: tuple[str, str], entry: Directory) -> Iterator[Problem]:
    options = (entry.options or "").split(",")
    untold = entry.fstype is None and "bind" not in options
    if entry.fstype in ONE_MACHINES and "ro" not in options:
        yield topology.problem(
            (*path, "fstype"),
            f"{entry.fstype} is for one machine at a time, and this mounts it on every node: "
            "it would be destroyed",
            "use kind: gfs2, a network file system, or a volume of kind lvm with mode: exclusive",
        )
    elif entry.fstype in NODES_OWN:
        yield topology.problem(
            (*path, "fstype"),
            f"{entry.fstype} is each node's own: no other node sees what one writes there",
            "use a network file system, or kind: gfs2",
        )
    elif untold and (entry.device or "").startswith("/dev/"):
        yield topology.warning(
            path,
            f"{entry.device} is mounted on every node, and its fstype is not said",
            "write fstype:; only a cluster file system survives that (kind: gfs2)",
        )


def over_the_system(
    topology: Topology, path: tuple[str | int, ...], place: str
) -> Iterator[Problem]:
    if place in SYSTEM:
        yield topology.problem(
            path,
            f"a mount on {place} hides what the node itself needs there",
            "mount it elsewhere, like /srv/vms",
        )


def raw_mounts(topology: Topology) -> Iterator[Problem]:
    """Say the same of mounts in Pacemaker's own words."""
    for index, item in enumerate(topology.document.raw):
        everywhere = isinstance(item, RawPrimitive | RawGroup) and item.clone
        for place, member in raw_members(item):
            if member.agent != FILESYSTEM:
                continue
            path = ("raw", index, *place, "params")
            yield from over_the_system(
                topology, (*path, "directory"), member.params.get("directory", "").rstrip("/")
            )
            if everywhere and is_one_machines(member.params):
                yield topology.problem(
                    (*path, "fstype"),
                    f"{member.params['fstype']} is for one machine at a time, and the clone mounts "
                    "it on every node: it would be destroyed",
                    "remove clone: true, or use a cluster file system",
                )


def is_one_machines(params: Mapping[str, str]) -> bool:
    return params.get("fstype") in ONE_MACHINES and "ro" not in params.get("options", "").split(",")


def stands_on_itself(document: Document, name: str) -> bool:
    entry = document.storage[name]
    return any(each == name or f"{each}/".startswith(entry.inside) for _, each in entry.lies_on)


def circles(topology: Topology) -> Iterator[Problem]:
    """Storage does not lie on itself, directly or by a detour."""
    document = topology.document
    edges = [(name, below) for name in document.storage for below in foundations(document, name)]
    edges += [(name, name) for name in document.storage if stands_on_itself(document, name)]
    for circle in cycles(edges):
        yield topology.problem(
            ("storage", circle[0]),
            f"lies on itself: {' → '.join(circle)}",
            "name the device or the storage that is really below it",
        )
