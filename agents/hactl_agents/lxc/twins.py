"""One container under two names: a folder that is spelled in two ways, a root folder given twice.

Told by device and inode. Paths are looked at by a child, and only where other containers run.
"""

from hactl_agents.host.child import Abandoned
from hactl_agents.lxc.processes import TITLE
from hactl_agents.lxc.remains import in_other_namespaces
from hactl_agents.ocf.record import parse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from hactl_agents.host.host import Host
    from hactl_agents.lxc.remains import Place

LOOK = 2.0  # seconds for all folders
KINDS = ("dir", "btrfs", "lvm", "zfs")  # of root folders that are one path: lxc.container.conf(5)


class Twin:
    """A container that runs: its monitor process, and how LXC was told where it is."""

    def __init__(self, pid: int, lxcpath: str, name: str) -> None:
        self.pid = pid
        self.lxcpath = lxcpath
        self.name = name

    @property
    def folder(self) -> str:
        return f"{self.lxcpath}/{self.name}"


def running(host: "Host") -> "Iterator[Twin]":
    """All that run on this node, by the titles of their monitor processes."""
    for pid in host.listdir("/proc"):
        text = (host.read(f"/proc/{pid}/cmdline") or "") if pid.isdigit() else ""
        if text.startswith(TITLE):
            lxcpath, _, name = text.rstrip("\0 ")[len(TITLE) :].rpartition(" ")
            yield Twin(int(pid), lxcpath, name)


def of_folder(host: "Host", folder: str) -> "Twin | None":
    """The container that runs from a folder under another spelling of it.

    None also where the folder does not answer: what this resource has started is in its record.
    """
    others = [twin for twin in running(host) if twin.folder != folder]
    if not others:
        return None
    others.sort(key=lambda twin: not folder.endswith(f"/{twin.name}"))
    ours, *theirs = identities(host, [folder, *(twin.folder for twin in others)])
    found = (twin for twin, each in zip(others, theirs, strict=False) if ours and each == ours)
    return next(found, None)


def claimed_by(host: "Host", twin: Twin, record: str) -> str:
    """The record of another resource, than that of ``record``, that has started it; '' if none."""
    monitor = f"{twin.pid} {host.started(twin.pid)}"
    for name in host.listdir(host.state_dir):
        if name.endswith(".run") and name != record and notes(host, name).get("monitor") == monitor:
            return name[: -len(".run")]
    return ""


def notes(host: "Host", record: str) -> "dict[str, str]":
    return parse(host.load(record) or "")


def identities(host: "Host", paths: "list[str]") -> "list[str]":
    """Device and inode of each, '' for nothing, as far as they answer; at least one."""
    try:
        found: list[str] = host.read_in_child(
            "looking whether a folder has two names", each_identity, host, paths, within=LOOK
        )
    except Abandoned as exc:
        host.log(str(exc))
        found = exc.so_far
    return found or [""]


def each_identity(host: "Host", paths: "Iterable[str]") -> "Iterator[str]":
    from hactl_agents.failures import Failed

    for path in paths:
        try:
            found = host.facts(path)
        except Failed:
            found = None
        yield found[3] if found else ""


def root_folder(configuration: str) -> str:
    """Where a configuration has the root folder, '' where it is not one path."""
    found = ""
    for line in configuration.split("\n"):
        key, _, value = line.partition("=")
        if key.strip() in ("lxc.rootfs.path", "lxc.rootfs"):
            kind, colon, path = value.strip().partition(":")
            found = path if colon and kind in KINDS else value.strip()
    return found if found[:1] == "/" else ""


def with_root(host: "Host", path: str) -> "int | None":
    """A process that has a folder, or what is on a device, for its root in a namespace of its own.

    Raises Failed, and TimedOut where the folder does not answer.
    """
    roots: dict[str, tuple[int, Place]] = {}
    for pid, root in in_other_namespaces(host):
        roots.setdefault(str(root), (pid, root))
    firsts = [pid for pid, _ in roots.values()]
    step = f"looking who has {path} for its root"
    ours, *theirs = host.read_in_child(
        step, list_of_identities, host, [path, *(f"/proc/{pid}/root" for pid in firsts)]
    )
    for (pid, root), identity in zip(roots.values(), theirs, strict=True):
        if ours and ours in (identity, root.number):
            return pid
    return None


def list_of_identities(host: "Host", paths: "Iterable[str]") -> "list[str]":
    return list(each_identity(host, paths))
