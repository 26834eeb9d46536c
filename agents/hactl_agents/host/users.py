"""Who stands on a block device of this node, whoever asks: file systems mounted in any mount
namespace, devices upon it (partitions, device mapper, MD, loop), swap, targets, processes.

Told by the device's number and name in the kernel, for paths mean nothing in other namespaces.
"""

from hactl_agents.failures import Failed
from hactl_agents.host.mounts import SELF, parse, unescaped
from hactl_agents.host.namespaces import mountinfo

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from hactl_agents.host.host import Host

BLOCKS = "/sys/class/block"  # disks and partitions
DISKS = "/sys/block"
CONFIGFS = "/sys/kernel/config"
# file systems on several devices, whose mounts do not bear the number of any
MEMBERS = (("/sys/fs/btrfs", "devices", "btrfs"), ("/sys/fs/bcachefs", "", "bcachefs"))
KERNEL_FILES = (
    ("/proc/swaps", "swap"),
    ("/proc/net/rpc/nfsd.export/content", "NFS export"),
)
SCAN = 10.0  # seconds for all of /proc


def of_disk(host: "Host", name: str, but: "Collection[int]" = ()) -> "list[str]":
    """All who stand on a disk or partition, such as nbd0, in words. ``but`` are processes left out.

    Raises Failed where that cannot be told: the device may hang as it is opened.
    """
    from hactl_agents.host.child import Abandoned

    step = f"looking who uses /dev/{name}"
    try:
        found: list[str] = host.read_in_child(step, scan, host, name, tuple(but), within=SCAN)
    except Abandoned as exc:
        if not exc.so_far:
            raise
        found = exc.so_far
    return list(dict.fromkeys(found))


def scan(host: "Host", name: str, but: "Collection[int]") -> "Iterator[str]":
    """The same; only for a child: it opens the device, and enters other namespaces for good."""
    disk = numbers(host, name)
    found = False
    for user in (*above(host, disk), *in_kernel(host, disk), *mounted(host, disk)):
        found = True
        yield user
    for user in openers(host, disk, but):
        found = True
        yield user
    if not found and is_claimed(host, name):
        yield "somebody who has it for himself"
    for place, text in host.storage().kept_mountinfo():
        yield from mounts(text, disk, f" in the mount namespace {place}")


def numbers(host: "Host", name: str) -> "dict[str, str]":
    """Number -> name, of a disk and its partitions."""
    found = {}
    for each in ("", *host.listdir(f"{BLOCKS}/{name}")):
        folder = f"{BLOCKS}/{name}/{each}".rstrip("/")
        if not each or host.exists(f"{folder}/partition"):
            number = (host.read(f"{folder}/dev") or "").strip()
            found[number] = each or name
    return found


def above(host: "Host", disk: "dict[str, str]") -> "Iterator[str]":
    """Devices that are made of it, and file systems that it is a member of."""
    for name in disk.values():
        for holder in host.listdir(f"{BLOCKS}/{name}/holders"):
            yield described(host, holder)
    for place, inner, kind in MEMBERS:
        for which in host.listdir(place):
            names = host.listdir(f"{place}/{which}/{inner}".rstrip("/"))
            names += [
                (host.readlink(f"{place}/{which}/{name}/block") or "").rpartition("/")[2]
                for name in names
                if name.startswith("dev-")
            ]
            if set(names) & set(disk.values()):
                yield f"the {kind} {which}"


def described(host: "Host", name: str) -> str:
    """A device with the name that its maker gave it, such as dm-3 (vg0-data, LVM)."""
    given = (host.read(f"{BLOCKS}/{name}/dm/name") or "").strip()
    if not given:
        return name
    is_lvm = (host.read(f"{BLOCKS}/{name}/dm/uuid") or "").startswith("LVM-")
    return f"{name} ({given}{', LVM' if is_lvm else ''})"


