"""Control groups as this node mounts them, version 1, 2 or both: where they are and who is in them.

Knows nothing of containers. Pids are those of this pid namespace; processes of others, which the
kernel lists as 0, are not on this node as far as anybody here can tell.
"""

from hactl_agents.host.host import SIGKILL, Failed
from hactl_agents.host.mounts import SELF, parse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from hactl_agents.host.host import Host


class Tree:
    """One mounted hierarchy. ``controllers`` are as in /proc/PID/cgroup, '' for version 2."""

    def __init__(self, controllers: str, mountpoint: str, root: str) -> None:
        self.controllers = controllers
        self.mountpoint = mountpoint
        self.root = root

    def folder(self, path: str) -> "str | None":
        """Where a group is, None if it lies outside of what is mounted."""
        root = self.root.rstrip("/")
        if not (path + "/").startswith(root + "/") or "/.." in path:
            return None
        return (self.mountpoint + path[len(root) :]).rstrip("/")


class Group:
    """One control group in one hierarchy."""

    def __init__(self, controllers: str, folder: str) -> None:
        self.controllers = controllers
        self.folder = folder

    @property
    def version(self) -> int:
        return 1 if self.controllers else 2

    def __str__(self) -> str:
        return f"{self.controllers}:{self.folder}"


def parsed(text: str) -> Group:
    """A group as ``str`` wrote it."""
    controllers, _, folder = text.partition(":/")
    return Group(controllers, "/" + folder)


def trees(host: "Host") -> "list[Tree]":
    """The hierarchies that are mounted, by /proc/self/mountinfo (proc(5))."""
    found: dict[str, Tree] = {}
    lines = [line for line in (host.read(SELF) or "").split("\n") if " - cgroup" in line]
    for mount in parse("\n".join(lines)):  # of hundreds, a few
        if mount.type in ("cgroup", "cgroup2"):
            options = named(mount.behind()[2]) if mount.type == "cgroup" else []
            controllers = ",".join(sorted(options))
            found[controllers] = Tree(controllers, mount.point, mount.root)
    return list(found.values())


def named(options: str) -> "list[str]":
    """What a version 1 mount's options name: its controllers, or ``name=systemd``."""
    plain = ("rw", "ro", "none", "xattr", "clone_children", "noprefix", "all")
    return [word for word in options.split(",") if word not in plain and "agent=" not in word]


def memberships(host: "Host", pid: "int | str") -> "dict[str, str]":
    """Controllers -> path of the group a process is in."""
    found = {}
    for line in (host.read(f"/proc/{pid}/cgroup") or "").split("\n"):
        _, colon, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if not colon:
            continue
        found[",".join(sorted(controllers.split(",")))] = path
    return found


def processes(host: "Host", groups: "Iterable[Group]") -> "list[int]":
    """Every process in the groups and below them."""
    found: set[int] = set()
    for group in groups:
        for folder in below(host, group.folder):
            text = host.read(f"{folder}/cgroup.procs") or ""
            found |= {int(pid) for pid in text.split() if pid != "0"}
    return sorted(found)


def below(host: "Host", folder: str) -> "list[str]":
    """A group's folder and those of the groups in it, the outer ones first."""
    found = [folder]
    for name in host.listdir(folder):
        if host.exists(f"{folder}/{name}/cgroup.procs"):
            found += below(host, f"{folder}/{name}")
    return found


def shared(host: "Host", group: Group) -> bool:
    """Whether processes that we cannot see are in the group."""
    texts = [host.read(f"{folder}/cgroup.procs") or "" for folder in below(host, group.folder)]
    return any("0" in text.split() for text in texts)


def thaw(host: "Host", groups: "Iterable[Group]") -> None:
    """Let frozen processes go on: they can neither shut down nor, in version 1, die."""
    for group in groups:
        try:
            if group.version == 2 and (host.read(f"{group.folder}/cgroup.freeze") or "0")[0] == "1":
                host.write(f"{group.folder}/cgroup.freeze", "0")
            elif (host.read(f"{group.folder}/freezer.state") or "THAWED").strip() != "THAWED":
                host.write(f"{group.folder}/freezer.state", "THAWED")
        except Failed as exc:
            host.log(str(exc))


def frozen(host: "Host", groups: "Iterable[Group]") -> bool:
    """Whether somebody stopped the processes of the groups in the kernel's freezer."""
    for group in groups:
        events = (host.read(f"{group.folder}/cgroup.events") or "").split("\n")
        state = (host.read(f"{group.folder}/freezer.state") or "").strip()
        if "frozen 1" in events or state in ("FROZEN", "FREEZING"):
            return True
    return False


def kill(host: "Host", groups: "Iterable[Group]") -> None:
    """Send SIGKILL to every process in the groups, at once where the kernel can."""
    groups = list(groups)
    for group in groups:
        switch = f"{group.folder}/cgroup.kill"
        if host.exists(switch) and not shared(host, group):
            try:
                host.write(switch, "1")
            except Failed as exc:
                host.log(str(exc))
    for pid in processes(host, groups):
        started = host.started(pid)
        if started is not None:
            host.kill(pid, SIGKILL, started)


def remove(host: "Host", groups: "Iterable[Group]") -> None:
    """Remove empty groups and the empty groups in them."""
    for group in groups:
        if host.exists(group.folder):
            for folder in reversed(below(host, group.folder)):
                host.remove_folder(folder)
