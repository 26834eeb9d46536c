"""A start that libvirt was asked for and whose record is lost: found by the definition that was
made for that start alone and says by its mark whose it is, and which daemon was asked.
"""

from hactl_agents.libvirt.identity import NAMESPACE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from hactl_agents.host.host import Host
    from hactl_agents.libvirt.identity import Identity
    from hactl_agents.ocf.record import Record

DEFINITIONS = "/etc/libvirt/qemu"  # where libvirt keeps them
SYSTEM = "qemu:///system"  # whose they are
RECALLED = "recalled"  # how such a start is noted (pending.py)


def recall(host: "Host", resource: str, record: "Record") -> None:
    """Put the start into the record. What was asked of a daemon that has ended is over."""
    for text in marked(host):
        left = identity(text)
        if left.mark == resource and is_pending(host, left.asked):
            record.put("name", left.name)
            record.put("uuid", left.uuid)
            record.put("defined", "1")
            record.put("starting", RECALLED)
            record.put("asked", left.asked)
            record.put("asked_at", SYSTEM)


def marked(host: "Host") -> "Iterator[str]":
    """Those of libvirt's definitions that carry a mark of ours.

    Raises Failed where one cannot be read: it may be that of a start that is under way.
    """
    for name in host.listdir(DEFINITIONS):
        text = host.read(f"{DEFINITIONS}/{name}") or "" if name.endswith(".xml") else ""
        if NAMESPACE in text:
            yield text


def identity(text: str) -> "Identity":
    """Whom it is about; nobody where it is damaged: libvirt ignores it then, too."""
    from hactl_agents.declare import BadValue
    from hactl_agents.libvirt import identity_xml
    from hactl_agents.libvirt.identity import Identity

    try:
        return identity_xml.read(text)
    except BadValue:
        return Identity()


def is_pending(host: "Host", asked: str) -> bool:
    """Whether a daemon that was asked is still the same process."""
    from hactl_agents.libvirt import daemon

    return bool(daemon.still_there(host, asked))
