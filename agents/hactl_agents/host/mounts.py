"""Mounts as /proc/PID/mountinfo shows them (proc(5)): which are of a device, what hides them.

Pure.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

SELF = "/proc/self/mountinfo"


class Mount:
    """One line of mountinfo. What is asked of few mounts is worked out when it is asked."""

    __slots__ = ("id", "number", "parent", "point", "rest", "root")

    def __init__(self, line: str) -> None:
        words = line.split(" ", 5)
        self.id = int(words[0])
        self.parent = int(words[1])
        self.number = words[2]
        self.root = unescaped(words[3])
        self.point = unescaped(words[4])
        self.rest = words[5]

    @property
    def type(self) -> str:
        return self.behind()[0]

    @property
    def source(self) -> str:
        return unescaped(self.behind()[1])

    @property
    def options(self) -> "list[str]":
        """Those of the mount, and those of the file system."""
        return [*self.rest.partition(" ")[0].split(","), *self.behind()[2].split(",")]

    def behind(self) -> "list[str]":
        """Type, source and the file system's options."""
        return [*self.rest.partition(" - ")[2].split(" "), "", "", ""][:3]

    def __str__(self) -> str:
        return f"{self.source} ({self.type}) on {self.point}"


def parse(mountinfo: str) -> "list[Mount]":
    return [Mount(line) for line in mountinfo.split("\n") if line.count(" ") > 5]


def hiding(mounts: "Sequence[Mount]", ours: Mount) -> "Mount | None":
    """A mount that lies over ours, or over a folder on the way to it."""
    by_id = {mount.id: mount for mount in mounts}
    chain, mount = [ours], ours
    while (above := by_id.get(mount.parent)) is not None and above not in chain:
        chain.append(above)
        mount = above
    deeper: dict[int, str] = {each.parent: each.point for each in chain}
    for other in mounts:
        below = deeper.get(other.parent, ours.point if other.parent == ours.id else "")
        if other not in chain and below and within(below, other.point):
            return other
    return None


def nested(mounts: "Sequence[Mount]", ours: Mount) -> "list[Mount]":
    """What is mounted on folders of it."""
    return [mount for mount in mounts if mount.parent == ours.id]


def lies_on(mounts: "Sequence[Mount]", path: str) -> "Mount | None":
    """The mount that a path of this namespace leads to."""
    found = None
    for mount in mounts:  # a later one lies over an earlier one
        if within(path, mount.point) and (found is None or len(mount.point) >= len(found.point)):
            found = mount
    return found


def within(path: str, folder: str) -> bool:
    """Whether a path is a folder, or lies in it."""
    return folder in ("/", path) or path.startswith(folder + "/")


def unescaped(text: str) -> str:
    """A field as the kernel meant it: ``\\040`` is a blank."""
    if "\\" not in text:
        return text
    head, *parts = text.split("\\")
    for part in parts:
        digits = part[:3]
        octal = len(digits) == 3 and all(digit in "01234567" for digit in digits)
        head += chr(int(digits, 8)) + part[3:] if octal else "\\" + part
    return head
