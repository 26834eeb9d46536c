"""Whether a daemon listens where its database says, by the kernel's tables; judges nothing.

Another program may have the port: Open vSwitch only logs that.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hactl_agents.host.host import Host

CONTROL = ".ctl"  # sockets are called DAEMON.PID.ctl
LISTEN = "0A"  # st in /proc/net/tcp (proc(5))
PORTS = {"ovs-vswitchd": "6653", "ovsdb-server": "6640"}  # where a target names none


def listens(host: "Host", rundir: str, daemon: str, target: str) -> bool:
    """Whether ``daemon`` listens at a passive target. Raises Failed where that cannot be told."""
    kind, _, rest = target.partition(":")
    if kind == "punix":
        return host.exists(rest)
    port = int(rest.partition(":")[0] or PORTS[daemon])
    return port in ports(host, pid_of(host, rundir, daemon))


def pid_of(host: "Host", rundir: str, daemon: str) -> str:
    """The process of a daemon; that of ourselves where it is hidden from us, as by a container."""
    for name in host.listdir(rundir):
        pid = name.removeprefix(f"{daemon}.").removesuffix(CONTROL)
        if pid.isdigit() and (host.read(f"/proc/{pid}/comm") or "").strip() == daemon[:15]:
            return pid
    return "self"


def owned_sockets(host: "Host", pid: str) -> "set[str | None]":
    """The sockets of a process, each as ``socket:[INODE]``."""
    folder = f"/proc/{pid}/fd"
    return {host.readlink(f"{folder}/{name}") for name in host.listdir(folder)}


def ports(host: "Host", pid: str) -> "set[int]":
    """The TCP ports a process listens on; those of everybody in its network for ``self``."""
    own = owned_sockets(host, pid)
    found = set()
    for name in ("tcp", "tcp6"):
        for line in (host.read(f"/proc/{pid}/net/{name}") or "").split("\n"):
            words = line.split()
            if len(words) < 10 or words[3] != LISTEN:
                continue
            if pid == "self" or f"socket:[{words[9]}]" in own:
                found.add(int(words[1].rpartition(":")[2], 16))
    return found
