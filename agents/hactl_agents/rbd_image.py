"""A Ceph image as a block device: whether it is here, whose it is, taking and leaving it."""

from hactl_agents.ceph.image import Mapping, Spec, Wish
from hactl_agents.ceph.mapper import mappers
from hactl_agents.ocf import (
    Agent,
    BadValue,
    Degraded,
    Failed,
    NotInstalled,
    Status,
    WrongHere,
    action,
    boolean,
    choice,
    string,
    words,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping as Map

    from hactl_agents.ceph.cluster import Cluster
    from hactl_agents.ceph.mapper import Mapper
    from hactl_agents.host.host import Host

NOT_IN_A_NAME = "/@ "  # to the kernel, what stands behind a blank is the next name: a snapshot
OTHERS_MAY_READ, OTHERS_MAY_WRITE = 0o007, 0o022


class RbdImage(Agent):
    """Map an RBD image of a Ceph cluster as a block device, on one node at a time.

    Whether it is mapped is read from the kernel (/sys/bus/rbd, or the device and process of
    rbd-nbd); a monitor never waits for Ceph, and runs no program. Start looks who else uses the
    image: it waits for those that watch it, and takes the lock of a silent owner only after
    Ceph has cut that owner off, so that nothing a frozen node still holds can be written when it
    thaws. A monitor with OCF_CHECK_LEVEL=10 also asks Ceph whether this node is cut off and
    whether the exclusive lock is ours.

    The user needs the caps mon 'profile rbd' and osd 'profile rbd pool=POOL'. Where nodes are
    fenced by fence_ceph_blocklist, set the meta attribute requires=unfencing.
    """

    pool: str = string(
        "Pool of the image", required=True, unique="image", forbid=NOT_IN_A_NAME, example="vms"
    )
    image: str = string(
        "Name of the image", required=True, unique="image", forbid=NOT_IN_A_NAME, example="web1"
    )
    namespace: str = string("Namespace in the pool", "", unique="image", forbid=NOT_IN_A_NAME)
    snapshot: str = string(
        "Name of a snapshot to map instead, read-only", "", unique="image", forbid=NOT_IN_A_NAME
    )
    mapper: str = choice(
        "What maps the image",
        "auto",
        "krbd",
        "nbd",
        default="auto",
        longdesc="What maps the image: krbd is the kernel's own driver, nbd is rbd-nbd; auto takes "
        "the first that this node has",
    )
    read_only: bool = boolean("Whether the device can only be read")
    exclusive: bool = boolean(
        "Whether nobody else may use the image",
        True,
        longdesc="Whether nobody else may use the image: others are waited for, and it is mapped "
        "with its exclusive lock. Set it to false only where several nodes write on purpose, as "
        "with a cluster file system.",
    )
    fence_silent_owner: bool = boolean(
        "Whether start may cut off an owner that is silent",
        True,
        reloadable=True,
        longdesc="Whether start may put an owner on Ceph's blocklist that holds the lock and has "
        "been silent for so long that Ceph forgot it. If not, start fails until it is fenced.",
    )
    client: str = string("The Ceph user, without 'client.'", "admin", forbid="/, ")
    conf: str = string("Ceph's configuration file", "/etc/ceph/ceph.conf", forbid=", ")
    keyring: str | None = string(
        "The file with the user's key",
        forbid=", ",
        longdesc="The file with the user's key. Default: where the configuration file says.",
    )
    options: tuple[str, ...] = words(
        "Options for krbd, such as osd_request_timeout=60 or ms_mode=secure",
        (),
        forbid=",\"'",
        longdesc="Options for krbd, separated by spaces, such as osd_request_timeout=60 or "
        "ms_mode=secure; see rbd(8). With osd_request_timeout, I/O fails after that many seconds "
        "in which Ceph hangs, so that the device can be given up.",
        example="osd_request_timeout=60",
    )
    force: bool = boolean(
        "Whether stop takes the device from under its users",
        reloadable=True,
        longdesc="Whether stop takes the device from under its users. If not, stop fails while a "
        "file system or another device lies on it, and names them.",
    )

    def __init__(self, host: "Host", environ: "Map[str, str]") -> None:
        super().__init__(host, environ)
        self.found: list[Mapping] = []

    # what Pacemaker asks for

    def probe(self) -> int:
        self.found = self.look_for_it()
        if not self.found:
            return Status.STOPPED
        if len(self.found) > 1:
            raise Failed(f"{self.spec} is mapped twice: {names(self.found)}")
        return Status.RUNNING

    @action(timeout=20, interval=10)
    @action(timeout=40, interval=60, depth=10)
    def monitor(self) -> int:
        status: int = super().monitor()
        for mapping in self.found:
            self.refuse_if_unusable(mapping)
        return status

    @action(timeout=90)
    def start(self) -> None:
        mapper, wish = self.chosen(), self.wish()
        epoch = self.take_over(mapper, wish)
        mapper.map(self.spec, wish)
        self.found = mapper.find(self.spec, self.fsid())
        if not self.found:
            raise Failed(f"{self.spec} was mapped and is gone again")
        self.refuse_if_unusable(self.found[0])
        self.refuse_if_behind(mapper, self.found[0], epoch)

    @action(timeout=60)
    def stop(self) -> None:
        for mapping in self.look_for_it():
            mapper = next(each for each in self.mappers() if each.name == mapping.mapper)
            mapper.unmap(mapping, self.force)
        left = self.look_for_it()
        if left:
            raise Failed(f"{names(left)} is still mapped: {self.in_use_by(left)}")

    @action(timeout=20)
    def reload_agent(self) -> None:
        """What may change while it is mapped only says how it is started and stopped."""
        if self.probe() != Status.RUNNING:
            raise Failed(f"{self.spec} is not mapped here: start it")

    def check(self) -> None:
        for name in ("pool", "image", "namespace", "snapshot", "client"):
            if self.values[name][:1] == "-":
                raise BadValue(f"{name}: {self.values[name]!r} begins with a dash")
        for name in ("conf", "keyring"):
            if (self.values[name] or "/")[0] != "/":
                raise BadValue(f"{name}: give the whole path, from /")

    def preflight(self) -> None:
        """Refuse what cannot work on this node, before Ceph is asked for anything."""
        self.chosen()
        for name in ("conf", "keyring"):
            path = self.values[name]
            if path:
                self.refuse_open_file(name, path)

    def refuse_open_file(self, name: str, path: str) -> None:
        """The configuration says whom root asks and obeys, the keyring who we are."""
        found = self.host.paths.facts(path)
        if found is None:
            raise NotInstalled(f"{path}: there is no such file on this node")
        if found.mode & OTHERS_MAY_WRITE:
            raise WrongHere(f"{name}: others may write {path}: chmod go-w it")
        if name == "keyring" and found.mode & OTHERS_MAY_READ:
            raise WrongHere(f"keyring: everybody may read {path}: chmod 600 it")

    def examine(self) -> None:
        """Ask Ceph whether this node may still write."""
        cluster = self.cluster(self.wish())
        _, blocklist = cluster.blocklist()
        for mapping in self.found:
            # not every mapper tells its address; then this node's as a whole has to do
            clients = [mapping.client] if mapping.client else cluster.addresses()
            for client in clients:
                until = blocklist.until(client)
                if until:
                    raise Failed(
                        f"{mapping.device} is cut off: its client {client} is on Ceph's "
                        f"blocklist until {until}, so nothing can be written"
                    )
            self.refuse_foreign_lock(cluster, mapping)

    def undo_start(self) -> None:
        """A device that was mapped and is no good is let go again."""
        from hactl_agents.ocf.undo import stop_and_forget

        stop_and_forget(self)

    # what is mapped

    @property
    def spec(self) -> Spec:
        return Spec(self.pool, self.namespace, self.image, self.snapshot)

    def mappers(self) -> "list[Mapper]":
        return mappers(self.host)

    def look_for_it(self) -> "list[Mapping]":
        """By whatever means it is mapped, also others than we would use today."""
        return [
            mapping for mapper in self.mappers() for mapping in mapper.find(self.spec, self.fsid())
        ]

    def fsid(self) -> str:
        """The cluster's id as noted at start, '' if that is not known."""
        return self.record.get("fsid") or ""

    def wants_to_write(self) -> bool:
        return not self.read_only and not self.snapshot

    def refuse_if_unusable(self, mapping: Mapping) -> None:
        if not mapping.size:
            raise Failed(f"{mapping.device} has no size: it is being taken down")
        if self.wants_to_write() == mapping.read_only:
            how = "read-only" if mapping.read_only else "for writing"
            raise (Failed if mapping.read_only else Degraded)(f"{mapping.device} is mapped {how}")

    def in_use_by(self, mappings: "list[Mapping]") -> str:
        from hactl_agents.host.users import of_disk

        users = [user for each in mappings for user in of_disk(self.host, each.name, [each.pid])]
        if not users:
            return "some process has it open"
        return f"used by {', '.join(users)}: stop that first, or set force=true"

    # taking it

    def chosen(self) -> "Mapper":
        """The mapper that is asked for, or the first that works here. Raises NotInstalled."""
        reasons = []
        for mapper in self.mappers():
            if self.mapper in ("auto", mapper.name):
                reason = mapper.lacks()
                if not reason:
                    return mapper
                reasons.append(f"{mapper.name}: {reason}")
        raise NotInstalled("; ".join(reasons))

    def wish(self) -> Wish:
        write = self.wants_to_write()
        return Wish(
            self.conf,
            self.client,
            self.keyring,
            read_only=not write,
            exclusive=self.exclusive and write,
            options=self.options,
        )

    def cluster(self, wish: Wish) -> "Cluster":
        from hactl_agents.ceph.cluster import Cluster

        return Cluster(self.host, wish)

    def take_over(self, mapper: "Mapper", wish: Wish) -> int:
        """Make sure that nobody else can write; the epoch of the OSD map in which that is so."""
        from hactl_agents.ceph.takeover import Takeover

        cluster = self.cluster(wish)
        self.record.put("fsid", cluster.fsid())
        self.record.save()
        takeover = Takeover(self.host, cluster, self.spec, may_block=self.fence_silent_owner)
        takeover.refuse_if_cut_off()
        self.refuse_features(mapper, cluster, wish)
        if wish.exclusive:
            takeover.secure()
        else:
            takeover.settle()  # a node that was fenced may have shared it with us
        return takeover.epoch

    def refuse_features(self, mapper: "Mapper", cluster: "Cluster", wish: Wish) -> None:
        """Before anybody is cut off for an image that cannot be mapped."""
        from hactl_agents.ceph.cluster import EXCLUSIVE_LOCK

        features = cluster.features(self.spec)
        if wish.exclusive and not features & EXCLUSIVE_LOCK:
            raise Failed(
                f"{self.spec} has no exclusive-lock: run rbd feature enable {self.spec} "
                "exclusive-lock, or set exclusive=false"
            )
        unknown = " ".join(mapper.unknown(features))
        if unknown:
            raise Failed(
                f"{self.spec} has features that this kernel does not know, {unknown}: run rbd "
                f"feature disable {self.spec} {unknown}, or set mapper=nbd"
            )

    def refuse_if_behind(self, mapper: "Mapper", mapping: Mapping, epoch: int) -> None:
        """A client with an older map could be overtaken by writes of the former owner."""
        known = mapper.epoch(mapping)
        if 0 <= known < epoch:
            raise Failed(f"{mapping.device} works by OSD map {known}, older than {epoch}")

    def refuse_foreign_lock(self, cluster: "Cluster", mapping: Mapping) -> None:
        if not self.exclusive or not self.wants_to_write():
            return
        locks = cluster.use(self.spec).locks
        owners = [address for _, _, address in locks]
        if mapping.client and mapping.client not in owners:
            raise Failed(
                f"{mapping.device} has lost the exclusive lock of {self.spec}"
                + (f" to {owners[0]}" if owners else "")
            )


def names(mappings: "list[Mapping]") -> str:
    return " ".join(mapping.device for mapping in mappings)
