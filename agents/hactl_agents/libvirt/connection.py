"""libvirt's API by its C binding alone: ``import libvirt`` would cost each monitor 15 ms more.

Every call is bounded, because a daemon that hangs answers nobody. Knows no policy.
"""

import errno
import posix

from hactl_agents.host.host import Failed
from hactl_agents.libvirt import verdict

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from hactl_agents.host.host import Host
    from hactl_agents.host.thread import Task

PATIENCE = 5.0  # seconds for a call that a healthy daemon answers in milliseconds, at least
SHARE = 1 / 3  # of the time that is left, for one answer of a daemon that may be busy
ALL = -1.0  # as patience: all the time there is
LIVE = 1  # VIR_DOMAIN_AFFECT_LIVE
INVALID_ARGUMENT, OPERATION_FAILED, SYSTEM_ERROR = 8, 9, 38  # virErrorNumber
NO_DOMAIN, JOB_IN_THE_WAY = 42, 68
PAUSED, FORCE_BOOT = 1, 8  # virDomainCreateFlags
KEEP_NVRAM, KEEP_TPM = 8, 64  # virDomainUndefineFlagsValues
FROM_RPC = 7  # virErrorDomain


class LibvirtError(Failed):
    """libvirt refused: its virErrorNumber, its virErrorDomain, and an errno or 0."""

    def __init__(self, number: int, origin: int, message: str, cause: int) -> None:
        super().__init__(message)
        self.number = number
        self.origin = origin
        self.cause = cause

    def answered(self) -> bool:
        """Whether the daemon itself said so, rather than the way to it having failed."""
        return self.origin != FROM_RPC

    def busy(self) -> bool:
        """Whether libvirt is at something else with this guest, and gave up waiting for its end."""
        return self.number == JOB_IN_THE_WAY

    def no_such_domain(self) -> bool:
        """Whether the guest has gone from libvirt's list."""
        return self.number == NO_DOMAIN

    def nobody_there(self) -> bool:
        """Whether no daemon listens at all, rather than being busy or broken."""
        return self.number == SYSTEM_ERROR and self.cause in (errno.ENOENT, errno.ECONNREFUSED)


class Connection:
    """An open connection. Raises NotInstalled, TimedOut, or LibvirtError from every call."""

    def __init__(self, host: "Host", uri: str, *, read_only: bool = False) -> None:
        self.host = host
        self.uri = uri
        # its warnings would go to stderr by themselves, in lines of their own
        posix.putenv("LIBVIRT_DEBUG", "4")
        self.lib = host.binding("libvirtmod")
        self.lib.virRegisterErrorHandler(silent, None)  # it would write to stderr by itself
        opener = "virConnectOpenReadOnly" if read_only else "virConnectOpen"
        step = f"connecting to {uri}"
        self.handle = host.bounded(step, ask, self.lib, opener, uri, within=self.patience())

    def patience(self) -> float:
        """Seconds for one answer. They grow with the operation's timeout, for to be late is not to
        fail; and a daemon that hangs leaves time for what can be done without it.
        """
        left = self.host.left()
        return PATIENCE if left is None else max(min(PATIENCE, left / 2), left * SHARE)

    def call(self, function: str, *args: "Any", within: "float | None" = None) -> "Any":
        """``virConnect...`` and all else that takes the connection first."""
        return self.on(self.handle, function, *args, within=within)

    def domain(self, name: str = "", uuid: str = "") -> "Domain | None":
        """A domain that is active or defined, by uuid or else by name; None if there is none."""
        how = ("virDomainLookupByUUIDString", uuid) if uuid else ("virDomainLookupByName", name)
        try:
            return Domain(self, self.call(*how))
        except LibvirtError as exc:
            if exc.number != NO_DOMAIN:
                raise
            return None

    def domains(self) -> "list[Domain]":
        """Every domain that is active or defined."""
        return [Domain(self, handle) for handle in self.call("virConnectListAllDomains", 0)]

    def activate(self, kind: str, name: str) -> None:
        """Start libvirt's own ``Network`` or ``StoragePool`` of that name, if it is not active."""
        handle = self.call(f"vir{kind}LookupByName", name)
        if not self.on(handle, f"vir{kind}IsActive"):
            more = (0,) if kind == "StoragePool" else ()
            self.on(handle, f"vir{kind}Create", *more, within=ALL)

    def on(
        self, handle: "Any", function: str, *args: "Any", within: "float | None" = None
    ) -> "Any":
        """A call that takes some other handle first.

        ``within``: seconds; None for ``patience()``, ALL for all the time there is.
        """
        step = f"libvirt's {function}"
        limit = self.patience() if within is None else None if within == ALL else within
        return self.host.bounded(step, ask, self.lib, function, handle, *args, within=limit)

    def guest(self, name: str, uuid: str) -> "Domain | None":
        """The domain that has this uuid and this name; None also where only the uuid is the same:
        that is somebody's copy.
        """
        found = self.domain(uuid=uuid) if uuid else self.domain(name)
        return found if found is not None and found.name() == name else None

    def create(self, xml: str) -> "Domain":
        """Make a transient domain and start it paused: one request, which nothing calls off."""
        return Domain(self, self.call("virDomainCreateXML", xml, PAUSED, within=ALL))

    def define(self, xml: str) -> "Domain":
        """Make a domain and start nothing."""
        return Domain(self, self.call("virDomainDefineXMLFlags", xml, 0, within=ALL))


class Domain:
    """A domain as libvirt knows it."""

    def __init__(self, connection: Connection, handle: "Any") -> None:
        self.connection = connection
        self.handle = handle

    def call(self, function: str, *args: "Any", within: "float | None" = None) -> "Any":
        return self.connection.on(self.handle, function, *args, within=within)

    def begin(self, step: str, function: str, *args: "Any") -> "Task":
        """Start a long call and come back at once."""
        connection = self.connection
        return connection.host.begin(step, ask, connection.lib, function, self.handle, *args)

    def state(self) -> "tuple[str, str]":
        """(state, reason) in libvirt's words."""
        numbers = self.call("virDomainGetState", 0)
        return verdict.words(numbers[0], numbers[1])

    def active(self) -> bool:
        return bool(self.call("virDomainIsActive"))

    def persistent(self) -> bool:
        return bool(self.call("virDomainIsPersistent"))

    def name(self) -> str:
        return str(self.call("virDomainGetName"))

    def uuid(self) -> str:
        return str(self.call("virDomainGetUUIDString"))

    def xml(self) -> str:
        return str(self.call("virDomainGetXMLDesc", 0))

    def boot(self) -> None:
        """Start what is defined: paused, and never from memory that somebody saved once."""
        self.call("virDomainCreateWithFlags", PAUSED | FORCE_BOOT, within=ALL)

    def undefine(self) -> None:
        """Take the definition away, and nothing that belongs to the guest. What runs goes on."""
        try:
            self.call("virDomainUndefineFlags", KEEP_NVRAM | KEEP_TPM)
        except LibvirtError as exc:
            if exc.number != INVALID_ARGUMENT:  # libvirt before 8.9 keeps what a TPM holds anyway
                raise
            self.call("virDomainUndefineFlags", KEEP_NVRAM)


def ask(lib: "Any", function: str, *args: "Any") -> "Any":
    """One call. libvirt keeps the last error per thread, so it is read where the call was made."""
    result = getattr(lib, function)(*args)
    if result is None or result == -1:
        error = lib.virGetLastError() or (0, 0, f"{function} failed without a word", *[0] * 6)
        raise LibvirtError(error[0], error[1], str(error[2]), error[7])
    return result


def silent(*_: object) -> None:
    pass
