"""A control group of its own for every node, so that two nodes' containers never meet.

Knows cgroup v1, v2 and the mix of both; knows nothing of what runs in a node.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from hactl.lab import linux

# LXC takes the control group of PID 1, less this ending, as the place for its containers;
# version 2 allows no processes beside sub-groups that have controllers.
LEAF = "init.scope"


@dataclass(frozen=True, slots=True)
class Hierarchy:
    """One mounted tree of control groups, and the group this process is in."""

    mountpoint: Path
    version: int
    options: str  # mount option naming it: memory, cpu,cpuacct, name=systemd; empty for version 2
    home: Path  # where groups of our own may be made

    @property
    def unified_alone(self) -> bool:
        return self.version == 2 and self.mountpoint == Path("/sys/fs/cgroup")


def hierarchies(mountinfo: str, memberships: str) -> tuple[Hierarchy, ...]:
    """The trees in ``/proc/self/mountinfo``, placed by ``/proc/self/cgroup``."""
    paths = {}
    for line in memberships.splitlines():
        _, controllers, path = line.split(":", 2)
        paths[controllers] = path
    found = {}
    for line in mountinfo.splitlines():
        left, _, right = line.partition(" - ")
        fields, kind = left.split(), right.split()
        if kind[0] in ("cgroup", "cgroup2"):
            tree = hierarchy(Path(fields[4]), fields[3], kind, paths)
            if tree is not None:
                found[tree.options] = tree  # a later mount covers an earlier one
    return tuple(found.values())


def hierarchy(
    mountpoint: Path, root: str, kind: list[str], paths: dict[str, str]
) -> Hierarchy | None:
    if kind[0] == "cgroup2":
        home = mountpoint if mountpoint == Path("/sys/fs/cgroup") else None
        return Hierarchy(mountpoint, 2, "", home or mountpoint / inside(paths.get("", "/"), root))
    for controllers, path in paths.items():
        names = controllers.split(",")
        if controllers and set(names) <= set(kind[-1].split(",")):
            return Hierarchy(mountpoint, 1, controllers, mountpoint / inside(path, root))
    return None


def inside(path: str, root: str) -> str:
    """A membership path relative to the root of the mount that shows it."""
    return path.removeprefix(root.rstrip("/")).lstrip("/")


def this_machine() -> tuple[Hierarchy, ...]:
    """The trees in which this process can make groups."""
    trees = hierarchies(
        Path("/proc/self/mountinfo").read_text(), Path("/proc/self/cgroup").read_text()
    )
    return tuple(tree for tree in trees if writable(tree.home))


def writable(folder: Path) -> bool:
    """Tried, not asked: a control group file system may be mounted read-only, or not be ours."""
    probe = folder / f"hactl-lab-probe-{id(folder):x}"
    try:
        probe.mkdir()
        probe.rmdir()
    except OSError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class Groups:
    """The control groups of one lab, one sub-tree for each node."""

    trees: tuple[Hierarchy, ...]
    label: str  # unique on this machine

    def lab_folders(self) -> list[Path]:
        return [tree.home / self.label for tree in self.trees]

    def node_folders(self, node: str) -> list[Path]:
        return [folder / node for folder in self.lab_folders()]

    def entrances(self, node: str) -> list[Path]:
        """Where a process must be put to be part of ``node``."""
        return [
            folder / LEAF if tree.version == 2 else folder
            for tree, folder in zip(self.trees, self.node_folders(node), strict=True)
        ]

    def make(self, node: str) -> None:
        """Empty groups for a node that boots."""
        self.remove_node(node)
        for tree, folder in zip(self.trees, self.node_folders(node), strict=True):
            folder.parent.mkdir(exist_ok=True)
            hand_down(tree, folder.parent)
            folder.mkdir(exist_ok=True)
            if tree.version == 1:
                hand_down(tree, folder)

    def join(self, node: str) -> None:
        """Put this process into the node; a cgroup namespace made now has the node as its root."""
        for folder in self.node_folders(node):
            (folder / "cgroup.procs").write_text("0")

    def settle(self, node: str) -> None:
        """Step down into the leaf, so that the node may give its sub-groups controllers."""
        for tree, folder in zip(self.trees, self.node_folders(node), strict=True):
            if tree.version == 2:
                (folder / LEAF).mkdir(exist_ok=True)
                (folder / LEAF / "cgroup.procs").write_text("0")
                hand_down(tree, folder)

    def remove_node(self, node: str) -> None:
        remove(self.node_folders(node))

    def remove(self) -> None:
        remove(self.lab_folders())


def hand_down(tree: Hierarchy, group: Path) -> None:
    """Give a new group what its parent has."""
    if tree.version == 2:
        controllers = (group / "cgroup.controllers").read_text().split()
        with contextlib.suppress(OSError):  # a controller may be threaded-only or busy
            (group / "cgroup.subtree_control").write_text(" ".join(f"+{c}" for c in controllers))
        return
    for name in ("cpuset.cpus", "cpuset.mems"):
        if (group / name).exists():
            (group / name).write_text((group.parent / name).read_text())
            (group / "cgroup.clone_children").write_text("1")


def remove(folders: Iterable[Path]) -> None:
    """Remove groups whose processes are gone, children first."""
    for folder in folders:
        for path, _, _ in os.walk(folder, topdown=False):
            with contextlib.suppress(OSError):
                Path(path).rmdir()


def mount_in_node(trees: Iterable[Hierarchy], target: Path) -> None:
    """Show a node its own sub-tree as the whole; it must be in a cgroup namespace of its own."""
    trees = tuple(trees)
    if any(tree.unified_alone for tree in trees):
        linux.mount("cgroup2", str(target), "cgroup2")
        return
    linux.mount("tmpfs", str(target), "tmpfs", data="mode=755,size=1m")
    for tree in trees:
        folder = target / tree.mountpoint.name
        folder.mkdir()
        kind = "cgroup2" if tree.version == 2 else "cgroup"
        linux.mount(kind, str(folder), kind, data=mount_options(tree))
        for name in tree.options.split(","):
            if "," in tree.options and not (target / name).exists():
                (target / name).symlink_to(folder.name)


def mount_options(tree: Hierarchy) -> str:
    named = tree.options.startswith("name=")
    return f"none,{tree.options}" if named else tree.options
