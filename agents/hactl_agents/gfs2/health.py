"""Whether a GFS2 and its device still answer: asked by a process that may hang instead of us."""

from hactl_agents.failures import Failed
from hactl_agents.ocf.errors import Degraded

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from hactl_agents.gfs2.kernel import Active
    from hactl_agents.host.host import Host
    from hactl_agents.host.storage import Storage

ANSWER = 10.0  # seconds
START_OF_GFS2 = 65536  # bytes; read past the cache, so that the device has to answer


class Health:
    """A deep look. ``note`` is where a process that hangs is remembered, so that one is enough."""

    def __init__(self, host: "Host", note: str, active: "Active") -> None:
        self.host = host
        self.note = note
        self.active = active

    def check(self, directory: str, number: str, node: str) -> None:
        """Raises Failed where it does not answer; with ``node`` it has to write a file, too."""
        from hactl_agents.host.child import Abandoned

        self.refuse_if_it_still_hangs(directory)
        storage = self.host.storage()
        written = f".hactl-{node}".replace("/", "_") if node else ""
        step = f"asking {directory}"
        try:
            node_of_it = device_node(self.host, number)
            self.host.apart(step, touch, storage, directory, node_of_it, written, within=ANSWER)
        except Abandoned as exc:
            self.host.save(self.note, f"{exc.pid} {self.host.started(exc.pid)}")
            self.complain(str(exc))

    def refuse_if_it_still_hangs(self, directory: str) -> None:
        words = (self.host.load(self.note) or "").split()
        if len(words) == 2 and words[0].isdigit():
            if str(self.host.started(int(words[0]))) == words[1]:
                self.complain(f"{directory} still hangs: process {words[0]} waits for it")
            self.host.drop(self.note)

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


def touch(storage: "Storage", directory: str, device: str, written: str) -> "Iterable[bytes]":
    storage.read(device, START_OF_GFS2, 4096)
    return storage.exercise(directory, written)
