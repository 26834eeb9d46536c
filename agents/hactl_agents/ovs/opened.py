"""Whether ovs-vswitchd switches the devices that have the uplinks' names by now.

In user space it opens a device once. One that goes and comes back under its name is another device:
the database shows its new index and a link, and not a packet passes until it is opened anew.
"""

from hactl_agents.ovs import daemon
from hactl_agents.ovs.listening import owned_sockets, pid_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from hactl_agents.host.host import Host
    from hactl_agents.netlink.links import Link

DATAPATH = "netdev@ovs-netdev"  # all bridges that are switched in user space
IFACE, INODE = 4, 8  # fields of a line in /proc/net/packet


def strangers(host: "Host", rundir: str, links: "Iterable[Link]") -> "list[str]":
    """The names of devices that ovs-vswitchd should have open and has not."""
    opened = indexes(host, pid_of(host, rundir, daemon.NAME))
    return [link.name for link in links if link.index not in opened]


def indexes(host: "Host", pid: str) -> "set[int]":
    """The devices that a process has a packet socket on; those of everybody for ``self``."""
    own = owned_sockets(host, pid)
    found = set()
    for line in (host.read(f"/proc/{pid}/net/packet") or "").split("\n"):
        words = line.split()
        if len(words) <= INODE or not words[IFACE].isdigit():
            continue
        if pid == "self" or f"socket:[{words[INODE]}]" in own:
            found.add(int(words[IFACE]))
    return found


def forget(host: "Host", rundir: str, names: "Iterable[str]") -> None:
    """Have ovs-vswitchd close devices; with the next change of the database it opens them anew."""
    running = daemon.running(host, rundir)
    for name in names if running is not None else ():
        running.call("dpctl/del-if", [DATAPATH, name])  # type: ignore[union-attr]
