"""A GFS2 on this node: whether it is mounted and works, who may mount it, how it is given up."""

from hactl_agents.gfs2 import options
from hactl_agents.gfs2.kernel import active, can_have_any, can_tell
from hactl_agents.host.mounts import SELF, hiding, parse
from hactl_agents.ocf import (
    Agent,
    Degraded,
    Failed,
    NotConfigured,
    Status,
    action,
    boolean,
    choice,
    integer,
    seconds,
    string,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from hactl_agents.gfs2.kernel import Active
    from hactl_agents.gfs2.preflight import Permission
    from hactl_agents.host.host import Host
    from hactl_agents.host.mounts import Mount

DLM, NOLOCK = "lock_dlm", "lock_nolock"
REMOUNTED = ("options", "quota")  # other parameters that are reloadable are for start and stop
LONGEST_CLUSTER = 32  # characters that mkfs.gfs2(8) takes for a cluster in a lock table


class Gfs2Mount(Agent):
    """Mount a GFS2, the file system that all nodes of a cluster have mounted at once.

    Run it as a clone, after the clones of ocf:pacemaker:controld (DLM) and, where the device is a
    logical volume, of lvmlockd and LVM-activate; set no-quorum-policy=freeze, and on-fail=fence on
    the monitor and stop operations. Start compares the file system's lock table with the cluster
    DLM is in, counts its journals, waits for DLM, and reads back what was mounted.

    A monitor reads mountinfo and /sys/fs/gfs2, runs no program and never waits for the file
    system. One that has withdrawn is a failure that only fencing mends: stop fails and says so.
    With OCF_CHECK_LEVEL=10 the file system and its device have to answer within 10 seconds, with
    20 a small file is also written; if they do not, nothing is left hanging but one process.

    Stop waits for those that use it, finds them by the device's number, and names them. Only with
    force=true it ends them, and never Pacemaker, Corosync, DLM or itself. Stopped means that the
    kernel has nothing left of it, in any mount namespace.
    """

    device: str = string(
        "The block device",
        required=True,
        longdesc="The block device, by a name that is the same on every node",
        example="/dev/vg0/shared",
    )
    directory: str = string(
        "Where it is mounted, an existing folder", required=True, unique="directory",
        example="/srv/shared",
    )  # fmt: skip
    options: str = string(
        "Mount options, separated by commas",
        "",
        forbid=" \"'\\",
        reloadable=True,
        example="noatime,discard",
    )
    quota: str | None = choice(
        "What is done about quotas", "off", "account", "on", "quiet", reloadable=True
    )
    cluster_name: str | None = string(
        "The cluster in the lock table",
        forbid=":",
        longdesc="The cluster that the lock table must name. Default: the one that dlm_controld "
        "has from Corosync.",
    )
    nodes: int | None = integer(
        "How many nodes have it mounted at once, at most",
        minimum=1,
        maximum=1024,
        reloadable=True,
        longdesc="How many nodes have it mounted at once, at most; it needs a journal for each. "
        "Default: clone-max of the clone, which is the number of nodes where it is not given.",
    )
    lock_protocol: str = choice(
        "The lock protocol it was made with",
        DLM,
        NOLOCK,
        default=DLM,
        longdesc="The lock protocol it was made with. A file system that is made with lock_nolock "
        "is for one node, and is refused unless that is said here",
    )
    force: bool = boolean(
        "Whether stop ends the processes that use it",
        reloadable=True,
        longdesc="Whether stop ends the processes that use it: with SIGTERM, and with SIGKILL "
        "those that are still there after the time in patience. If not, stop names them, waits, "
        "and fails; with on-fail=fence the node is fenced then, and they end all the same.",
    )
    patience: int | None = seconds(
        "How long stop waits for those that use it",
        reloadable=True,
        longdesc="How long stop waits for those that use it. Default: until its time is nearly "
        "over; with force, 10 seconds before they are told to end and 10 before they are killed.",
    )

    def __init__(self, host: "Host", environ: "Mapping[str, str]") -> None:
        super().__init__(host, environ)
        self.mount: Mount | None = None  # as probe saw it
        self.active: Active | None = None

    # what Pacemaker asks for

    def probe(self) -> int:
        self.look_for_it()
        if self.mount is None:
            return Status.STOPPED
        if self.active is None:
            raise Failed(f"{self.directory} is mounted, and /sys/fs/gfs2 does not know it")
        if self.active.withdrawn:
            raise Failed(self.active.remains())
        return Status.RUNNING

    @action(timeout=20, interval=10)
    @action(timeout=40, interval=60, depth=10)
    def monitor(self) -> int:
        status: int = super().monitor()
        if self.mount is not None and self.active is not None:
            self.judge(self.mount, self.active)
        return status

    @action(timeout=120)
    def start(self) -> None:
        from hactl_agents.gfs2.mounting import Mounting

        mounting, permission = Mounting(self.host, self.device, self.directory), self.permission()
        found = permission.superblock()
        permission.refuse_taken_table(found)
        if found.protocol == DLM:
            permission.refuse_other_cluster(found, mounting.cluster_of_dlm())
        device = self.host.paths.facts(self.device)
        self.record.put("number", device.identity if device else None)
        self.record.put("table", found.table)
        self.record.save()
        mounting.mount(self.wanted(), found)
        self.look_for_it()
        if self.mount is None:
            raise Failed(f"{self.directory} was mounted and is gone again")
        self.refuse_unlike(self.mount)

    @action(timeout=120)
    def stop(self) -> None:
        number = self.number_to_stop()
        if not number:
            return
        from hactl_agents.gfs2.release import Release

        Release(self.host, number, self.directory, self.patience, force=self.force).run()

    @action(timeout=60)
    def reload_agent(self) -> None:
        self.look_for_it()
        if self.mount is None:
            raise Failed(f"{self.directory} is not mounted here: start it")
        before = self.record.parameters()
        same = all(before.get(name) == self.texts.get(name) for name in REMOUNTED)
        if same and not options.missing(self.wanted(), self.mount.options):
            return
        from hactl_agents.gfs2.mounting import Mounting

        Mounting(self.host, self.device, self.directory).change(self.wanted())
        self.look_for_it()
        if self.mount is not None:
            self.refuse_unlike(self.mount)

    def check(self) -> None:
        for name in ("device", "directory"):
            refuse_odd_path(name, self.values[name])
        if len(self.cluster_name or "") > LONGEST_CLUSTER:
            raise NotConfigured(
                f"cluster_name: a lock table has room for a name of {LONGEST_CLUSTER} characters"
            )
        wrong = options.refused(options.split(self.options))
        if wrong:
            raise NotConfigured(f"options: {wrong[0]} is not for this agent: leave it out")
        if self.lock_protocol == NOLOCK and self.meta("clone_max") not in ("", "1"):
            raise NotConfigured(
                "lock_protocol: with lock_nolock two nodes would destroy it: do not clone it"
            )

    def preflight(self) -> None:
        """Refuse what cannot work on this node, before anything is touched."""
        self.look_for_it()
        if self.mount is not None:
            return
        permission = self.permission()
        permission.refuse_directory()
        permission.refuse_device()
        found = permission.superblock()
        permission.refuse_protocol(found, self.lock_protocol)
        permission.refuse_other_cluster(found, self.cluster_name or "")
        if "spectator" not in self.wanted():
            permission.refuse_journals(found, self.nodes or int(self.meta("clone_max") or 1))

    def examine(self) -> None:
        from hactl_agents.gfs2.health import Health

        if self.mount is not None and self.active is not None:
            node = self.meta("on_node") if self.level >= 20 else ""
            health = Health(self.host, self.active)
            health.check(self.directory, self.mount.number, node)

    def permission(self) -> "Permission":
        from hactl_agents.gfs2.preflight import Permission

        return Permission(self.host, self.device, self.directory)

    def undo_start(self) -> None:
        """Unmount what is not as it should be; a mount that may still come is left to stop."""
        from hactl_agents.ocf.undo import stop_and_forget

        stop_and_forget(self)

    # what is here

    def look_for_it(self) -> None:
        """Find mount and file system. Raises Failed where they are in doubt."""
        self.mount = self.active = None
        mounts = parse(self.host.read(SELF) or "")
        here = [each for each in mounts if each.point == self.directory and each.type == "gfs2"]
        numbers = self.numbers() if here or can_have_any(self.host) else []
        found = [each for each in here if each.number in numbers]
        if not found and here and not numbers:
            found = [each for each in here if self.same_source(each)]
        if found:
            self.take(found[-1], mounts)
        else:
            self.refuse_remains(numbers, mounts)

    def take(self, mount: "Mount", mounts: "list[Mount]") -> None:
        if mount.root != "/":
            raise Failed(f"{self.directory} shows only the folder {mount.root} of the file system")
        over = hiding(mounts, mount)
        if over is not None:
            raise Failed(f"{self.directory} is hidden by {over}: unmount that")
        self.mount, self.active = mount, active(self.host, mount.number)

    def same_source(self, mount: "Mount") -> bool:
        """Where the device is gone and nothing was noted, its name has to do."""
        if mount.source == self.device:
            return True
        raise Failed(
            f"{mount}: there is no {self.device} here to tell whether that is the same device"
        )

    def refuse_remains(self, numbers: "list[str]", mounts: "list[Mount]") -> None:
        """Not mounted is not gone: the kernel may have it all the same."""
        if not can_tell(self.host):
            raise Failed("the kernel knows GFS2, but /sys/fs/gfs2 is not there to tell which")
        for number in numbers:
            found = active(self.host, number)
            elsewhere = [each for each in mounts if each.number == number]
            if found is None or (elsewhere and not self.record.get("number")):
                continue  # somebody else's mount of it is his
            if elsewhere:
                raise Failed(f"{found.table} is mounted on {elsewhere[-1].point}, not on "
                             f"{self.directory}: unmount it there")  # fmt: skip
            raise Failed(found.remains())

    def numbers(self) -> "list[str]":
        """What the device's number was when it was started; where nobody knows, what it is now.

        A resource that was started has its number in the record, and its device is not touched.
        """
        noted = self.record.get("number")
        if noted:
            return [noted]
        found = self.host.paths.facts(self.device)
        return [found.identity] if found and found.is_block else []

    def number_to_stop(self) -> str:
        """The number of the device that is to be given up; '' if nothing of it is here."""
        for number in self.numbers() if can_have_any(self.host) else []:
            if active(self.host, number) is not None:
                return number
        self.look_for_it()
        return self.mount.number if self.mount is not None else ""

    # what is wrong with it

    def judge(self, mount: "Mount", found: "Active") -> None:
        """Raise Failed or Degraded with what is not as it should be."""
        wanted, has = self.wanted(), mount.options
        if "ro" in has and "ro" not in wanted:
            raise Failed(f"{self.directory} is mounted read-only")
        if found.frozen:
            raise Degraded(f"{found.table} is frozen: nobody can write until it is thawed")
        missing = options.missing(wanted, has)
        if missing:
            raise Degraded(f"{self.directory} is mounted without {','.join(missing)}")

    def refuse_unlike(self, mount: "Mount") -> None:
        missing = options.missing(self.wanted(), mount.options)
        if missing:
            raise Failed(f"the kernel has mounted it without {','.join(missing)}")

    def wanted(self) -> "list[str]":
        given = options.split(self.options)
        return [*given, f"quota={self.quota}"] if self.quota else given


def refuse_odd_path(name: str, path: str) -> None:
    parts = path.split("/")
    if path[:1] != "/" or len(parts) < 2 or not parts[1]:
        raise NotConfigured(f"{name}: give the whole path of it, from /")
    if "" in parts[1:] or "." in parts or ".." in parts:
        raise NotConfigured(f"{name}: write {path} without '//', '.', '..' and a '/' at the end")
