"""Images mapped by rbd-nbd: seen through /sys/block and the process behind each device."""

from hactl_agents.ceph.image import Mapping
from hactl_agents.host.host import SIGKILL, SIGTERM, Failed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hactl_agents.ceph.image import Spec, Wish
    from hactl_agents.host.host import Host

PROGRAM = "rbd-nbd"
PATIENCE = 20.0  # seconds for rbd-nbd to flush and go before it is killed


class Nbd:
    """The kernel's network block device, with librbd behind it."""

    name = "nbd"

    def __init__(self, host: "Host") -> None:
        self.host = host

    def find(self, spec: "Spec", fsid: str) -> "list[Mapping]":  # noqa: ARG002
        """The devices whose rbd-nbd was given this image."""
        names = [name for name in self.host.listdir("/sys/block") if name.startswith("nbd")]
        return [mapping for name in names if (mapping := self.mapping(name, str(spec)))]

    def mapping(self, name: str, spec: str) -> "Mapping | None":
        text = (self.host.read(f"/sys/block/{name}/pid") or "").strip()
        if not text.isdigit():
            return None
        words = (self.host.read(f"/proc/{text}/cmdline") or "").split("\0")
        started = self.host.started(int(text))
        if started is None or words[0].rpartition("/")[2] != PROGRAM or spec not in words[1:]:
            return None
        mapping = Mapping(self.name, name, f"/dev/{name}")
        mapping.pid, mapping.started = int(text), started
        sectors = (self.host.read(f"/sys/block/{name}/size") or "").strip()
        mapping.size = 512 * int(sectors) if sectors.isdigit() else 0
        mapping.read_only = self.host.read(f"/sys/block/{name}/ro") == "1\n"
        return mapping

    def lacks(self) -> str:
        """Why images cannot be mapped this way on this node, '' if they can."""
        if self.host.which(PROGRAM) is None:
            return f"{PROGRAM}: command not found"
        if not self.host.exists("/sys/module/nbd"):
            self.host.run("modprobe", "nbd", check=False)
        return "" if self.host.exists("/sys/module/nbd") else "the kernel has no module nbd"

    def unknown(self, features: int) -> "list[str]":  # noqa: ARG002
        """librbd knows what the cluster knows."""
        return []

    def map(self, spec: "Spec", wish: "Wish") -> None:
        """Raises Failed in rbd-nbd's own words, TimedOut where Ceph hangs."""
        self.host.run(PROGRAM, *wish.identity(), *wish.flags(), "map", str(spec))

    def unmap(self, mapping: Mapping, force: bool) -> None:
        """The process flushes and goes when it is told to; with ``force`` it is not waited for."""
        from hactl_agents.host.users import of_disk

        if not force:
            if of_disk(self.host, mapping.name, [mapping.pid]):
                return  # rbd-nbd would go under a mounted file system without a word
            self.host.kill(mapping.pid, SIGTERM, mapping.started)
            if self.gone(mapping, PATIENCE):
                return
        self.host.kill(mapping.pid, SIGKILL, mapping.started)
        if not self.gone(mapping, 5.0):
            raise Failed(f"{PROGRAM} behind {mapping.device} does not die: Ceph hangs")

    def gone(self, mapping: Mapping, seconds: float) -> bool:
        return self.host.wait_for(
            f"waiting for {PROGRAM} behind {mapping.device} to go",
            lambda: self.host.started(mapping.pid) != mapping.started,
            within=seconds,
        )

    def epoch(self, mapping: Mapping) -> int:  # noqa: ARG002
        """Not told; a new librbd begins with the newest."""
        return -1
