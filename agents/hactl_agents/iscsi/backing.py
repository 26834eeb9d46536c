"""What is behind a LUN on this node, a block device, a file or an image: is it there, and free.

Paths are looked at by a child, all in one go: what they lie on may hang.
"""

from hactl_agents.ocf.errors import WrongHere

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from hactl_agents.ceph.image import Spec
    from hactl_agents.host.host import Host
    from hactl_agents.host.paths import Facts
    from hactl_agents.iscsi.lun import Lun


class Backing:
    """``path`` is a device or file of this node; ``size`` in bytes, of files only.

    ``identity`` tells it from any other device or file, whatever the path.
    """

    def __init__(
        self, lun: "Lun", path: str, identity: str, *, is_block: bool, size: int = 0
    ) -> None:
        self.lun = lun
        self.path = path
        self.identity = identity
        self.is_block = is_block
        self.size = size


def look(host: "Host", luns: "Sequence[Lun]", *, by_tgtd: bool) -> "list[Backing | None]":
    """What is behind each LUN; None for an image that tgtd opens itself. Raises WrongHere."""
    paths = [
        "" if lun.image and by_tgtd else mapped(host, lun, lun.image) if lun.image else lun.path
        for lun in luns
    ]
    known = host.paths.facts_of(path for path in paths if path)
    return [
        backing(lun, path, known[path]) if path else None
        for lun, path in zip(luns, paths, strict=True)
    ]


def backing(lun: "Lun", path: str, found: "Facts | None") -> Backing:
    """Raises WrongHere where it is not there, or is nothing that could be served."""
    if found is None:
        raise WrongHere(f"LUN {lun.number}: this node has no {path}")
    if found.is_block:
        return Backing(lun, path, found.identity, is_block=True)
    if not found.is_file:
        raise WrongHere(f"LUN {lun.number}: {path} is neither a block device nor a file")
    if not found.size or found.size % (lun.block_size or 512):
        raise WrongHere(
            f"LUN {lun.number}: {path} has {found.size} bytes, not a whole number of blocks"
        )
    return Backing(lun, path, found.identity, is_block=False, size=found.size)


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
    folder = f"/sys/dev/block/{each.identity}"
    for queue in ("queue", "../queue"):  # of a partition it is its disk's
        size = (host.read(f"{folder}/{queue}/logical_block_size") or "").strip()
        if size.isdigit() and size != "512":
            return int(size)
    return 0


def note(each: Backing) -> str:
    """NUMBER=IDENTITY,SIZE of what is being served, for whoever compares later."""
    return f"{each.lun.number}={each.identity},{each.size}"


def noted(text: str) -> "Iterable[tuple[int, str, int]]":
    """(number, identity, size) of each."""
    for word in text.split():
        number, _, rest = word.partition("=")
        identity, _, size = rest.partition(",")
        yield int(number), identity, int(size)


def changed(host: "Host", luns: "Iterable[Lun]", notes: str) -> "Iterable[str]":
    """Paths that lead to something else than what is served, or nowhere, and files that have
    become smaller than they are to initiators.
    """
    served = {number: (identity, size) for number, identity, size in noted(notes)}
    by_path = [lun for lun in luns if not lun.image]
    known = host.paths.facts_of(lun.path for lun in by_path)
    for lun in by_path:
        now = known[lun.path]
        identity, size = served.get(lun.number, (now.identity if now else "", 0))
        if now is None:
            yield f"LUN {lun.number}: {lun.path} is gone from this node"
        elif identity != now.identity:
            what = "device" if ":" in identity else "file"
            yield f"LUN {lun.number}: {lun.path} is another {what} now than the one that is served"
        elif now.size < size:
            yield (
                f"LUN {lun.number}: {lun.path} has shrunk to {now.size} of the {size} bytes it had"
            )
