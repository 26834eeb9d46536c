"""Asking libvirt, QEMU and the guest whether they answer, beyond the evidence of files."""

from hactl_agents.host.host import Failed, NotInstalled, TimedOut
from hactl_agents.libvirt import verdict
from hactl_agents.libvirt.connection import Connection, LibvirtError
from hactl_agents.ocf.errors import Degraded

BY_THE_AGENT = 2  # VIR_DOMAIN_GET_HOSTNAME_AGENT
QEMU = 0.75  # of the time that is left, for its answer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hactl_agents.host.host import Host
    from hactl_agents.libvirt.connection import Domain
    from hactl_agents.libvirt.evidence import Guest


def asked(host: "Host", uri: str, guest: "Guest") -> "tuple[str, str]":
    """The verdict on a guest libvirt wrote nothing useful about. Raises Failed."""
    state = known(Connection(host, uri, read_only=True), guest)[1]
    return verdict.judge(*state, guest.state.job)


def examine(host: "Host", uri: str, guest: "Guest", *, agent: bool) -> None:
    """Raise Failed where QEMU's monitor or the guest agent does not answer.

    Without libvirt a guest can do its work, and with a libvirt that is busy as well, so that is no
    reason to restart it: raises Degraded.
    """
    try:
        domain, state = known(Connection(host, uri, read_only=not agent), guest)
    except (LibvirtError, TimedOut, NotInstalled) as exc:
        raise Degraded(f"the guest runs, but libvirt does not answer: {exc}") from None
    kind, sentence = verdict.judge(*state, guest.state.job)
    if kind == verdict.BROKEN:
        raise Failed(f"libvirt says: {sentence}")
    ask_qemu(host, domain, guest)
    if agent:
        ping(domain)


def ask_qemu(host: "Host", domain: "Domain", guest: "Guest") -> None:
    """libvirt has to ask QEMU for this, so both answer; it changes nothing.

    QEMU gets most of the time: it may wait for its storage. A libvirt job is not its fault.
    """
    left = host.left()
    within = None if left is None else left * QEMU
    try:
        domain.call("virDomainMigrateGetMaxDowntime", 0, within=within)
    except TimedOut as exc:
        if guest.state.job:
            raise Degraded(f"the guest is held by a job of libvirt: {exc}") from None
        raise
    except LibvirtError as exc:
        if exc.busy():
            raise Degraded(f"the guest is held by a job of libvirt: {exc}") from None
        raise


def ping(domain: "Domain") -> None:
    """A guest that reboots has closed its channel; one that holds it open has to answer."""
    from hactl_agents.libvirt.domain_xml import Definition

    if not Definition(domain.xml()).agent_connected():
        raise Degraded("the guest agent is not connected")
    domain.call("virDomainGetHostname", BY_THE_AGENT)


def known(connection: Connection, guest: "Guest") -> "tuple[Domain, tuple[str, str]]":
    """The guest as libvirt knows it, with its state and the reason for that."""
    domain = connection.domain(guest.name, guest.uuid)
    state = domain.state() if domain else ("shutoff", "")
    if domain is None or state[0] == "shutoff":
        raise Failed(
            f"{guest.name} runs (process {guest.qemu.pid}), but libvirt does not know it: "
            "it cannot be managed"
        )
    return domain, state