def in_kernel(host: "Host", disk: "dict[str, str]") -> "Iterator[str]":
    """Loop devices, swap and targets that have it open."""
    paths = {f"/dev/{name}" for name in disk.values()}
    for what, path in kernel_paths(host):
        if path in paths or (path.startswith("/dev/") and number_of(host, path) in disk):
            yield f"{what} {path}"


def kernel_paths(host: "Host") -> "Iterator[tuple[str, str]]":
    """Files and devices that the kernel itself has open: what has them, and where they are."""
    for name in host.listdir(DISKS):
        backing = host.read(f"{DISKS}/{name}/loop/backing_file")
        if backing:
            yield f"/dev/{name} in", backing.rstrip("\n")
    for path, what in KERNEL_FILES:
        for line in (host.read(path) or "").split("\n"):
            yield what, unescaped(line.split(" ", 1)[0].split("\t", 1)[0])
    for folder in below(host, f"{CONFIGFS}/nvmet/subsystems", "namespaces"):
        yield "NVMe namespace in", (host.read(f"{folder}/device_path") or "").strip()
    for folder in below(host, f"{CONFIGFS}/target/core", ""):
        yield "iSCSI backstore in", (host.read(f"{folder}/udev_path") or "").strip()


def below(host: "Host", folder: str, inner: str) -> "Iterator[str]":
    for name in host.listdir(folder):
        within = f"{folder}/{name}/{inner}".rstrip("/")
        for deeper in host.listdir(within):
            yield f"{within}/{deeper}"


def mounted(host: "Host", disk: "dict[str, str]") -> "Iterator[str]":
    """Mounts of it, here and in the namespace of any process."""
    own = host.readlink("/proc/self/ns/mnt")
    yield from mounts(host.read(SELF) or "", disk, "")
    seen = {own}
    for pid in host.listdir("/proc"):
        namespace = host.readlink(f"/proc/{pid}/ns/mnt") if pid.isdigit() else own
        text = mountinfo(host, pid) if namespace and namespace not in seen else ""
        if text:  # '' where the process has ended: another one may have that namespace, too
            seen.add(namespace)
            yield from mounts(text, disk, f" in the mount namespace of process {pid}")


def mounts(mountinfo: str, disk: "dict[str, str]", where: str) -> "Iterator[str]":
    paths = {f"/dev/{name}" for name in disk.values()}
    for mount in parse(mountinfo):
        if mount.number in disk or (mount.number.startswith("0:") and mount.source in paths):
            yield f"the mount {mount.point}{where}"


def openers(host: "Host", disk: "dict[str, str]", but: "Collection[int]") -> "Iterator[str]":
    """The processes that have it open, a guest's QEMU for example."""
    for pid in host.listdir("/proc"):
        if pid.isdigit() and int(pid) not in but and has_open(host, pid, disk):
            name = (host.read(f"/proc/{pid}/comm") or "").strip()
            yield f"process {pid} ({name})"


def has_open(host: "Host", pid: str, disk: "dict[str, str]") -> bool:
    """Whether a process has a descriptor of it. In a container its name may be any."""
    for number in host.listdir(f"/proc/{pid}/fd"):
        link = f"/proc/{pid}/fd/{number}"
        target = host.readlink(link) or ""
        if target.startswith("/dev/") and not target.startswith(("/dev/null", "/dev/pts/")):
            name = target[len("/dev/") :].removesuffix(" (deleted)")
            if name in disk.values() or number_of(host, link) in disk:
                return True
    return False


def number_of(host: "Host", path: str) -> str:
    """The number of the block device at a path below /dev, '' where there is none."""
    try:
        found = host.facts(path)
    except Failed:
        return ""
    return found[3] if found and ":" in found[3] else ""


def is_claimed(host: "Host", name: str) -> bool:
    """Whether somebody has it for himself, in whatever way: what the kernel says at last."""
    try:
        return host.is_claimed(f"/dev/{name}")
    except Failed:
        return False  # it cannot be opened at all


__all__ = ["kernel_paths", "of_disk"]
