"""Sockets that keep a file system mounted, as they have a name on it.

What a process has open is a socket then, and its /proc/PID/fd says nothing of any path.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hactl_agents.host.host import Host


class Sockets:
    """The sockets on the device ``number`` (MAJOR:MINOR) of every network namespace looked at."""

    def __init__(self, host: "Host", number: str) -> None:
        self.host = host
        self.number = number
        self.own = host.readlink("/proc/self/ns/net")
        self.seen: set[str | None] = set()
        self.bound: set[str] = set()

    def learn(self, pid: str) -> None:
        """Take in the network namespace of a process."""
        namespace = self.host.readlink(f"/proc/{pid}/ns/net")
        if namespace in self.seen:
            return
        self.seen.add(namespace)
        path = "" if namespace == self.own else f"/proc/{pid}/ns/net"
        self.bound |= self.host.storage().sockets_on(self.number, path)

    def holds(self, link: str) -> bool:
        """Whether what a process has open (``socket:[INODE]``) is one of them."""
        return link in self.bound
