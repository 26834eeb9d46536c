"""What is behind a LUN on this node, a block device, a file or an image: is it there, and free."""

import _stat

from hactl_agents.iscsi.lio import CORE, PLUGINS
from hactl_agents.ocf.errors import Failed, WrongHere

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hactl_agents.ceph.image import Spec
    from hactl_agents.host import Host
    from hactl_agents.iscsi.lun import Lun

MOUNTS = "/proc/self/mountinfo"


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


def refuse_in_use(host: "Host", each: Backing, objects: "dict[str, str]") -> None:
    """Raises Failed where somebody else serves or uses it.

    ``objects`` are what the kernel's target serves already: identity -> who.
    """
    identity = host.identity(each.path)
    if identity in objects:
        raise Failed(f"LUN {each.lun.number}: {each.path} is served by {objects[identity]}")
    if each.is_block and host.is_claimed(each.path):
        raise Failed(
            f"LUN {each.lun.number}: {each.path} is in use{users(host, identity)}: free it first"
        )


def users(host: "Host", identity: str) -> str:
    """Who uses a block device, as far as that can be told."""
    holders = host.listdir(f"/sys/dev/block/{identity}/holders")
    for line in (host.read(MOUNTS) or "").splitlines():
        fields = line.split(" ")
        if fields[2:3] == [identity]:
            holders.append(f"the mount {fields[4]}")
    return f" by {' '.join(holders)}" if holders else ""


def served(host: "Host") -> "dict[str, str]":
    """What storage objects of the kernel's target serve: identity -> the object."""
    found = {}
    for adapter in host.listdir(CORE):
        if adapter.partition("_")[0] in PLUGINS:
            for name in host.listdir(f"{CORE}/{adapter}"):
                path = (host.read(f"{CORE}/{adapter}/{name}/udev_path") or "").strip()
                identity = host.identity(path) if path[:1] == "/" else ""
                if identity:
                    found[identity] = f"the storage object {adapter}/{name}"
    return found
