"""Images mapped by the kernel: seen and let go through /sys/bus/rbd, without any Ceph tool."""

from hactl_agents.ceph.image import Mapping

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hactl_agents.ceph.image import Spec, Wish
    from hactl_agents.host.host import Host

BUS = "/sys/bus/rbd"
DEVICES = f"{BUS}/devices"
HEAD = "-"  # current_snap of an image that is not a snapshot
FEATURES = (
    "layering", "striping", "exclusive-lock", "object-map", "fast-diff", "deep-flatten",
    "journaling", "data-pool", "operations", "migrating", "non-primary", "dirty-cache",
)  # fmt: skip


class Krbd:
    """The kernel's RBD driver."""

    name = "krbd"

    def __init__(self, host: "Host") -> None:
        self.host = host

    def find(self, spec: "Spec", fsid: str) -> "list[Mapping]":
        """The devices that are this image; ``fsid`` '' where the cluster is not known."""
        return [
            mapping
            for number in self.host.listdir(DEVICES)
            if self.is_it(number, spec, fsid) and (mapping := self.mapping(number))
        ]

    def is_it(self, number: str, spec: "Spec", fsid: str) -> bool:
        wanted = {
            "name": spec.image,
            "pool": spec.pool,
            "pool_ns": spec.namespace,
            "current_snap": spec.snapshot or HEAD,
        }
        if any(self.read(number, key) != value for key, value in wanted.items()):
            return False
        return not fsid or self.read(number, "cluster_fsid") in ("", fsid)

    def mapping(self, number: str) -> "Mapping | None":
        """None where it has gone in this moment."""
        mapping = Mapping(self.name, number, f"/dev/rbd{number}")
        size = self.read(number, "size")
        if not size.isdigit():
            return None
        mapping.size = int(size)
        mapping.client = self.read(number, "client_addr")
        mapping.fsid = self.read(number, "cluster_fsid")
        mapping.read_only = self.host.read(f"/sys/block/{mapping.name}/ro") == "1\n"
        return mapping

    def read(self, number: str, key: str) -> str:
        """A property of a device; '' where this kernel has none of that name."""
        return (self.host.read(f"{DEVICES}/{number}/{key}") or "").rstrip("\n")

    def lacks(self) -> str:
        """Why images cannot be mapped this way on this node, '' if they can."""
        if self.host.which("rbd") is None:
            return "rbd: command not found: install ceph-common"
        if not self.host.exists(BUS) and self.host.run("modprobe", "rbd", check=False).returncode:
            return "the kernel has no module rbd"
        return "" if self.host.exists(BUS) else "the kernel has no module rbd"

    def unknown(self, features: int) -> "list[str]":
        """The features, a bit mask, that this kernel does not know; rbd(8) would only say ENXIO."""
        text = (self.host.read(f"{BUS}/supported_features") or "").strip()
        known = int(text, 16) if text.startswith("0x") else ~0  # kernels before 4.11 do not tell
        return [
            FEATURES[bit] if bit < len(FEATURES) else f"number {bit}"
            for bit in range(64)
            if (features & ~known) >> bit & 1
        ]

    def map(self, spec: "Spec", wish: "Wish") -> None:
        """Raises Failed in rbd's own words, TimedOut where Ceph hangs."""
        seconds = max(2, int((self.host.left(60.0) or 60.0) - 2))
        options = ",".join([f"mount_timeout={seconds}", *wish.options])
        words = ["rbd", *wish.identity(), "device", "map", "--device-type", self.name]
        words += [f"--pool={spec.pool}", f"--image={spec.image}", "--options", options]
        words += [f"--namespace={spec.namespace}"] if spec.namespace else []
        words += [f"--snap={spec.snapshot}"] if spec.snapshot else []
        words += wish.flags()
        self.host.run(*words, changes=True)

    def unmap(self, mapping: Mapping, force: bool) -> None:
        """In a process of its own: the kernel may hold on to it for as long as Ceph hangs."""
        control = f"{BUS}/remove_single_major"
        if not self.host.exists(control):
            control = f"{BUS}/remove"
        words = f"{mapping.number} force" if force else mapping.number
        done = self.host.run("tee", control, stdin=words, check=False, changes=True)
        if done.returncode:  # in use, most likely; whoever asked looks whether it is still there
            self.host.log(f"the kernel does not let go of {mapping.device}: {done.complaint()}")

    def epoch(self, mapping: Mapping) -> int:
        """The epoch of the OSD map the kernel works by; -1 where it does not say (debugfs)."""
        number = self.read(mapping.number, "client_id")
        path = f"/sys/kernel/debug/ceph/{mapping.fsid}.{number}/osdmap"
        words = (self.host.read(path) or "").split()[:2]
        return int(words[1]) if len(words) == 2 and words[1].isdigit() else -1
