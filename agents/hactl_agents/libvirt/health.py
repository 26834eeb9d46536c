"""Asking libvirt, QEMU and the guest whether they answer, beyond the evidence of files."""

from hactl_agents.host.host import Failed
from hactl_agents.libvirt import verdict
from hactl_agents.libvirt.connection import Connection
from hactl_agents.ocf.errors import Degraded

BY_THE_AGENT = 2  # VIR_DOMAIN_GET_HOSTNAME_AGENT

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

    Without libvirt a guest can do its work, so that is no reason to restart it: raises Degraded.
    """
    try:
        connection = Connection(host, uri, read_only=not agent)
    except Failed as exc:
        raise Degraded(f"the guest runs, but libvirt does not answer: {exc}") from None
    domain, state = known(connection, guest)
    kind, sentence = verdict.judge(*state, guest.state.job)
    if kind == verdict.BROKEN:
        raise Failed(f"libvirt says: {sentence}")
    # libvirt has to ask QEMU for this, so both answer; it changes nothing
    domain.call("virDomainMigrateGetMaxDowntime", 0)
    if agent:
        ping(domain)


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
