"""Whether a GFS2 may be mounted here: directory, device, superblock and cluster.

Imported by start only. Changes nothing.
"""

from hactl_agents.gfs2.kernel import FOLDER
from hactl_agents.host.mounts import SELF, parse
from hactl_agents.ocf.errors import Failed, WrongHere

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hactl_agents.gfs2.superblock import Superblock
    from hactl_agents.host.host import Host

DLM, NOLOCK = "lock_dlm", "lock_nolock"
APPEARS = 5.0  # seconds a device may take to appear, by udev
TYPE, FOLDER_TYPE = 0o170000, 0o040000  # in st_mode, inode(7)


class Permission:
    """All that is looked at before a mount. Every method raises WrongHere where it must not be."""

    def __init__(self, host: "Host", device: str, directory: str) -> None:
        self.host = host
        self.device = device
        self.directory = directory

    def refuse_directory(self) -> None:
        for mount in parse(self.host.read(SELF) or ""):
            if mount.point == self.directory:
                raise WrongHere(f"directory: {mount} is there already: unmount it")
        step = f"looking at {self.directory}"
        link, kind, is_empty = self.host.read_in_child(step, look, self.host, self.directory)
        if link:
            raise WrongHere(f"directory: {link} is a symbolic link: give the path it leads to")
        if not kind:
            raise WrongHere(f"directory: there is no {self.directory}: make it on every node")
        if kind != FOLDER_TYPE:
            raise WrongHere(f"directory: {self.directory} is not a folder")
        if not is_empty:
            self.host.log(f"{self.directory} is not empty: what is in it will be hidden")

    def refuse_device(self) -> None:
        paths = self.host.paths

        def is_there() -> bool:
            return paths.exists(self.device)

        self.host.wait_for(f"waiting for {self.device}", is_there, within=APPEARS, interval=0.5)
        found = paths.facts(self.device)
        if found is None:
            raise WrongHere(f"device: this node has no {self.device}")
        if not found.is_block:
            raise WrongHere(f"device: {self.device} is not a block device")
        for mount in parse(self.host.read(SELF) or ""):
            if mount.number == found.identity:
                raise WrongHere(f"device: {mount} is mounted already: unmount it there")

    def superblock(self) -> "Superblock":
        """What the medium says; read in a process of its own, because a device may hang."""
        from hactl_agents.failures import TimedOut
        from hactl_agents.gfs2.superblock import Superblock, fields

        storage, device = self.host.storage(), self.device

        def read(offset: int, size: int) -> bytes:
            return storage.read(device, offset, size)

        try:
            step = f"reading the superblock of {device}"
            return Superblock(*self.host.read_in_child(step, fields, read))
        except TimedOut:
            raise
        except Failed as exc:
            text = str(exc)
            raise WrongHere(text if device in text else f"device: {device}: {text}") from None

    def refuse_protocol(self, found: "Superblock", wanted: str) -> None:
        if found.protocol == wanted:
            return
        if found.protocol == NOLOCK:
            raise WrongHere(
                f"{self.device} was made with {NOLOCK}, for one node only: set "
                f"lock_protocol={NOLOCK}, or run tunegfs2 -o lockproto={DLM} {self.device}"
            )
        raise WrongHere(f"{self.device} was made with {found.protocol or 'no lock protocol'}: "
                        "set lock_protocol to that")  # fmt: skip

    def refuse_journals(self, found: "Superblock", nodes: int) -> None:
        more = nodes - found.journals
        if more > 0:
            raise WrongHere(
                f"{self.device} has {count(found.journals, 'journal')} for "
                f"{count(nodes, 'node')}: run gfs2_jadd -j {more} {self.directory} where it is "
                f"mounted, or set nodes={found.journals}"
            )

    def refuse_other_cluster(self, found: "Superblock", cluster: str) -> None:
        """``cluster`` '' where that is not known yet."""
        if found.protocol != DLM:
            return
        if not found.cluster or not found.name:
            raise WrongHere(f"{self.device}: its lock table {found.table!r} is not CLUSTER:NAME")
        if cluster and found.cluster != cluster:
            raise WrongHere(
                f"the lock table of {self.device} is {found.table}, of another cluster than "
                f"{cluster}: if no node of that cluster uses it, run tunegfs2 -o "
                f"locktable={cluster}:{found.name} {self.device}"
            )

    def refuse_taken_table(self, found: "Superblock") -> None:
        """Two file systems with one lock table would share their locks."""
        for table in self.host.listdir(FOLDER):
            if found.table and table == found.table.replace("/", "_"):
                number = (self.host.read(f"{FOLDER}/{table}/id") or "").strip()
                raise WrongHere(
                    f"the lock table {table} is in use by the device {number}: is {self.device} "
                    "a copy of that? Give it a table of its own with tunegfs2 -o locktable"
                )


def look(host: "Host", directory: str) -> "tuple[str, int, bool]":
    """A symbolic link on the way to a folder, '' for none; its type, 0 for nothing; is it empty."""
    path = ""
    for part in directory.split("/")[1:]:
        path += f"/{part}"
        if host.readlink(path) is not None:
            return path, 0, True
    found = host.facts(directory)
    kind = found[0] & TYPE if found else 0
    return "", kind, kind != FOLDER_TYPE or not host.listdir(directory)


def count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")
