"""A mounted GFS2 as the kernel shows it in /sys/fs/gfs2; never asks the file system itself."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hactl_agents.host.host import Host

FOLDER = "/sys/fs/gfs2"
THAW = 10.0  # seconds
FENCE = "this node has to be fenced (on-fail=fence)"


class Active:
    """A GFS2 that this node's kernel has: mounted, or about to be, or not quite unmounted."""

    def __init__(self, host: "Host", table: str) -> None:
        self.host = host
        self.table = table

    @property
    def withdrawn(self) -> bool:
        """The kernel found it inconsistent, or its device broken, and does not touch it again."""
        return self.says("withdraw") == "1"

    @property
    def frozen(self) -> bool:
        """Nobody can write, until somebody thaws it (fsfreeze(8))."""
        return self.says("freeze") == "1"

    @property
    def recovering(self) -> bool:
        """Locks are held back until a dead node is fenced and its journal replayed."""
        return self.says("lock_module/block") == "1"

    def remains(self) -> str:
        """A sentence on why it is neither running nor stopped."""
        if self.withdrawn:
            return f"{self.table} has withdrawn on this node: {FENCE}"
        if self.frozen:
            return f"{self.table} was unmounted while it was frozen, and is not gone"
        return (
            f"{self.table} is still active on this node, though it is mounted nowhere that can be "
            "seen: it is being mounted or unmounted, a process has it open, or another namespace"
        )

    def says(self, name: str) -> str:
        return (self.host.read(f"{FOLDER}/{self.table}/{name}") or "").strip()

    def thaw(self, directory: str) -> None:
        """Undo a freeze the way it was made, by programs: that may hang where the file system does.

        Where fsfreeze(8) froze it for all nodes, a thaw by /sys is not a thaw: the file system says
        that it is thawed, and hangs (Linux 6.1). Raises Failed, TimedOut.
        """
        if self.frozen_everywhere:
            self.host.run("fsfreeze", "--unfreeze", directory, within=THAW, changes=True)
        else:
            switch = f"{FOLDER}/{self.table}/freeze"
            self.host.run("tee", switch, stdin="0", within=THAW, changes=True)

    @property
    def frozen_everywhere(self) -> bool:
        lines = self.says("status").split("\n")
        return any(line.startswith("FS Frozen:") and line.endswith("1") for line in lines)


def active(host: "Host", number: str) -> "Active | None":
    """The GFS2 on the device with that number."""
    for table in host.listdir(FOLDER):
        if (host.read(f"{FOLDER}/{table}/id") or "").strip() == number:
            return Active(host, table)
    return None


def can_have_any(host: "Host") -> bool:
    """Whether this kernel has a GFS2, mounted or not, as far as it tells."""
    return bool(host.listdir(FOLDER))


def can_tell(host: "Host") -> bool:
    """Whether what is not in /sys/fs/gfs2 is not there: the kernel has that folder with GFS2."""
    return host.exists(FOLDER) or "\tgfs2\n" not in (host.read("/proc/filesystems") or "")
