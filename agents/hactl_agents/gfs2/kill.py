"""Ending the processes that keep a file system: told first, then killed, never the wrong ones."""

from hactl_agents.gfs2.users import COPY
from hactl_agents.host.host import SIGKILL, SIGTERM

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hactl_agents.gfs2.users import User
    from hactl_agents.host.host import Host

# what the node and the cluster stand on: to end it would do more harm than any mount
PROTECTED = (
    "pacemaker", "corosync", "dlm_controld", "lvmlockd", "sanlock", "wdmd", "sbd", "systemd",
    "multipathd", "dmeventd", "iscsid", "udevd", "dbus-daemon", "rpc.mountd", "gssproxy",
)  # fmt: skip
WORDS = {SIGTERM: "terminates", SIGKILL: "kills"}


def send(host: "Host", users: "list[User]", signal: int, directory: str) -> None:
    """Signal those that may be ended, and write down whom."""
    for user in users:
        reason = spared(host, user)
        if reason:
            host.log(f"spares {user}, which uses {directory}: {reason}")
        elif host.kill(user.pid, signal, user.started):
            host.log(f"{WORDS[signal]} {user}, which uses {directory}")


def spared(host: "Host", user: "User") -> str:
    """Why a process must not be ended, '' if it may."""
    if user.pid == 1:
        return "it is process 1"
    if user.how == COPY:
        return "that is no use, and will be undone"
    if user.pid in lineage(host):
        return "we were started by it"
    names = (user.name, (host.readlink(f"/proc/{user.pid}/exe") or "").rpartition("/")[2])
    if any(name.startswith(PROTECTED) for name in names):
        return "the cluster stands on it"
    return ""


def lineage(host: "Host") -> "set[int]":
    """This process and all that it descends from."""
    found: set[int] = set()
    pid = host.pid()
    while pid and pid not in found:
        found.add(pid)
        pid = parent(host.read(f"/proc/{pid}/stat") or "")
    return found


def parent(stat: str) -> int:
    """proc(5), field 4; the name in field 2 may hold anything."""
    fields = stat.rpartition(")")[2].split()
    return int(fields[1]) if len(fields) > 1 else 0
