"""The layers of a node's file system: the host's files, the lab's over them, its own on top.

The host's files are never written: every change goes to a folder of the node's, in memory.
"""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

from hactl.lab import linux, places

# file systems that may hold a part of the host's files, each mounted somewhere below /
ON_DISK = ("bcachefs", "btrfs", "ext2", "ext3", "ext4", "f2fs", "overlay", "squashfs", "xfs", "zfs")
ON_NETWORK = ("9p", "nfs", "nfs4", "virtiofs")
# what a node has its own of, or has no use for
NOT_SHOWN = ("proc", "sys", "dev", "run", "tmp", "lost+found", "lab", "srv")
ETC = places.BASE / "etc"


def lay(node: str, root: Path, rootless: bool) -> None:
    """Mount the layers of ``node`` at ``root``."""
    root.mkdir(exist_ok=True)
    if rootless:
        lay_by_folder(node, root)
    else:
        overlay(node, "root", [places.IMAGE, Path("/")], root)
        for path in mirrors(Path("/proc/self/mountinfo").read_text()):
            mirror(node, Path(path), root)


def overlay(node: str, name: str, lower: list[Path], target: Path, options: str = "") -> None:
    upper, work = (places.folder(node) / kind / name for kind in ("upper", "work"))
    for folder in (upper, work, target):
        folder.mkdir(parents=True, exist_ok=True)
    layers = ":".join(str(path) for path in lower)
    data = f"lowerdir={layers},upperdir={upper},workdir={work}{options}"
    linux.mount("overlay", str(target), "overlay", data=data)


def mirrors(mountinfo: str) -> list[str]:
    """Folders that are file systems of their own on the host, such as a separate /home."""
    found = []
    for line in mountinfo.splitlines():
        left, _, right = line.partition(" - ")
        path = left.split()[4]
        top = path.split("/")[1]
        if path != "/" and right.split()[0] in ON_DISK + ON_NETWORK and top not in NOT_SHOWN:
            found.append(path)
    return found


def mirror(node: str, path: Path, root: Path) -> None:
    """Lay a file system of its own over its mount point; what cannot be layered is read-only."""
    if not path.is_dir():
        return
    target = root / path.relative_to("/")
    lower = [places.IMAGE / path.relative_to("/"), path]
    try:
        overlay(node, str(path).strip("/").replace("/", "-"), existing(lower), target)
    except OSError:
        linux.bind_read_only(str(path), str(target))


def lay_by_folder(node: str, root: Path) -> None:
    """As root of a user namespace only: / as a whole cannot be layered, its folders can."""
    linux.mount("tmpfs", str(root), "tmpfs", data="mode=755")
    for entry in sorted(Path("/").iterdir()):
        target = root / entry.name
        if entry.is_symlink():
            target.symlink_to(entry.readlink())
        elif entry.is_dir():
            target.mkdir()
            # the host root's home cannot even be read
            if entry.name not in (*NOT_SHOWN, "root"):
                lay_folder(node, entry, target)


def lay_folder(node: str, folder: Path, target: Path) -> None:
    source = ETC if folder == Path("/etc") else folder
    lower = existing([places.IMAGE / folder.name, source])
    try:
        overlay(node, folder.name, lower, target, ",userxattr")
    except OSError:  # something is mounted inside it
        with contextlib.suppress(OSError):
            linux.bind(str(folder), str(target), recursive=True)


def existing(folders: list[Path]) -> list[Path]:
    return [folder for folder in folders if folder.is_dir()]


def copy_of_etc() -> None:
    """/etc for a rootless lab: in containers single files are mounted inside it.

    What an ordinary user cannot read, a node does not get.
    """
    with contextlib.suppress(shutil.Error):
        shutil.copytree("/etc", ETC, symlinks=True, ignore_dangling_symlinks=True)
