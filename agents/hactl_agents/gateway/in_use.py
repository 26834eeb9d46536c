"""What of this node's storage is served or used already, and by whom, whichever agent asks.

The kernel's NVMe target takes no device for itself, neither does tgtd, and nobody takes a file: so
that two do not write to one disk, all of them are asked.
"""

from hactl_agents.host.users import of_disk
from hactl_agents.ocf.errors import Failed, WrongHere

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container, Iterator

    from hactl_agents.host.host import Host
    from hactl_agents.iscsi.tgt_show import Shown

CORE = "/sys/kernel/config/target/core"
PLUGINS = ("iblock", "fileio")
SERIAL = "T10 VPD Unit Serial Number: "
NVMET = "/sys/kernel/config/nvmet/subsystems"
BLOCKS = "/sys/block"
TGTD = "/var/run/tgtd"  # of the distribution's tgtds
RBD = "rbd:"  # begins the identity of an image
PATIENCE = 2.0  # seconds for a tgtd that is not ours, and for each path of others that hangs


class Use:
    """``by`` is whoever uses it, as a path or name; ``who`` the same in words.

    ``what`` is the path of a device or file, or an image; ``identity`` is its own, '' where it is
    gone or does not answer; ``names`` are those that initiators and hosts know it by.
    """

    def __init__(self, by: str, what: str, who: str, *names: str) -> None:
        self.by = by
        self.what = what
        self.identity = "" if what[:1] == "/" else what
        self.who = who
        self.names = {name for name in names if name.strip("0-")}


class Uses:
    """All uses of storage on this node but those by ``ours``; ``held`` is what those have."""

    def __init__(self, host: "Host", ours: "Container[str]") -> None:
        self.host = host
        every = list(uses(host, ours))
        paths = [use.what for use in every if use.what[:1] == "/"]
        known = host.paths.those_that_answer(paths, PATIENCE)
        for use in every:
            found = known.get(use.what)
            use.identity = found.identity if found else use.identity
        self.found = [use for use in every if use.by not in ours]
        self.held = {use.identity for use in every if use.by in ours}

    def refuse(self, what: str, path: str, identity: str, *names: str) -> None:
        """Raises WrongHere where somebody uses that, or serves something else by its names."""
        for use in self.found:
            if use.what == path or (use.identity and use.identity == identity):
                raise WrongHere(f"{what}: {path} is served by {use.who}: stop that first")
            twice = use.names.intersection(names)
            if twice:
                raise WrongHere(
                    f"{what}: {use.who} is known by the name {twice.pop()} as well: initiators "
                    "would take the two for one disk"
                )


def refuse_claimed(host: "Host", what: str, path: str, identity: str) -> None:
    """Raises WrongHere where somebody has a block device for itself."""
    if host.paths.is_claimed(path):
        by = claimants(host, identity)
        raise WrongHere(f"{what}: {path} is in use{by}: free it first")


def refuse_unfit_device(
    host: "Host", what: str, path: str, identity: str, *, writable: bool
) -> None:
    """Raises WrongHere for a block device without size, or one that cannot be written."""
    folder = f"/sys/dev/block/{identity}"
    if line(host, f"{folder}/size") == "0":
        raise WrongHere(f"{what}: {path} has no size: there is nothing behind it")
    if writable and line(host, f"{folder}/ro") == "1":
        raise WrongHere(f"{what}: {path} is read-only on this node")


def uses(host: "Host", ours: "Container[str]") -> "Iterator[Use]":
    yield from by_lio(host)
    yield from by_nvmet(host)
    yield from by_tgtd(host, ours)
    yield from by_loop(host)


def by_lio(host: "Host") -> "Iterator[Use]":
    """Storage objects of the kernel's SCSI target."""
    for adapter in host.listdir(CORE):
        if adapter.partition("_")[0] in PLUGINS:
            for name in host.listdir(f"{CORE}/{adapter}"):
                folder = f"{CORE}/{adapter}/{name}"
                serial = line(host, f"{folder}/wwn/vpd_unit_serial").removeprefix(SERIAL)
                path = line(host, f"{folder}/udev_path")
                yield Use(folder, path, f"the storage object {adapter}/{name}", serial)


def by_nvmet(host: "Host") -> "Iterator[Use]":
    """Namespaces of the kernel's NVMe target."""
    for nqn in host.listdir(NVMET):
        for nsid in host.listdir(f"{NVMET}/{nqn}/namespaces"):
            folder = f"{NVMET}/{nqn}/namespaces/{nsid}"
            path = line(host, f"{folder}/device_path")
            names = [line(host, f"{folder}/device_{name}") for name in ("uuid", "nguid")]
            yield Use(f"{NVMET}/{nqn}", path, f"namespace {nsid} of {nqn}", *names)


def by_tgtd(host: "Host", ours: "Container[str]") -> "Iterator[Use]":
    """LUNs of the tgtds that can be asked."""
    for socket, target in tgtd_targets(host, ours):
        for number, lun in target.luns.items():
            path = lun.get("Backing store path", "")
            if lun.get("Backing store type") == "rbd":
                path = f"{RBD}{path}"
            elif path[:1] != "/":
                path = ""
            who = f"LUN {number} of {target.name}, by the tgtd of {socket}"
            if number:  # 0 is not a disk
                yield Use(socket, path, who, lun.get("SCSI SN", ""))


def by_loop(host: "Host") -> "Iterator[Use]":
    """Files that stand for a block device."""
    for name in host.listdir(BLOCKS):
        if name.startswith("loop"):
            path = line(host, f"{BLOCKS}/{name}/loop/backing_file")
            yield Use(f"/dev/{name}", path, f"the loop device /dev/{name}")


def tgtd_targets(host: "Host", but: "Container[str]") -> "Iterator[tuple[str, Shown]]":
    """What the tgtds of this node serve, the distribution's and those of our kind: (socket, it)."""
    sockets = [
        f"{folder}/{name}"
        for folder, start in ((TGTD, "socket."), (host.state_dir, "tgt-"))
        for name in host.listdir(folder)
        if name.startswith(start) and name.rpartition(".")[2].isdigit()
    ]
    for socket in sockets:
        if socket not in but:
            yield from asked(host, socket)


def asked(host: "Host", socket: str) -> "Iterator[tuple[str, Shown]]":
    from hactl_agents.iscsi import tgt_show, tgt_wire

    try:
        tgtd = tgt_wire.Tgtd(host, socket)
        text = tgtd.ask("asking another tgtd", tgt_wire.TARGET, tgt_wire.SHOW, within=PATIENCE)
    except Failed as exc:  # it is gone, or serves nothing it could tell of
        host.log(f"{socket}: {exc}")
        return
    yield from ((socket, each) for each in tgt_show.targets(text))


def claimants(host: "Host", identity: str) -> str:
    """Who has a block device for itself, as far as that can be told."""
    name = (host.readlink(f"/sys/dev/block/{identity}") or "").rpartition("/")[2]
    found = of_disk(host, name) if name else []
    return f" by {', '.join(found)}" if found else ""


def line(host: "Host", path: str) -> str:
    return (host.read(path) or "").strip()


__all__ = ["Uses", "refuse_claimed", "refuse_unfit_device", "tgtd_targets"]
