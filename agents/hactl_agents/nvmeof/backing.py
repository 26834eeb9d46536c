"""What a namespace is made of, a block device or a file: whether it is there, and free."""

import _stat

from hactl_agents.gateway.in_use import Uses, refuse_claimed, refuse_unfit_device
from hactl_agents.nvmeof.tree import subsystem
from hactl_agents.ocf.errors import WrongHere

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from hactl_agents.host.host import Host
    from hactl_agents.nvmeof.namespace import Namespace
    from hactl_agents.nvmeof_gateway import NvmeofGateway

LARGEST_BLOCK = 4096  # bytes; nvmet_file_ns_enable


def identities(host: "Host", namespaces: "Iterable[Namespace]") -> "dict[int, str]":
    """What is behind each namespace, whatever the path: its number -> a device's, a file's.

    Raises WrongHere where two have the same behind them.
    """
    found: dict[int, str] = {}
    for each in namespaces:
        identity = host.identity(each.path)
        if identity and identity in found.values():
            raise WrongHere(f"namespace {each.nsid}: {each.path} is behind another one already")
        found[each.nsid] = identity
    return found


def refuse_unfit(host: "Host", agent: "NvmeofGateway", fresh: "Iterable[Namespace]") -> None:
    """Raises WrongHere where a path is no device or file, or somebody else uses what it is.

    ``fresh`` are the namespaces that are not served yet.
    """
    uses = Uses(host, {subsystem(agent.nqn)})
    behind = identities(host, agent.namespaces)
    for namespace in fresh:
        what, path = f"namespace {namespace.nsid}", namespace.path
        kind = host.mode(path)
        if kind is None:
            raise WrongHere(f"{what}: this node has no {path}")
        names = (namespace.uuid(agent.nqn), namespace.nguid(agent.nqn))
        uses.refuse(what, path, behind[namespace.nsid], *names)
        if _stat.S_ISBLK(kind):
            refuse_unfit_device(host, what, path, writable=True)
            refuse_claimed(host, what, path)
        elif _stat.S_ISREG(kind):
            refuse_odd_size(host, what, path)
        else:
            raise WrongHere(f"{what}: {path} is no block device and no file")


def refuse_odd_size(host: "Host", what: str, path: str) -> None:
    """The kernel cuts off what is no whole block, as large as its file system's, at most 4 KiB."""
    size, block = host.size(path), min(host.block_size(path), LARGEST_BLOCK)
    if not size or size % block:
        raise WrongHere(
            f"{what}: {path} has {size} bytes, which is no number of blocks of {block} bytes"
        )


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
