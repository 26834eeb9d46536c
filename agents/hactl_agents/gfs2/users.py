"""Who uses a file system on this node: found in the kernel's tables by the device's number.

Paths prove nothing (other mount namespaces, deleted files, detached mounts), and the file system
itself is not asked where that can be helped: it may hang. Kills nobody.
"""

from hactl_agents.failures import Failed
from hactl_agents.gfs2.sockets import Sockets
from hactl_agents.host.mounts import SELF, lies_on, nested, parse
from hactl_agents.host.users import kernel_paths

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from hactl_agents.host.host import Host
    from hactl_agents.host.mounts import Mount
    from hactl_agents.host.storage import Storage

SCAN = 10.0  # seconds for all of /proc
COPY = "a copy of the mount in its namespace"


class User:
    """A process that uses the file system. ``how`` says by what: fd 5, cwd, a mapped file."""

    def __init__(self, pid: int, started: int, name: str, how: str) -> None:
        self.pid = pid
        self.started = started
        self.name = name
        self.how = how

    def __str__(self) -> str:
        return f"process {self.pid} ({self.name}, {self.how})"


class Users:
    """All that keeps a file system from being unmounted."""

    def __init__(self) -> None:
        self.processes: list[User] = []
        self.others: list[str] = []  # mounts on it, loop devices, swap, targets

    def __bool__(self) -> bool:
        return bool(self.processes or self.others)

    def __str__(self) -> str:
        named = [*self.others, *(str(user) for user in self.processes)]
        more = f" and {len(named) - 6} more" if len(named) > 6 else ""
        return ", ".join(named[:6]) + more


def find(host: "Host", number: str, directory: str) -> Users:
    """Everybody who uses the file system on the device with that number."""
    from hactl_agents.host.child import Abandoned

    users = Users()
    users.others = others(host, number, directory) + copies_kept(host, number)
    try:
        found = host.read_in_child("looking for processes", scan, host, number, within=SCAN)
    except Abandoned as exc:  # somebody's memory map cannot be read while he hangs
        host.log(str(exc))
        found = exc.so_far
    users.processes = [User(*each) for each in found]
    return users


# what is not a process


def others(host: "Host", number: str, directory: str) -> "list[str]":
    """Mounts, loop devices, swap and exports that lie on it."""
    mounts = parse(host.read(SELF) or "")
    found = []
    for mount in mounts:
        if mount.number == number:
            if mount.point != directory:
                found.append(f"a mount of it on {mount.point}")
            found += [str(child) for child in nested(mounts, mount)]
    for what, path in kernel_paths(host):
        owner = lies_on(mounts, path) if path.startswith("/") else None
        if owner is not None and owner.number == number:
            found.append(f"{what} {path}")
    return found


def copies_kept(host: "Host", number: str) -> "list[str]":
    """Mounts of it in namespaces that no process is in, such as those that snapd keeps."""
    step = "looking into namespaces that nobody is in"
    try:
        found: list[str] = host.read_in_child(step, scan_kept, host, number, within=SCAN)
    except Failed as exc:
        host.log(str(exc))
        return []
    return found


def scan_kept(host: "Host", number: str) -> "Iterator[str]":
    for place, text in host.storage().kept_mountinfo():
        for mount in parse(text):
            if mount.number == number:
                yield f"a mount of it on {mount.point} in the namespace {place}"


# processes


def scan(host: "Host", number: str) -> "Iterator[tuple[int, int, str, str]]":
    """What makes a User, for each process that uses it; whoever cannot be looked at is left out."""
    storage, ids = host.storage(), Ids(number)
    copies, sockets = Copies(host, ids), Sockets(host, number)
    for name in host.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            copy = copies.first_in(name)
            sockets.learn(name)
            how = uses(host, storage, ids, sockets, name) or (COPY if copy else "")
            started = host.started(int(name)) if how else None
        except Failed:
            continue
        if started is not None:
            yield int(name), started, comm(host, name), how


class Copies:
    """The mount namespaces of this node that have a mount of the device, other than ours."""

    def __init__(self, host: "Host", ids: "Ids") -> None:
        self.host = host
        self.ids = ids
        self.own = host.readlink("/proc/self/ns/mnt")
        self.seen: set[str | None] = set()

    def first_in(self, pid: str) -> bool:
        """Whether this process is the first that is seen in such a namespace."""
        namespace = self.host.readlink(f"/proc/{pid}/ns/mnt")
        if namespace in self.seen:
            return False
        self.seen.add(namespace)
        found = self.ids.learn(self.host.read(f"/proc/{pid}/mountinfo") or "")
        return bool(found) and namespace != self.own


class Ids:
    """Which mounts there are on this node, and which of them are of the device."""

    def __init__(self, number: str) -> None:
        self.number = number
        self.ours: set[int] = set()
        self.known: set[int] = set()

    def learn(self, mountinfo: str) -> "list[Mount]":
        """Take in a namespace; its mounts of the device."""
        mounts = parse(mountinfo)
        found = [mount for mount in mounts if mount.number == self.number]
        self.known |= {mount.id for mount in mounts}
        self.ours |= {mount.id for mount in found}
        return found


def uses(host: "Host", storage: "Storage", ids: Ids, sockets: Sockets, pid: str) -> str:
    """By what a process uses it, '' if it does not."""
    from hactl_agents.host.storage import mount_id

    folder = f"/proc/{pid}"
    for name in ("cwd", "root", "exe"):
        link = f"{folder}/{name}"
        if is_on(storage, ids, storage.mount_of(link), link):
            return name
    for name in host.listdir(f"{folder}/fd"):
        link = f"{folder}/fd/{name}"
        target = host.readlink(link) or ""
        if sockets.holds(target):
            return f"fd {name}, a socket"
        if not target.startswith("/"):
            continue  # a pipe, or a socket that has no name here
        if is_on(storage, ids, mount_id(host.read(f"{folder}/fdinfo/{name}") or ""), link):
            return f"fd {name}"
    return "a mapped file" if ids.number in mapped(host.read(f"{folder}/maps") or "") else ""


def is_on(storage: "Storage", ids: Ids, mount: "int | None", link: str) -> bool:
    """A mount that is in no namespace any more is one that was detached: only then stat(2)."""
    if mount is None:
        return False
    if mount in ids.ours:
        return True
    return mount not in ids.known and storage.device_of(link) == ids.number


def mapped(maps: str) -> "set[str]":
    """The numbers of the devices that mapped files are on (proc(5), /proc/PID/maps)."""
    found = set()
    for line in maps.split("\n"):
        words = line.split(" ", 5)
        if len(words) == 6 and words[4] != "0":
            major, _, minor = words[3].partition(":")
            found.add(f"{int(major, 16)}:{int(minor, 16)}")
    return found


def comm(host: "Host", pid: str) -> str:
    """A process's name, fit for a line of a log."""
    name = host.read(f"/proc/{pid}/comm") or ""
    return "".join(c if c.isprintable() else "?" for c in name.rstrip("\n"))
