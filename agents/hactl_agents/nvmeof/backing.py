"""What a namespace is made of, a block device or a file: whether it is there, and free."""

from hactl_agents.gateway.in_use import Uses, refuse_claimed, refuse_unfit_device
from hactl_agents.nvmeof.tree import subsystem
from hactl_agents.ocf.errors import WrongHere

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from hactl_agents.host.host import Host
    from hactl_agents.host.paths import Facts
    from hactl_agents.nvmeof.namespace import Namespace
    from hactl_agents.nvmeof_gateway import NvmeofGateway

    Known = dict[str, "Facts | None"]

LARGEST_BLOCK = 4096  # bytes; nvmet_file_ns_enable


def identities(namespaces: "Iterable[Namespace]", known: "Known") -> "dict[int, str]":
    """What is behind each namespace, whatever the path: its number -> a device's, a file's.

    Raises WrongHere where two have the same behind them.
    """
    found: dict[int, str] = {}
    for each in namespaces:
        facts = known[each.path]
        identity = facts.identity if facts else ""
        if identity and identity in found.values():
            raise WrongHere(f"namespace {each.nsid}: {each.path} is behind another one already")
        found[each.nsid] = identity
    return found


def refuse_unfit(
    host: "Host", agent: "NvmeofGateway", fresh: "Iterable[Namespace]", known: "Known"
) -> None:
    """Raises WrongHere where a path is not a device or file, or somebody else uses what it is.

    ``fresh`` are the namespaces that are not served yet.
    """
    uses = Uses(host, {subsystem(agent.nqn)})
    behind = identities(agent.namespaces, known)
    for namespace in fresh:
        what, path = f"namespace {namespace.nsid}", namespace.path
        found, identity = known[path], behind[namespace.nsid]
        if found is None:
            raise WrongHere(f"{what}: this node has no {path}")
        names = (namespace.uuid(agent.nqn), namespace.nguid(agent.nqn))
        uses.refuse(what, path, identity, *names)
        if found.is_block:
            refuse_unfit_device(host, what, path, identity, writable=True)
            refuse_claimed(host, what, path, identity)
        elif found.is_file:
            refuse_odd_size(what, path, found)
        else:
            raise WrongHere(f"{what}: {path} is neither a block device nor a file")


def refuse_odd_size(what: str, path: str, found: "Facts") -> None:
    """The kernel cuts off part of a block: one of its file system's size, at most 4 KiB."""
    size, block = found.size, min(found.block_size, LARGEST_BLOCK)
    if not size or size % block:
        raise WrongHere(
            f"{what}: {path} has {size} bytes, not a whole number of blocks of {block} bytes"
        )


def needs_buffering(host: "Host", namespace: "Namespace", found: "Facts | None") -> bool:
    """Whether the page cache has to be used: as wished, or where there is no direct I/O."""
    if namespace.buffered is not None:
        return namespace.buffered
    if found is None or found.is_block:
        return False
    return not host.paths.has_direct_io(namespace.path)


def under_way(host: "Host", numbers: "Iterable[str]") -> "list[str]":
    """The block devices, by number, that have reads or writes under way. Files have no number."""
    busy = []
    for number in numbers:
        counts = host.read(f"/sys/dev/block/{number}/inflight") if ":" in number else None
        if counts and any(count != "0" for count in counts.split()):
            busy.append(number)
    return busy
