"""Paths, devices and folders that an operator named: what they lie on may hang for ever.

Nobody touches one in a process that has to answer: each is looked at by a child with a deadline,
that holds nothing of ours. Files of the node itself (/proc, /sys, /run) are in files.py.
"""

import _stat

from hactl_agents.host.child import Abandoned

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from hactl_agents.host.host import Host

STAT = "tuple[int, int, int, str]"


class Facts:
    """What stat(2) says of a path, links followed.

    ``identity`` is a block device's MAJOR:MINOR, anything else's DEVICE/INODE. Sizes in bytes.
    """

    def __init__(self, mode: int, size: int, block_size: int, identity: str) -> None:
        self.mode = mode
        self.size = size
        self.block_size = block_size
        self.identity = identity

    @property
    def is_block(self) -> bool:
        return _stat.S_ISBLK(self.mode)

    @property
    def is_file(self) -> bool:
        return _stat.S_ISREG(self.mode)

    @property
    def is_folder(self) -> bool:
        return _stat.S_ISDIR(self.mode)


class Paths:
    """Looking at them. Every method raises Failed, and Abandoned where there is no answer."""

    def __init__(self, host: "Host") -> None:
        self.host = host

    def facts(self, path: str, within: "float | None" = None) -> "Facts | None":
        """None where there is nothing."""
        found = self.host.read_in_child(f"looking at {path}", self.host.facts, path, within=within)
        return Facts(*found) if found else None

    def facts_of(
        self, paths: "Iterable[str]", within: "float | None" = None
    ) -> "dict[str, Facts | None]":
        """The same of many, by one child."""
        wanted = list(dict.fromkeys(paths))
        if not wanted:
            return {}
        step = f"looking at {wanted[0]}" + (f" and {len(wanted) - 1} more" if wanted[1:] else "")
        found = self.host.read_in_child(step, self.look_at, wanted, within=within)
        return {
            path: Facts(*each) if each else None for path, each in zip(wanted, found, strict=True)
        }

    def those_that_answer(self, paths: "Iterable[str]", within: float) -> "dict[str, Facts | None]":
        """The same without those that do not answer, or say nothing but an error.

        ``within``: seconds for each that hangs.
        """
        wanted, known = list(dict.fromkeys(paths)), {}
        while wanted:
            try:
                found = self.host.read_in_child(
                    "looking at what others use", self.try_each, wanted, within=within
                )
            except Abandoned as exc:
                found = [*exc.so_far, None]
                if len(exc.so_far) < len(wanted):
                    self.host.log(f"{wanted[len(exc.so_far)]} does not answer")
            for path, each in zip(wanted, found, strict=False):
                if each is not None:
                    known[path] = Facts(*each) if each else None
            wanted = wanted[len(found) :]
        return known

    def answer(self, paths: "Iterable[str]", within: "float | None" = None) -> None:
        """Whether those who will open files and devices get an answer, be it an error.

        Raises Abandoned, naming the one that hangs.
        """
        wanted = list(dict.fromkeys(paths))
        try:
            if wanted:
                self.host.read_in_child(
                    "reading what is about to be used", self.open_each, wanted, within=within
                )
        except Abandoned as exc:
            which = wanted[min(len(exc.so_far), len(wanted) - 1)]
            raise Abandoned(f"{which} does not answer ({exc})", exc.pid, exc.so_far) from None

    def read(self, path: str, within: "float | None" = None) -> "str | None":
        """The text of a file, None where there is none."""
        text: str | None = self.host.read_in_child(
            f"reading {path}", self.host.read, path, within=within
        )
        return text

    def secret(self, path: str) -> str:
        """The text of a file that is root's alone; no link is followed."""
        text: str = self.host.read_in_child(f"reading {path}", self.host.read_secret, path)
        return text

    def names(self, path: str) -> "list[str]":
        """What is in a folder, sorted; empty where there is no such folder."""
        names: list[str] = self.host.read_in_child(f"looking into {path}", self.host.listdir, path)
        return names

    def exists(self, path: str) -> bool:
        return self.facts(path) is not None

    def link(self, path: str) -> "str | None":
        """Where a symbolic link leads to; None where there is none."""
        to: str | None = self.host.read_in_child(f"looking at {path}", self.host.readlink, path)
        return to

    def resolved(self, path: str) -> str:
        """The path without any symbolic link in it, as far as it is there."""
        found: str = self.host.read_in_child(f"resolving {path}", self.host.realpath, path)
        return found

    def is_claimed(self, path: str) -> bool:
        """Whether somebody has a block device for itself: a mount, a volume group, a guest."""
        claimed: bool = self.host.read_in_child(f"opening {path}", self.host.is_claimed, path)
        return claimed

    def has_direct_io(self, path: str) -> bool:
        """Whether a file can be read past the page cache (open(2), O_DIRECT)."""
        direct: bool = self.host.read_in_child(f"opening {path}", self.host.has_direct_io, path)
        return direct

    # in the child

    def look_at(self, paths: "list[str]") -> "list[tuple[int, int, int, str] | None]":
        return [self.host.facts(path) for path in paths]

    def open_each(self, paths: "list[str]") -> "Iterator[str]":
        for path in paths:
            self.host.read_a_bit(path)
            yield path

    def try_each(self, paths: "list[str]") -> "Iterator[tuple[int, int, int, str] | tuple[()]]":
        from hactl_agents.failures import Failed

        for path in paths:
            try:
                yield self.host.facts(path) or ()
            except Failed:
                yield ()
