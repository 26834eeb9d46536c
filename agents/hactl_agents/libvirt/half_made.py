"""A guest that libvirt holds for active and that has no process: soon over, or never.

libvirt needs a moment to take down a guest that has ended. But where libvirtd died while it made
one, its status file says "starting up" with the process 0, and every later libvirtd believes that
for ever (qemuProcessReconnectHelper: it looks after nobody without a pid). Such a guest can be
destroyed, unless the job of the start is noted as well: then each call waits for that in vain, and
only a libvirtd that starts without the file has forgotten it. No process ever comes of either.
"""

from hactl_agents.host.host import Failed
from hactl_agents.libvirt import daemon, status_file
from hactl_agents.libvirt.connection import LibvirtError
from hactl_agents.libvirt.evidence import RUN_DIR

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from hactl_agents.host.host import Host
    from hactl_agents.libvirt.connection import Connection, Domain

OWN_END = 5.0  # seconds libvirt gets to take down what has ended before that is looked into


def is_left(host: "Host", name: str) -> bool:
    """Whether a status file tells of a guest in the making that has no process."""
    try:
        text = host.read(f"{RUN_DIR}/{name}.xml") or ""
    except Failed:
        return False
    return status_file.read(text).half_made


def forget(host: "Host", name: str) -> None:
    """Remove such a file, so that no libvirtd to come believes it. Raises Failed."""
    if is_left(host, name):
        host.log(f"removing what an earlier libvirtd noted of {name}, which has no process")
        host.remove(f"{RUN_DIR}/{name}.xml")


def clear(connect: "Callable[[], Connection]", host: "Host", name: str, uuid: str) -> None:
    """End one of which nothing can come any more, as far as libvirt lets us."""
    try:
        HalfMade(connect(), name, uuid, lambda: False).destroy()
    except LibvirtError as exc:
        if exc.nobody_there():
            forget(host, name)
        else:
            host.log(str(exc))
    except Failed as exc:
        host.log(str(exc))


class HalfMade:
    """One guest by its name and uuid, of which there certainly is no process on this node.

    ``process`` says whether there is one by now: then nothing is ended.
    """

    def __init__(
        self, connection: "Connection", name: str, uuid: str, process: "Callable[[], bool]"
    ) -> None:
        self.connection = connection
        self.host = connection.host
        self.name = name
        self.uuid = uuid
        self.process = process

    def active(self) -> "Domain | None":
        """The guest, if libvirt calls it active."""
        try:
            found = self.connection.guest(self.name, self.uuid)
            return found if found is not None and found.active() else None
        except LibvirtError as exc:
            if exc.no_such_domain():  # it went between two questions
                return None
            raise

    def end(self) -> None:
        """Wait until libvirt has done with it, and clear what would never end. Raises Failed."""
        left = self.host.left(4 * OWN_END) or 0.0
        if self.over(left / 4):
            return
        if not self.process() and is_left(self.host, self.name):
            self.destroy()
        if not self.over((self.host.left(12 * OWN_END) or 0.0) / 2):
            raise Failed(
                f"libvirt says {self.name} is active, but it has no process of ours; what ends "
                f"that if it stays: {self.mend()}"
            )

    def over(self, within: float) -> bool:
        step = f"waiting for libvirt to take down {self.name}"
        return self.host.wait_for(step, lambda: self.active() is None, within=within, interval=0.2)

    def destroy(self) -> None:
        """Raises Failed with the mend where libvirt cannot."""
        domain = self.active()
        if domain is None:
            return
        try:
            self.host.log(f"{self.name} was half made by an earlier libvirtd: ending that")
            domain.call("virDomainDestroyFlags", 0)
        except LibvirtError as exc:
            if not exc.no_such_domain():
                self.give_up(exc)
        except Failed as exc:
            self.give_up(exc)

    def give_up(self, exc: Failed) -> None:
        """Only a new daemon helps; it must not believe the file."""
        forget(self.host, self.name)
        raise Failed(
            f"libvirt holds {self.name} for active, which an earlier libvirtd had half made and "
            f"which has no process, and cannot end that ({exc}): {self.mend()}"
        ) from None

    def mend(self) -> str:
        return daemon.restart(daemon.running(self.host))
