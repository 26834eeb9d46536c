"""The parameters of a KVM guest, and what of them can be judged without looking at a node."""

from hactl_agents.declare import BadValue, boolean, choice, integer, seconds, string

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hactl_agents.libvirt.identity import Identity
    from hactl_agents.libvirt.route import Wishes

KINDS = ("kvm", "qemu")
SYSTEM_URIS = ("qemu:///system", "qemu+unix:///system")


class Parameters:
    """Mix-in for the agent; everything that can take effect without a restart is reloadable."""

    definition: "str | None" = string(
        "Path of the guest's libvirt XML",
        unique="definition",
        longdesc="Path of the guest's libvirt XML, readable on every node the guest may run on. "
        "It is read and never changed or deleted. Either this or domain is needed.",
        example="/srv/vms/web1.xml",
    )
    domain: "str | None" = string(
        "The guest's libvirt XML itself",
        multiline=True,
        private=True,  # it may hold a password, and it would make a long record
        longdesc="The guest's libvirt XML itself, kept in the CIB, so that no file has to be on "
        "any node. Either this or definition is needed.",
    )
    name: "str | None" = string(
        "Name of the guest in libvirt",
        unique="name",
        forbid="/",
        reloadable=True,
        longdesc="Name of the guest in libvirt. It is read from the XML; where the definition lies "
        "on storage that a node may not have yet, give it here as well, so that a probe always "
        "knows which guest to look for.",
    )
    uri: str = string("URI of the node's libvirt", "qemu:///system", reloadable=True)

    stop_mode: str = choice(
        "How the guest is stopped",
        "shutdown",
        "save",
        "destroy",
        default="shutdown",
        reloadable=True,
        longdesc="shutdown asks the guest and destroys it when it does not listen; save writes its "
        "memory to save_dir and takes it from there at the next start; destroy cuts its power",
    )
    shutdown_timeout: "int | None" = seconds(
        "How long the guest is asked to shut down before it is destroyed",
        reloadable=True,
        longdesc="How long the guest is asked to shut down before it is destroyed; without it, "
        "until 20 seconds (at most a third) of the operation's timeout are left.",
    )
    save_dir: "str | None" = string(
        "Folder for saved memory, on storage all nodes share",
        reloadable=True,
        longdesc="Folder for saved memory, on storage all nodes share: memory that stays behind on "
        "one node would be restored over disks that have changed since.",
    )
    restore: bool = boolean(
        "Whether saved memory is restored at start; if not, it is thrown away",
        True,
        reloadable=True,
    )
    agent: bool = boolean(
        "Whether the guest runs the QEMU guest agent",
        False,
        reloadable=True,
        longdesc="Whether the guest runs the QEMU guest agent. It is then asked first to shut "
        "down, and has to answer a monitor with OCF_CHECK_LEVEL=10.",
    )
    on_paused: str = choice(
        "What a guest that does not execute means to monitor",
        "fail",
        "degraded",
        "ignore",
        default="fail",
        reloadable=True,
        longdesc="What a guest that exists but does not execute (paused by an I/O error or by "
        "hand, asleep, QEMU stopped by a signal) means to monitor; it is never taken for stopped",
    )
    start_resources: bool = boolean(
        "Whether libvirt's networks and pools that the guest needs are started before it",
        False,
        reloadable=True,
    )
    memory: "int | None" = integer(
        "Memory of the guest in MiB, instead of what the XML says",
        minimum=1,
        maximum=1 << 30,
        reloadable=True,
        longdesc="Memory of the guest in MiB, instead of what the XML says; changed in a running "
        "guest by its balloon, up to the <memory> it was started with.",
    )
    vcpus: "int | None" = integer(
        "Virtual CPUs of the guest, instead of what the XML says",
        minimum=1,
        maximum=4096,
        reloadable=True,
        longdesc="Virtual CPUs of the guest, instead of what the XML says; changed in a running "
        "guest by hot plugging, up to the <vcpu> it was started with.",
    )

    migration_transport: str = choice(
        "How a live migration reaches the other node",
        "ssh",
        "tls",
        "tcp",
        "unix",
        default="ssh",
        reloadable=True,
        longdesc="How a live migration reaches the other node's libvirt: ssh carries the guest's "
        "memory in the same connection, tls encrypts both (certificates for libvirt and QEMU), tcp "
        "encrypts nothing, unix uses sockets in a folder all nodes share",
    )
    migration_network: "str | None" = string(
        "Suffix that turns a node's name into its name on the migration network",
        forbid="/ @?",
        reloadable=True,
        example="-mig",
    )
    migration_user: "str | None" = string(
        "User for migration_transport=ssh", forbid="/ @:?", reloadable=True
    )
    migration_socket: "str | None" = string(
        "Path of any node's libvirt socket for migration_transport=unix, %n being its name",
        forbid="&?# ",
        reloadable=True,
        example="/shared/%n/libvirt-sock",
    )
    migration_bandwidth: "int | None" = integer(
        "Most bandwidth of a migration in MiB/s", minimum=1, maximum=1 << 20, reloadable=True
    )
    migration_max_downtime: "int | None" = integer(
        "Longest pause at the end of a migration in milliseconds",
        minimum=1,
        maximum=2_000_000,
        reloadable=True,
    )
    migration_parallel: "int | None" = integer(
        "Number of connections that carry the memory side by side",
        minimum=1,
        maximum=64,
        reloadable=True,
    )
    migration_tunnelled: "bool | None" = boolean(
        "Whether memory travels in libvirt's own connection (default: only with ssh)",
        None,
        reloadable=True,
    )
    auto_converge: bool = boolean(
        "Whether a guest that changes memory too fast is slowed down until it can be migrated",
        True,
        reloadable=True,
    )
    post_copy: bool = boolean(
        "Whether a migration that takes long goes on with the guest running on the target",
        False,
        reloadable=True,
        longdesc="Whether a migration that takes long (a third of its time, or two passes over "
        "the memory) goes on with the guest running on the target, which fetches the rest. It then "
        "always ends in time, but cannot be aborted, and the guest dies with either node.",
    )
    migration_unsafe: bool = boolean(
        "Whether to migrate although libvirt thinks that the disks' caches make it unsafe",
        False,
        reloadable=True,
        longdesc="Whether to migrate although libvirt thinks it unsafe, because a disk is a file "
        "on something it does not know as shared. Only for storage that really is shared and "
        "coherent.",
    )

    def check(self) -> None:
        """Raise BadValue where the parameters contradict each other. Touches nothing."""
        if bool(self.definition) == bool(self.domain):
            raise BadValue("one of definition and domain has to be given, and only one")
        if self.uri.partition("?")[0] not in SYSTEM_URIS:
            raise BadValue(
                f"uri: {self.uri!r} is not the libvirt of this node: use qemu:///system or "
                "qemu+unix:///system?socket=PATH"
            )
        for name in ("definition", "save_dir", "migration_socket"):
            path = getattr(self, name)
            if path and not path.startswith("/"):
                raise BadValue(f"{name}: {path!r} is not an absolute path")
        if self.stop_mode == "save" and not self.save_dir:
            raise BadValue("save_dir: has to be given with stop_mode=save")
        if self.domain:
            self.judge(self.domain, "domain")
        self.wishes().check()

    def judge(self, text: str, where: str) -> "Identity":
        """What ``text`` defines. Raises BadValue where we cannot run it, naming ``where``."""
        from hactl_agents.libvirt import domain_xml as definition
        from hactl_agents.libvirt import identity_xml as document

        try:
            found = document.read(text)
            self.judge_identity(found)
            definition.well_formed(text)
        except BadValue as exc:
            raise BadValue(f"{where}: {exc}") from None
        return found

    def judge_identity(self, found: "Identity") -> None:
        from hactl_agents.libvirt.identity_xml import is_uuid

        if found.kind not in KINDS:
            raise BadValue(f"a domain of type {found.kind!r} is none of {', '.join(KINDS)}")
        if not found.name or "/" in found.name or found.name in (".", ".."):
            raise BadValue(f"{found.name!r} is not a name for a guest")
        if found.uuid and not is_uuid(found.uuid):
            raise BadValue(f"{found.uuid!r} is not a uuid")
        if self.name and self.name != found.name:
            raise BadValue(f"the guest is called {found.name!r}, but name is {self.name!r}")

    def wishes(self) -> "Wishes":
        """What the parameters say about migration."""
        from hactl_agents.libvirt.route import Wishes

        wishes = Wishes(self.migration_transport)
        wishes.network = self.migration_network or ""
        wishes.user = self.migration_user or ""
        wishes.socket = self.migration_socket or ""
        wishes.bandwidth = self.migration_bandwidth
        wishes.downtime = self.migration_max_downtime
        wishes.connections = self.migration_parallel
        wishes.tunnelled = self.migration_tunnelled
        wishes.auto_converge = self.auto_converge
        wishes.post_copy = self.post_copy
        wishes.unsafe = self.migration_unsafe
        return wishes
