"""What is behind a LUN on this node, a block device, a file or an image: is it there, and free."""

import _stat

from hactl_agents.ocf.errors import WrongHere

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hactl_agents.ceph.image import Spec
    from hactl_agents.host import Host
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
