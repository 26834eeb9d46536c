"""What libvirt was asked to start and may still bring about: the note of that, and how it ends.

The time-out of a request is not its end: libvirt goes on with it, whoever asked. So a guest is
started in two requests. The first defines it; whatever may become of that, a definition runs
nothing. The second starts what is defined, and is not sent before the first was answered. libvirt
finds the guest by its uuid when it comes to that request, so to undefine it is to call it off.

A definition carries who was asked to start it: so it is found again where the record is lost.

Two starts are one request that nothing calls off: from a file of saved memory, and over a
definition of the operator's own. Such a one is over once the guest was seen (which ends it), once
the daemon that was asked is gone, or once that daemon has no request at all under way.
"""

from hactl_agents.host.host import Failed
from hactl_agents.libvirt import daemon
from hactl_agents.libvirt.connection import Connection, LibvirtError
from hactl_agents.libvirt.evidence import recorded
from hactl_agents.libvirt.lost_start import RECALLED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hactl_agents.host.host import Host
    from hactl_agents.libvirt.connection import Domain
    from hactl_agents.ocf.record import Record

CALLABLE_OFF, BINDING = "defined", "asked"  # what a start is noted as, beside RECALLED
STARTING = "libvirt is still starting the guest"


class Pending:
    """The start that a record tells of, if any. ``uri`` is that of the node's libvirt, which counts
    where the record does not say who was asked: parameters may have been changed since.
    """

    def __init__(self, host: "Host", record: "Record", uri: str) -> None:
        self.host = host
        self.record = record
        self.given = uri

    @property
    def uri(self) -> str:
        return self.record.get("asked_at") or self.given

    # the note

    def will_define(self) -> None:
        """Write down that there may be a definition of ours, which is to go again."""
        self.record.put("defined", "1")
        self.record.put("asked_at", self.given)
        self.record.save()

    def will_start(self, how: str) -> None:
        """Write down that the guest may come to be from now on. ``how``: CALLABLE_OFF, BINDING."""
        self.record.put("starting", how)
        self.record.put("asked_at", self.given)
        self.record.put("asked", daemon.signature(self.host))
        self.record.save()

    def over(self) -> None:
        """Note that libvirt has nothing in the making any more; counts once it is saved."""
        self.record.put("starting", None)
        self.record.put("asked", None)

    # what may come of it

    def why(self) -> str:
        """Why a guest that is not there may come yet; '' where it certainly does not.

        Raises Failed where that cannot be told.
        """
        identity = recorded(self.record)
        how = self.record.get("starting")
        if not how or identity is None or self.is_dead():
            return ""
        try:
            domain = Connection(self.host, self.uri, read_only=True).guest(
                identity.name, identity.uuid
            )
            return STARTING if domain is not None and domain.active() else self.unseen(domain, how)
        except LibvirtError as exc:
            if exc.no_such_domain():  # it went between two questions
                return self.unseen(None, how)
            if self.record.get("asked") or not exc.nobody_there():
                raise
            return ""  # nobody to carry it out

    def is_dead(self) -> bool:
        """Whether the daemon that was asked is certainly gone, and the request with it."""
        asked = self.record.get("asked")
        return bool(asked) and not daemon.still_there(self.host, asked or "")

    def unseen(self, domain: "Domain | None", how: str) -> str:
        """The same where libvirt does not call the guest active."""
        if domain is None and how != BINDING:
            return ""
        if how == CALLABLE_OFF:
            return "libvirt was asked to start the guest, and may yet"
        asked = daemon.still_there(self.host, self.record.get("asked") or "")
        if asked and all(daemon.is_idle(self.host, name) for name in asked):
            return ""
        return (
            "libvirt was asked to start the guest and has not answered: that ends when it answers, "
            f"or by {daemon.restart(asked or daemon.NAMES)}"
        )

    # its end

    def call_off(self) -> bool:
        """Undo a definition that may yet be started. True once nothing can come any more."""
        try:
            if self.record.get("starting") in (CALLABLE_OFF, RECALLED):
                self.undefine()
            return not self.why()
        except Failed as exc:
            self.host.log(f"the start cannot be called off yet: {exc}")
            return False

    def undefine(self) -> None:
        """Take away our own definition, where it is there and nothing runs of it. Raises Failed."""
        identity = recorded(self.record)
        if not self.record.get("defined") or identity is None:
            return
        domain = Connection(self.host, self.uri).guest(identity.name, identity.uuid)
        try:
            if domain is not None and domain.persistent() and not domain.active():
                domain.undefine()
        except LibvirtError as exc:
            if not exc.no_such_domain():
                raise
        self.record.put("defined", None)

    def clear(self) -> None:
        """The same once all is over: what stays is a definition that runs nothing."""
        try:
            self.undefine()
        except Failed as exc:
            self.host.log(f"a definition of the guest may stay behind in libvirt: {exc}")
