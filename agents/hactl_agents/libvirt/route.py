"""How a guest travels to another node: URIs, flags and parameters for libvirt's migration API.

Pure. One way per transport: ``tls`` and ``tcp`` connect libvirt and QEMU directly, ``ssh``
carries the guest's memory inside libvirt's own connection, ``unix`` uses sockets in a folder that
all nodes share.
"""

from hactl_agents.declare import BadValue
from hactl_agents.libvirt import migration
from hactl_agents.libvirt.migration import Route


class Wishes:
    """What the parameters say about migration; None and '' where they say nothing."""

    def __init__(self, transport: str) -> None:
        self.transport = transport
        self.network = ""
        self.user = ""
        self.socket = ""
        self.bandwidth: int | None = None
        self.downtime: int | None = None
        self.connections: int | None = None
        self.tunnelled: bool | None = None
        self.auto_converge = True
        self.post_copy = False
        self.unsafe = False

    def in_tunnel(self) -> bool:
        """Memory in the clear is nothing anybody gets without asking for it."""
        return self.transport == "ssh" if self.tunnelled is None else self.tunnelled

    def check(self) -> None:
        """Raise BadValue where they contradict each other."""
        if self.transport == "unix" and "%n" not in self.socket:
            raise BadValue(
                "migration_socket: must hold %n for the node's name with migration_transport=unix, "
                "such as /shared/%n/libvirt-sock"
            )
        if self.in_tunnel() and (self.post_copy or self.connections):
            raise BadValue(
                "post_copy and migration_parallel need a connection of QEMU's own: use "
                "migration_transport=tls, or set migration_tunnelled=false"
            )
        if self.post_copy and self.connections:
            raise BadValue("post_copy and migration_parallel exclude each other")


def route(target: str, wishes: Wishes, guest: str) -> Route:
    """The way to the node called ``target`` for the guest of that uuid."""
    params: dict[str, str | int] = {}
    if wishes.bandwidth:
        params["bandwidth"] = wishes.bandwidth
    if wishes.connections:
        params["parallel.connections"] = wishes.connections
    where = stream(target, wishes, guest)
    if where:
        params["migrate_uri"] = where
    found = Route(target, control(target, wishes), flags(wishes), params)
    found.downtime = wishes.downtime
    return found


def control(target: str, wishes: Wishes) -> str:
    """The URI of the target's libvirt. Inside a tunnel it carries the memory as well."""
    if wishes.transport == "unix":
        return f"qemu+unix:///system?socket={socket(target, wishes)}"
    host = target + wishes.network if wishes.in_tunnel() else target
    if wishes.transport == "ssh":
        user = f"{wishes.user}@" if wishes.user else ""
        return f"qemu+ssh://{user}{host}/system?no_tty=1"
    return f"qemu+{wishes.transport}://{host}/system"


def stream(target: str, wishes: Wishes, guest: str) -> str:
    """Where QEMU sends the memory; '' to let libvirt choose."""
    if wishes.in_tunnel():
        return ""
    if wishes.transport == "unix":
        # a part of the uuid keeps apart two guests on their way, and the path short (unix(7))
        return f"unix://{socket(target, wishes)}.{guest[:8]}"
    return f"tcp://{target}{wishes.network}" if wishes.network else ""


def socket(target: str, wishes: Wishes) -> str:
    return wishes.socket.replace("%n", target)


def flags(wishes: Wishes) -> int:
    chosen = migration.ALIVE | migration.PEER2PEER | migration.ABORT_ON_ERROR
    wanted = {
        migration.TUNNELLED: wishes.in_tunnel(),
        migration.TLS: wishes.transport == "tls" and not wishes.in_tunnel(),
        migration.AUTO_CONVERGE: wishes.auto_converge,
        migration.POSTCOPY: wishes.post_copy,
        migration.PARALLEL: bool(wishes.connections),
        migration.UNSAFE: wishes.unsafe,
    }
    for flag, wish in wanted.items():
        chosen |= flag if wish else 0
    return chosen
