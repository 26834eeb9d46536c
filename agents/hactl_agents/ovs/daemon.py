"""ovs-vswitchd, asked over its control socket: whether it lives, and which bridges it runs.

The database says what should be; only the daemon knows what is.
"""

from hactl_agents.failures import TimedOut
from hactl_agents.ovs.wire import NobodyListens, Wire

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hactl_agents.host.host import Host

NAME = "ovs-vswitchd"
BLINK = 0.5  # seconds


def running(host: "Host", rundir: str) -> "Wire | None":
    """A conversation with the daemon; None where there is none. Raises TimedOut if it hangs.

    Sockets of dead daemons stay behind in the folder; nobody listens on them.
    """
    for name in host.listdir(rundir):
        if not name.startswith(f"{NAME}.") or not name.endswith(".ctl"):
            continue
        wire = Wire(host, f"{rundir}/{name}", NAME)
        try:
            wire.call("version", [])
        except NobodyListens:
            continue
        return wire
    return None


def lives(host: "Host", rundir: str) -> bool:
    """Whether there is a daemon, be it one that hangs: this never waits for it."""
    from hactl_agents.ovs.listening import pid_of

    pid = pid_of(host, rundir, NAME)
    if pid != "self" and host.started(int(pid)) is not None:
        return True
    for name in host.listdir(rundir):
        if name.startswith(f"{NAME}.") and name.endswith(".ctl"):
            try:
                connection = host.dial(f"{rundir}/{name}", BLINK)
            except TimedOut:
                return True  # it takes no more callers
            if connection is not None:
                connection.close()
                return True
    return False


def bridges(host: "Host", rundir: str) -> "list[str] | None":
    """The bridges it runs, by its own words; None where there is no daemon."""
    wire = running(host, rundir)
    return None if wire is None else str(wire.call("ofproto/list", [])).split()
