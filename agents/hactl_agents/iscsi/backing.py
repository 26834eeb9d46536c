"""What is behind a LUN on this node, a block device, a file or an image: is it there, and free."""

import _stat

from hactl_agents.ocf.errors import WrongHere

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from hactl_agents.ceph.image import Spec
    from hactl_agents.host.host import Host
    from hactl_agents.iscsi.lun import Lun


class Backing:
    """``path`` is a device or file of this node; ``size`` in bytes, of files only."""

    def __init__(self, lun: "Lun", path: str, *, is_block: bool, size: int = 0) -> None:
        self.lun = lun
        self.path = path
        self.is_block = is_block
        self.size = size


def backing(host: "Host", lun: "Lun") -> Backing:
    """Raises WrongHere where it is not there, or is nothing that could be served."""
    path = mapped(host, lun, lun.image) if lun.image else lun.path
    mode = host.mode(path)
    if mode is None:
        raise WrongHere(f"LUN {lun.number}: this node has no {path}")
    if _stat.S_ISBLK(mode):
        return Backing(lun, path, is_block=True)
    if not _stat.S_ISREG(mode):
        raise WrongHere(f"LUN {lun.number}: {path} is no block device and no file")
    size = host.size(path)
    if not size or size % (lun.block_size or 512):
        raise WrongHere(f"LUN {lun.number}: {path} has {size} bytes, which is no number of blocks")
    return Backing(lun, path, is_block=False, size=size)


def mapped(host: "Host", lun: "Lun", spec: "Spec") -> str:
    """The device that an image is mapped as."""
    from hactl_agents.ceph.mapper import mappers

    for mapper in mappers(host):
        for mapping in mapper.find(spec, ""):
            return mapping.device
    raise WrongHere(
        f"LUN {lun.number}: the image {spec} is not mapped on this node: start an RbdImage before"
    )


def block_size(host: "Host", lun: "Lun", each: "Backing | None") -> int:
    """Bytes in a block: as given, or as the device has them; 0 where tgtd's 512 will do."""
    if lun.block_size or not each or not each.is_block:
        return lun.block_size
    folder = f"/sys/dev/block/{host.identity(each.path)}"
    for queue in ("queue", "../queue"):  # of a partition it is its disk's
        size = (host.read(f"{folder}/{queue}/logical_block_size") or "").strip()
        if size.isdigit() and size != "512":
            return int(size)
    return 0


def note(host: "Host", each: Backing) -> str:
    """NUMBER=IDENTITY,SIZE of what is being served, for whoever compares later."""
    return f"{each.lun.number}={host.identity(each.path)},{each.size}"


def noted(text: str) -> "Iterable[tuple[int, str, int]]":
    """(number, identity, size) of each."""
    for word in text.split():
        number, _, rest = word.partition("=")
        identity, _, size = rest.partition(",")
        yield int(number), identity, int(size)


def replaced(host: "Host", luns: "Iterable[Lun]", notes: str) -> "Iterable[str]":
    """Paths that lead to something else than what is served, or nowhere."""
    served = {number: identity for number, identity, _ in noted(notes)}
    for lun in luns:
        if lun.image:
            continue
        now = host.identity(lun.path)
        if not now:
            yield f"LUN {lun.number}: {lun.path} is gone from this node"
        elif served.get(lun.number, now) != now:
            what = "device" if ":" in served[lun.number] else "file"
            yield f"LUN {lun.number}: {lun.path} is another {what} now than the one that is served"


def shrunk(host: "Host", luns: "Iterable[Lun]", notes: str) -> "Iterable[str]":
    """Files that have become smaller than they are to initiators."""
    served = {number: size for number, _, size in noted(notes)}
    for lun in luns:
        size = served.get(lun.number, 0)
        now = 0 if lun.image or not size else host.size(lun.path)
        if now < size:
            yield f"LUN {lun.number}: {lun.path} has shrunk to {now} of the {size} bytes it had"
