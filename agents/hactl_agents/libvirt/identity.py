"""Which guest is meant, and whether a process runs it: names, UUIDs and marks; pure."""

# A guest we started carries, in its <metadata>, whose it is: <guest xmlns="urn:hactl" .../>
NAMESPACE = "urn:hactl"


class Identity:
    """Which guest is meant; '' where that is not known.

    ``kind`` is the domain's type (kvm, qemu, ...). ``mark`` is the resource instance that started
    the guest; ``until_started`` says that this is a definition made for that start alone, and
    ``asked`` which daemon was asked for it (daemon.py).
    """

    def __init__(self, name: str = "", uuid: str = "") -> None:
        self.name = name
        self.uuid = uuid
        self.kind = ""
        self.mark = ""
        self.until_started = False
        self.asked = ""


class Qemu:
    """A process that runs a guest. ``started`` in clock ticks since boot."""

    def __init__(self, pid: int, started: int, name: str = "", uuid: str = "") -> None:
        self.pid = pid
        self.started = started
        self.name = name
        self.uuid = uuid


def fits(qemu: Qemu, identity: Identity) -> bool:
    """Where both have a uuid it has to be the same, for another guest may well have our name; and
    the name has to be the same, for a copied definition may well have our uuid.
    """
    if not identity.name or identity.name != qemu.name:
        return False
    return not (identity.uuid and qemu.uuid) or same_uuid(identity.uuid, qemu.uuid)


def same_uuid(one: str, other: str) -> bool:
    return bool(one) and plain(one) == plain(other)


def plain(uuid: str) -> str:
    return uuid.replace("-", "").strip().lower()
