"""What a namespace is made of, a block device or a file: whether it is there, and free."""

import _stat

from hactl_agents.nvmeof.tree import namespace as namespace_at
from hactl_agents.ocf.errors import WrongHere

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from hactl_agents.host import Host
    from hactl_agents.nvmeof.namespace import Namespace
    from hactl_agents.nvmeof.tree import Tree

MOUNTS = "/proc/self/mountinfo"


def refuse_unfit(host: "Host", tree: "Tree", nqn: str, wanted: "Iterable[Namespace]") -> None:
    """Raises WrongHere where a path is no device or file, or somebody else uses what it is."""
    seen = dict(elsewhere(host, tree, nqn))
    for namespace in wanted:
        path = namespace.path
        kind = host.mode(path)
        if kind is None:
            raise WrongHere(f"namespace {namespace.nsid}: this node has no {path}")
        if not _stat.S_ISBLK(kind) and not _stat.S_ISREG(kind):
            raise WrongHere(f"namespace {namespace.nsid}: {path} is no block device and no file")
        identity = host.identity(path)
        if identity in seen:
            raise WrongHere(f"namespace {namespace.nsid}: {path} is {seen[identity]} already")
        seen[identity] = f"namespace {namespace.nsid}"
        if _stat.S_ISBLK(kind) and host.is_claimed(path):
            raise WrongHere(f"namespace {namespace.nsid}: {path} is in use{by(host, identity)}")


def elsewhere(host: "Host", tree: "Tree", nqn: str) -> "Iterable[tuple[str, str]]":
    """What other subsystems of this node serve: (identity, who)."""
    for other in tree.subsystems():
        if other != nqn:
            for nsid in tree.namespaces(other):
                path = tree.get(f"{namespace_at(other, nsid)}/device_path")
                identity = host.identity(path) if path[:1] == "/" else ""
                if identity:
                    yield identity, f"namespace {nsid} of {other}"


def by(host: "Host", identity: str) -> str:
    """Who uses a block device, as far as that can be told."""
    holders = host.listdir(f"/sys/dev/block/{identity}/holders")
    for line in (host.read(MOUNTS) or "").splitlines():
        fields = line.split(" ")
        if fields[2:3] == [identity]:
            holders.append(f"the mount {fields[4]}")
    return f" by {' '.join(holders)}" if holders else ""


def needs_buffering(host: "Host", namespace: "Namespace") -> bool:
    """Whether the page cache has to be used: as wished, or where there is no direct I/O."""
    if namespace.buffered is not None:
        return namespace.buffered
    kind = host.mode(namespace.path)
    if kind is None or _stat.S_ISBLK(kind):
        return False
    return not host.has_direct_io(namespace.path)


def under_way(host: "Host", paths: "Iterable[str]") -> "list[str]":
    """The block devices that have reads or writes under way. What is gone has none."""
    busy = []
    for path in paths:
        identity = host.identity(path)
        counts = host.read(f"/sys/dev/block/{identity}/inflight") if identity else None
        if counts and any(count != "0" for count in counts.split()):
            busy.append(path)
    return busy
