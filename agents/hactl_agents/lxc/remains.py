"""What there may be of a container for which nobody listens any more: processes in its root folder,
and a monitor process that still cleans up after it.

The command socket closes before the hooks ``post-stop`` run (lxc_end in LXC's start.c): what they
unmount, unmap or give back is in use until the monitor process is gone.
"""

from hactl_agents.failures import Failed
from hactl_agents.host.mounts import SELF, lies_on, parse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from hactl_agents.host.host import Host

HOOKS = frozenset(
    ("pre-start", "pre-mount", "mount", "autodev", "start-host", "start", "stop", "post-stop")
)
SIGKILL_BIT = 1 << 8  # of a signal mask in /proc/PID/status
CONFIGURATION = "LXC_CONFIG_FILE="


class Place:
    """A folder as the kernel knows it, however it is spelled: a device's number, a path on it."""

    def __init__(self, number: str, path: str) -> None:
        self.number = number
        self.path = path.rstrip("/")

    def holds(self, other: "Place") -> bool:
        """Whether the other is it, or lies in it."""
        return self.number == other.number and f"{other.path}/".startswith(f"{self.path}/")

    def __str__(self) -> str:
        return f"{self.number} {self.path or '/'}"


def root_of(host: "Host", pid: "int | str") -> "Place | None":
    """The root folder of a process; None where it is gone."""
    from hactl_agents.host.namespaces import mountinfo

    found = None
    for mount in parse(mountinfo(host, pid)):
        if mount.point == "/":
            found = Place(mount.number, mount.root)
    return found


def place_of(host: "Host", path: str) -> "Place | None":
    """Where a path lies by its text; no link in it is followed, and the path is not touched."""
    mount = lies_on(parse(host.read(SELF) or ""), path)
    if mount is None:
        return None
    return Place(mount.number, mount.root.rstrip("/") + path[len(mount.point.rstrip("/")) :])


def in_other_namespaces(host: "Host") -> "Iterator[tuple[int, Place]]":
    """The processes that have a mount namespace of their own, and their root folders."""
    own = host.readlink("/proc/self/ns/mnt")
    roots: dict[str, Place] = {}
    for name in host.listdir("/proc"):
        namespace = host.readlink(f"/proc/{name}/ns/mnt") if name.isdigit() else None
        if namespace in (None, own):
            continue
        if namespace not in roots and (root := root_of(host, name)):
            roots[namespace] = root
        if namespace in roots:
            yield int(name), roots[namespace]


def hook(host: "Host", pid: int, command: str, name: str, config: str) -> str:
    """Which hook of the container a process is, '' if none.

    LXC runs ``HOOK NAME lxc TYPE``, with namespaces behind it for some types.
    """
    if "\0lxc\0" not in command:
        return ""
    words = command.split("\0")
    kind = words[words.index("lxc", 2) + 1] if "lxc" in words[2:-1] else ""
    if kind not in HOOKS or words[words.index("lxc", 2) - 1] != name:
        return ""
    for word in (host.read(f"/proc/{pid}/environ") or "").split("\0"):
        if word.startswith(CONFIGURATION) and word != CONFIGURATION + config:
            return ""  # of a container of the same name in another folder
    return kind


def is_condemned(host: "Host", pid: int) -> bool:
    """Whether a process was killed and hangs in the kernel: it will never do anything again."""
    try:
        text = host.read(f"/proc/{pid}/status") or ""
    except Failed:
        return False
    for line in text.split("\n"):
        if line.startswith(("SigPnd:", "ShdPnd:")) and int(line[7:], 16) & SIGKILL_BIT:
            return True
    return False
