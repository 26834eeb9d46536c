"""fence_libvirt: powers the nodes that are guests of libvirt, through its API."""

from hactl_agents.declare import BadValue, words
from hactl_agents.host.host import Failed, TimedOut
from hactl_agents.libvirt.connection import Connection, LibvirtError
from hactl_fencing.fence.device import OFF, ON, UNKNOWN, FenceDevice

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from hactl_agents.host.host import Host
    from hactl_agents.libvirt.connection import Domain

# What one host knows of a guest
ACTIVE, STOPPED, MIGRATED, ABSENT = "active", "stopped", "migrated", "absent"

# virDomainState; a guest that is paused, shutting down, crashed or asleep is a QEMU that may write
SHUTOFF = 5
ACTIVE_STATES = (1, 2, 3, 4, 6, 7)
SHUTOFF_MIGRATED = 4  # virDomainShutoffReason
FORCE_BOOT = 8  # virDomainCreateFlags: a saved memory image would bring the old node back
AUTH_FAILED = 45  # virErrorNumber
OPERATION_INVALID = 55  # it is already as wanted, perhaps
UUID_LENGTHS = [8, 4, 4, 4, 12]


class LibvirtGuest(FenceDevice):
    """Fence agent for nodes that are guests of libvirt.

    Turns a guest off by destroying it and on by booting it, through libvirt's API over TLS, ssh or
    a unix socket. A guest that is paused, shutting down, crashed or suspended still has a QEMU, so
    it is not off; nor is one whose host does not answer, or one that libvirt says has migrated to
    a host that is not listed in uri. Secrets are not needed: uri names the key or certificate.
    """

    letters = {"uri": "a"}
    steady_for = 1.0  # a guest is gone for a moment while somebody else boots it anew

    uri: "tuple[str, ...]" = words(
        "libvirt URIs of all hosts the guest can run on",
        required=True,
        longdesc="libvirt URIs of all hosts the guest can ever run on, separated by spaces. "
        "A guest is off only if each of them answers and it is active on none.",
        example="qemu+tls://host1/system qemu+ssh://fencer@host2/system?keyfile=/etc/hactl/fence",
    )

    def __init__(self, host: "Host", texts: "Mapping[str, str]") -> None:
        super().__init__(host, texts)
        self.connections: dict[str, Connection] = {}
        self.silent: dict[str, TimedOut] = {}  # a host that let us wait once is not asked again
        self.destroyed = False  # by us, and libvirt says it did

    def check(self) -> None:
        for uri in self.uri:
            scheme, separator, rest = uri.partition("://")
            if not separator or not scheme:
                raise BadValue(f"uri: {uri!r} is not a libvirt URI such as qemu+tls://host1/system")
            if ":" in rest.partition("/")[0].rpartition("@")[0]:
                raise BadValue("uri: a password does not belong here; use a key or a certificate")

    def power(self) -> str:
        found = self.everywhere()
        if ACTIVE not in found and len(found) > 1:
            found = self.everywhere()  # it may have moved from one to the other while we looked
        if ABSENT in found and len(set(found)) == 1 and not self.destroyed:
            raise self.nowhere()
        return judge(found, self.destroyed)

    def everywhere(self) -> "list[str]":
        """What each host knows of the guest. Raises Failed unless it is active somewhere."""
        found, complaint = [], None
        for uri in self.uri:
            try:
                found.append(self.at(uri))
            except Failed as exc:
                complaint = complaint or exc
        if complaint and ACTIVE not in found:
            raise complaint
        return found

    def at(self, uri: str) -> str:
        with self.asking(uri) as connection:
            domain = self.find(connection)
            return known(domain) if domain else ABSENT

    def switch_off(self) -> None:
        """Destroy the guest wherever it is active. Raises Failed where that cannot make it off."""
        found, complaint = [], None
        for uri in self.uri:
            try:
                found.append(self.destroy_at(uri))
            except Failed as exc:
                complaint = complaint or exc
        if complaint:
            raise complaint
        if set(found) == {ABSENT}:
            raise self.nowhere()
        if ACTIVE not in found and judge(found) != OFF:
            raise Failed(f"{self.plug}: has migrated to a host that uri does not name")

    def destroy_at(self, uri: str) -> str:
        """What this host knew of the guest before."""
        with self.asking(uri) as connection:
            domain = self.find(connection)
            what = known(domain) if domain else ABSENT
            if domain is None or what != ACTIVE:
                return what
            try:
                # a QEMU that does not heed SIGTERM is given 10 s by libvirt before SIGKILL
                domain.call("virDomainDestroy", within=None)
                self.destroyed = True
            except LibvirtError as exc:
                if exc.number != OPERATION_INVALID:
                    raise
            return what

    def nowhere(self) -> Failed:
        return Failed(f"there is no guest {self.plug!r} on {' or '.join(self.uri)}")

    def switch_on(self) -> None:
        """Boot the guest where it is defined, unless it might be running already."""
        found = {uri: self.at(uri) for uri in self.uri}
        if ACTIVE in found.values():
            return
        homes = [uri for uri, what in found.items() if what == STOPPED]
        if len(self.uri) > 1:
            homes += [uri for uri, what in found.items() if what == MIGRATED]
        if not homes:
            where = " or ".join(self.uri)
            raise Failed(f"{self.plug}: cannot be started, no host has it defined ({where})")
        self.boot_at(homes[0])

    def boot_at(self, uri: str) -> None:
        with self.asking(uri) as connection:
            domain = self.find(connection)
            if domain is None:
                raise Failed(f"{uri}: there is no guest {self.plug!r} any more")
            try:
                domain.call("virDomainCreateWithFlags", FORCE_BOOT, within=None)
            except LibvirtError as exc:
                if exc.number != OPERATION_INVALID:
                    raise

    def plugs(self) -> "dict[str, tuple[str, str]]":
        found: dict[str, list[str]] = {}
        uuids: dict[str, str] = {}
        for index, uri in enumerate(self.uri):
            for name, uuid, what in self.guests(uri):
                uuids[name] = uuid
                found.setdefault(name, [ABSENT] * len(self.uri))[index] = what
        return {name: (uuids[name], judge(found[name])) for name in sorted(found)}

    def guests(self, uri: str) -> "Iterator[tuple[str, str, str]]":
        """(name, uuid, what this host knows) of every guest of a host."""
        with self.asking(uri) as connection:
            for domain in connection.domains():
                yield domain.name(), domain.uuid(), known(domain)

    # one host

    def find(self, connection: Connection) -> "Domain | None":
        plug = self.plug or ""
        return connection.domain(uuid=plug) if is_uuid(plug) else connection.domain(plug)

    def asking(self, uri: str) -> "Asking":
        return Asking(self, uri)

    def connect(self, uri: str) -> Connection:
        if uri in self.silent:
            raise self.silent[uri]
        if uri not in self.connections:
            try:
                self.connections[uri] = Connection(self.host, speechless(uri))
            except TimedOut as exc:
                self.silent[uri] = exc
                raise
        return self.connections[uri]


