"""Whether a GFS2 and its device still answer: asked by a process that may hang instead of us."""

from hactl_agents.failures import Failed
from hactl_agents.ocf.errors import Degraded

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hactl_agents.gfs2.kernel import Active
    from hactl_agents.host.host import Host
    from hactl_agents.host.storage import Storage

ANSWER = 10.0  # seconds
START_OF_GFS2 = 65536  # bytes; read past the cache, so that the device has to answer


class Health:
    """A deep look."""

    def __init__(self, host: "Host", active: "Active") -> None:
        self.host = host
        self.active = active

    def check(self, directory: str, number: str, node: str) -> None:
        """Raises Failed where it does not answer; with ``node`` it has to write a file, too."""
        from hactl_agents.host.child import Abandoned

        storage = self.host.storage()
        written = f".hactl-{node}".replace("/", "_") if node else ""
        words = (storage, directory, device_node(self.host, number), written)
        try:
            self.host.read_in_child(f"asking {directory}", touch, *words, within=ANSWER)
        except Abandoned as exc:
            self.complain(str(exc))

    def complain(self, sentence: str) -> None:
        """While a dead node is not fenced yet everybody has to wait: no fault of this one."""
        if self.active.recovering:
            raise Degraded(f"{sentence}; the cluster is recovering its locks and journals")
        raise Failed(sentence)


def device_node(host: "Host", number: str) -> str:
    """The kernel's own name for a device: what udev made of it may have gone. Raises Failed."""
    for line in (host.read(f"/sys/dev/block/{number}/uevent") or "").split("\n"):
        if line.startswith("DEVNAME="):
            return "/dev/" + line[8:]
    raise Failed(f"the device {number} has gone")


def touch(storage: "Storage", directory: str, device: str, written: str) -> None:
    storage.read(device, START_OF_GFS2, 4096)
    storage.exercise(directory, written)
