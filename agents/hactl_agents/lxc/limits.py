"""What a container may use, in the words of control groups of version 1 and 2, and read back."""

from hactl_agents.host import cgroups
from hactl_agents.ocf.errors import Failed, WrongHere

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from hactl_agents.host.cgroups import Group
    from hactl_agents.host.host import Host

PERIOD = 100_000  # microseconds over which processor time is counted
MIB = 1 << 20
ROUNDING = 1 << 16  # bytes; the kernel counts memory in pages
CONTROLLERS = {"memory_limit": "memory", "cpus": "cpu", "cpu_shares": "cpu", "pids_limit": "pids"}


def files(limit: str, version: int, value: "int | None") -> "list[tuple[str, str]]":
    """(file, content) that make up one limit; None lifts it. Processor time is in PERIODs."""
    first = version == 1
    if limit == "memory_limit":
        amount = str(value * MIB) if value is not None else "-1" if first else "max"
        return [("memory.limit_in_bytes" if first else "memory.max", amount)]
    if limit == "cpus":
        if not first:
            return [("cpu.max", f"{'max' if value is None else value} {PERIOD}")]
        quota = "-1" if value is None else str(value)
        return [("cpu.cfs_period_us", str(PERIOD)), ("cpu.cfs_quota_us", quota)]
    if limit == "cpu_shares":
        shares = 1024 if value is None else value
        return [("cpu.shares", str(shares))] if first else [("cpu.weight", str(weight(shares)))]
    return [("pids.max", "max" if value is None else str(value))]


def weight(shares: int) -> int:
    """Shares of version 1 as a weight of version 2: 2 is 1, 1024 is 39, 262144 is 10000."""
    return 1 + (shares - 2) * 9999 // 262142


def defines(host: "Host", limits: "Mapping[str, int]") -> "list[str]":
    """The limits as configuration items for lxc-start.

    LXC heeds only the words of the version it uses itself, and ignores the others in silence:
    version 2 where it is all there is, version 1 otherwise. Raises WrongHere where a controller
    is missing.
    """
    trees = cgroups.trees(host)
    words = []
    for limit, value in limits.items():
        version = version_of(host, CONTROLLERS[limit], trees)
        if version is None:
            raise WrongHere(
                f"{limit}: LXC has no control group controller {CONTROLLERS[limit]} on this node"
            )
        prefix = "lxc.cgroup" if version == 1 else "lxc.cgroup2"
        words += [f"{prefix}.{name}={content}" for name, content in files(limit, version, value)]
    return words


def version_of(host: "Host", controller: str, trees: "list[cgroups.Tree]") -> "int | None":
    """The version in which LXC has a controller, None if it has not."""
    first = [tree for tree in trees if tree.controllers]
    if first:
        return 1 if any(controller in tree.controllers.split(",") for tree in first) else None
    known = [host.read(f"{tree.mountpoint}/cgroup.controllers") or "" for tree in trees]
    return 2 if any(controller in text.split() for text in known) else None


def write(host: "Host", groups: "Iterable[Group]", limits: "Mapping[str, int | None]") -> None:
    """Set limits of a running container. Raises Failed where the kernel refuses."""
    groups = list(groups)
    for limit, value in limits.items():
        group = group_of(limit, groups)
        for name, content in files(limit, group.version, value):
            host.write(f"{group.folder}/{name}", content)


def wrong(host: "Host", groups: "Iterable[Group]", limits: "Mapping[str, int]") -> "list[str]":
    """What the kernel holds a container to that is not as given, in short sentences."""
    groups = list(groups)
    found = []
    for limit, value in limits.items():
        group = group_of(limit, groups)
        for name, content in files(limit, group.version, value):
            now = (host.read(f"{group.folder}/{name}") or "nothing").strip()
            if not same(name, now, content):
                found.append(f"{limit} is not in force: {name} is {now} instead of {content}")
    return found


def group_of(limit: str, groups: "Iterable[Group]") -> "Group":
    """The group that counts for a limit: version 1 where its controller is there."""
    unified = None
    for group in groups:
        if CONTROLLERS[limit] in group.controllers.split(","):
            return group
        unified = group if group.version == 2 else unified
    if unified is None:
        raise Failed(f"{limit}: the container is in no control group for it")
    return unified


def same(name: str, now: str, wanted: str) -> bool:
    if now == wanted or not (now.isdigit() and wanted.isdigit()):
        return now == wanted
    return name.startswith("memory.") and abs(int(now) - int(wanted)) < ROUNDING
