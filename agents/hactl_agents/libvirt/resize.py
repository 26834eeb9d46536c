"""Memory and virtual CPUs of a running guest."""

from hactl_agents.host.host import Failed
from hactl_agents.libvirt.connection import ALL, LIVE
from hactl_agents.libvirt.domain_xml import Definition

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hactl_agents.libvirt.connection import Connection, Domain
    from hactl_agents.libvirt.evidence import Guest

BALLOON = 3.0  # seconds to wait for the guest to give or take memory; it may take longer


def apply(
    connection: "Connection",
    guest: "Guest",
    text: str,
    memory: "int | None",
    vcpus: "int | None",
) -> None:
    """Give the guest what the parameters say (MiB, CPUs), or else its XML. Raises Failed."""
    domain = connection.domain(guest.name, guest.uuid)
    if domain is None:
        raise Failed(f"libvirt does not know {guest.name}, although its process runs")
    definition = Definition(text)
    set_vcpus(domain, vcpus or definition.vcpus())
    set_memory(domain, memory * 1024 if memory else definition.memory())


def set_vcpus(domain: "Domain", wanted: int) -> None:
    if vcpus_now(domain) == wanted:
        return
    most = domain.call("virDomainGetMaxVcpus")
    if wanted > most:
        raise Failed(f"vcpus: the guest was started with at most {most}; {wanted} need a restart")
    domain.call("virDomainSetVcpusFlags", wanted, LIVE, within=ALL)
    if vcpus_now(domain) != wanted:
        raise Failed(f"vcpus: the guest has {vcpus_now(domain)} and not {wanted}")


def vcpus_now(domain: "Domain") -> int:
    return int(domain.call("virDomainGetVcpusFlags", LIVE))


def set_memory(domain: "Domain", wanted: int) -> None:
    """``wanted`` in KiB. The balloon is the guest's to fill, in its own time."""
    host = domain.connection.host
    most, now = memory_now(domain)
    if wanted == now:
        return
    if wanted > most:
        raise Failed(
            f"memory: the guest was started with at most {most // 1024} MiB; "
            f"{wanted // 1024} MiB need a restart"
        )
    domain.call("virDomainSetMemoryFlags", wanted, LIVE)
    if not host.wait_for("balloon", lambda: memory_now(domain)[1] == wanted, within=BALLOON):
        now = memory_now(domain)[1]
        host.log(f"memory: the guest has {now // 1024} MiB so far, asked for {wanted // 1024}")


def memory_now(domain: "Domain") -> "tuple[int, int]":
    """(the most it can have, what it has), in KiB."""
    info = domain.call("virDomainGetInfo")
    return info[1], info[2]
