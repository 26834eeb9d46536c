"""The note that a migration is under way: libvirt goes on with it when the agent is killed."""

from hactl_agents.host.host import Failed
from hactl_agents.libvirt.evidence import recorded

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hactl_agents.host.host import Host
    from hactl_agents.ocf.record import Record

FORGOTTEN = 600.0  # seconds beyond its deadline after which a migration concerns nobody


def begin(host: "Host", record: "Record", uri: str) -> None:
    """Write down where to the guest is about to go. Raises Failed: then it must not go."""
    left = host.left() or 0.0
    record.put("migration", uri)
    record.put("migration_until", str(round(host.now() + left + FORGOTTEN)))
    record.save()


def over(host: "Host", record: "Record") -> None:
    """Write down that it has arrived, or certainly stayed."""
    record.put("migration", None)
    record.put("migration_until", None)
    try:
        record.save()
    except Failed as exc:
        host.log(f"the end of the migration cannot be written down: {exc}")


def end_there(host: "Host", record: "Record") -> None:
    """Destroy the guest where an unfinished migration may have led, once it is gone from here."""
    uri, until = record.get("migration"), record.get("migration_until") or "0"
    identity = recorded(record)
    if not uri or identity is None or float(until) < host.now():
        return
    from hactl_agents.libvirt.connection import ALL, Connection

    try:
        there = Connection(host, uri).guest(identity.name, identity.uuid)
        if there is not None and there.active():
            host.log(f"an unfinished migration took the guest to {uri}: destroying it")
            there.call("virDomainDestroyFlags", 0, within=ALL)
    except Failed as exc:
        host.log(f"what an unfinished migration left at {uri} is not known: {exc}")
