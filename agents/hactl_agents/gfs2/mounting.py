"""Mounting a GFS2: when DLM is ready, within the time there is, with the kernel's own reason.

Imported by start and reload only.
"""

from hactl_agents.gfs2 import dlm, options
from hactl_agents.gfs2.preflight import DLM
from hactl_agents.host.host import Failed, NotInstalled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hactl_agents.gfs2.superblock import Superblock
    from hactl_agents.host.host import Host
    from hactl_agents.host.storage import KernelLog

RESERVE = 3.0  # seconds kept back to undo it


class Mounting:
    """One attempt, of which every step is bounded."""

    def __init__(self, host: "Host", device: str, directory: str) -> None:
        self.host = host
        self.device = device
        self.directory = directory

    def cluster_of_dlm(self) -> str:
        """The cluster's name once lock spaces can be joined. Raises Failed with what is lacking."""

        def is_ready() -> bool:
            return not dlm.lacks(self.host)

        left = self.left()
        if not self.host.wait_for("waiting for DLM", is_ready, within=left, interval=0.5):
            raise Failed(f"DLM is not ready: {dlm.lacks(self.host) or 'it came too late'}")
        return dlm.cluster_name(self.host)

    def mount(self, wanted: "list[str]", found: "Superblock") -> None:
        """Raises Failed, and TimedOut where the kernel does not come back."""
        log = self.host.storage().kernel_log()
        words = ["mount", "-c", "-t", "gfs2", *(["-o", ",".join(wanted)] if wanted else [])]
        try:
            self.host.run(*words, *self.places(), within=self.left(), changes=True)
        except NotInstalled:
            raise
        except Failed as exc:
            raise Failed(f"{exc}{explanation(self.host, found, log)}") from None

    def change(self, wanted: "list[str]") -> None:
        """Other options, while it is mounted."""
        given = ",".join(["remount", *options.RESET, *wanted])
        self.host.run("mount", "-c", "-o", given, *self.places(), changes=True)

    def places(self) -> "tuple[str, ...]":
        return ("--source", self.device, "--target", self.directory)

    def left(self) -> float:
        return max(0.1, self.host.left_but(RESERVE, 600.0) or 0.0)


def explanation(host: "Host", found: "Superblock", log: "KernelLog") -> str:
    """What the kernel and DLM have to say; mount(8) only guesses."""
    said = [
        line
        for line in log.lines()
        if "gfs2" in line and (found.name in line or "fsid" not in line)
    ]
    waits = dlm.waits_for(host, found.name) if found.protocol == DLM else ""
    reason = f" (the kernel: {said[-1]})" if said else ""
    return reason + (f" (the lock space waits for {waits})" if waits else "")