class Asking:
    """A connection that is forgotten when a call on it fails, and the host named in the reason."""

    def __init__(self, device: LibvirtGuest, uri: str) -> None:
        self.device = device
        self.uri = uri

    def __enter__(self) -> Connection:
        try:
            return self.device.connect(self.uri)
        except LibvirtError as exc:
            raise Failed(f"{self.uri}: {exc}{hint(exc)}") from None

    def __exit__(self, kind: object, exc: object, trace: object) -> None:
        if isinstance(exc, (LibvirtError, TimedOut)):
            self.device.connections.pop(self.uri, None)
        if isinstance(exc, TimedOut):
            self.device.silent[self.uri] = silence = TimedOut(f"{self.uri}: {exc}")
            raise silence from None
        if isinstance(exc, LibvirtError):
            raise Failed(f"{self.uri}: {exc}") from None


def hint(problem: LibvirtError) -> str:
    """libvirt says that a certificate is not good, and keeps the reason to itself."""
    if problem.number != AUTH_FAILED or "certificate" not in str(problem):
        return ""
    return ": it has expired, is for another hostname, or comes from an unknown authority"


def known(domain: "Domain") -> str:
    """What a host knows of a guest it has. Raises Failed where libvirt is in doubt itself."""
    state, reason = domain.call("virDomainGetState", 0)
    if state == SHUTOFF:
        return MIGRATED if reason == SHUTOFF_MIGRATED else STOPPED
    if state in ACTIVE_STATES:
        return ACTIVE
    raise Failed(f"libvirt does not know the guest's state ({state})")


def judge(found: "Sequence[str]", destroyed: bool = False) -> str:
    """Power by what all hosts know.

    A host that has seen the guest leave proves nothing alone: it runs where it went. A guest that
    nobody has any more is off if we have destroyed it: then it was a transient one.
    """
    if ACTIVE in found:
        return ON
    if STOPPED in found or (MIGRATED in found and len(found) > 1):
        return OFF
    return OFF if destroyed and MIGRATED not in found else UNKNOWN


def speechless(uri: str) -> str:
    """A URI by which ssh asks nobody for a password: there is nobody to answer."""
    if "+ssh:" not in uri or "no_tty=" in uri:
        return uri
    return uri + ("&" if "?" in uri else "?") + "no_tty=1"


def is_uuid(plug: str) -> bool:
    parts = plug.split("-")
    lengths = [len(part) for part in parts]
    return lengths == UUID_LENGTHS and not plug.replace("-", "").strip("0123456789abcdefABCDEF")
