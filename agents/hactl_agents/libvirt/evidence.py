"""Where a guest is on this node, told without asking libvirt: processes, status files, our record.

A guest exists as long as its QEMU process does. Who owns it is told by its uuid or name, or by
the mark it carries if we started it; libvirt, its files and the definition may all be gone.
"""

from hactl_agents.host.host import Failed
from hactl_agents.libvirt import status_file as status
from hactl_agents.libvirt.status_file import State

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hactl_agents.host.host import Host
    from hactl_agents.ocf.record import Record

RUN_DIR = "/run/libvirt/qemu"


class Identity:
    """Which guest is meant; '' where that is not known.

    ``kind`` is the domain's type (kvm, qemu, ...). ``mark`` is the resource instance that started
    the guest.
    """

    def __init__(self, name: str = "", uuid: str = "") -> None:
        self.name = name
        self.uuid = uuid
        self.kind = ""
        self.mark = ""


class Qemu:
    """A process that runs a guest. ``started`` in clock ticks since boot."""

    def __init__(self, pid: int, started: int, name: str = "", uuid: str = "") -> None:
        self.pid = pid
        self.started = started
        self.name = name
        self.uuid = uuid


class Guest:
    """A guest that exists here. ``state`` is what libvirt last wrote about it, perhaps nothing."""

    def __init__(self, host: "Host", qemu: Qemu, state: State) -> None:
        self.host = host
        self.qemu = qemu
        self.state = state

    @property
    def name(self) -> str:
        return self.qemu.name

    @property
    def uuid(self) -> str:
        return self.qemu.uuid

    def gone(self) -> bool:
        """Whether its process, and no other that got its pid, has ended."""
        return self.host.started(self.qemu.pid) != self.qemu.started

    def frozen(self) -> bool:
        """Whether its process is stopped by a signal or a debugger."""
        found = self.host.process(self.qemu.pid)
        return found is not None and found[0] in "Tt"


def find(
    host: "Host",
    resource: str,
    record: "Record",
    configured: "Callable[[], tuple[Identity | None, bool]]",
) -> "Guest | None":
    """The resource's guest, or None where there is certainly none.

    ``configured`` reads which guest the configuration means, None where it does not say, and
    whether it should. Raises Failed where a guest is there that may or may not be the one.
    """
    known = recorded(record)
    qemu = noted(host, record) or (quick(host, known) if known else None)
    if qemu is None:
        meant, doubtful = configured()
        wanted = [identity for identity in (known, meant) if identity is not None]
        qemu = quick(host, meant) if meant else None
        qemu = qemu or walk(host, resource, wanted, doubtful)
    return Guest(host, qemu, state_of(host, qemu)) if qemu else None


def state_of(host: "Host", qemu: Qemu) -> State:
    """What libvirt wrote about this process; nothing where it cannot be read."""
    state = status.read(status_file(host, qemu.name))
    return state if state.pid == qemu.pid else State()


def status_file(host: "Host", name: str) -> str:
    try:
        return host.read(f"{RUN_DIR}/{name}.xml") or ""
    except Failed:
        return ""


def note(record: "Record", guest: Guest) -> None:
    """Put into the record what finds this very process again."""
    record.put("name", guest.name)
    record.put("uuid", guest.uuid)
    record.put("pid", str(guest.qemu.pid))
    record.put("started", str(guest.qemu.started))


def recorded(record: "Record") -> "Identity | None":
    """Which guest was started, whatever the configuration says now."""
    name = record.get("name")
    return Identity(name, record.get("uuid") or "") if name else None


def noted(host: "Host", record: "Record") -> "Qemu | None":
    """The recorded process, if it still is the same one: two reads and no doubt."""
    pid, started = record.get("pid") or "", record.get("started") or ""
    if not pid.isdigit() or not started.isdigit() or host.started(int(pid)) != int(started):
        return None
    return Qemu(int(pid), int(started), record.get("name") or "", record.get("uuid") or "")


def quick(host: "Host", identity: Identity) -> "Qemu | None":
    """The process that libvirt's files name, once its command line agrees."""
    from hactl_agents.libvirt import process

    name = identity.name
    for pid in (status.read(status_file(host, name)).pid, pid_file(host, name)):
        qemu = process.inspect(host, pid) if pid else None
        if qemu and fits(qemu, identity):
            return qemu
    return None


def pid_file(host: "Host", name: str) -> int:
    try:
        text = (host.read(f"{RUN_DIR}/{name}.pid") or "").strip()
    except Failed:
        return 0
    return int(text) if text.isascii() and text.isdigit() else 0


def fits(qemu: Qemu, identity: Identity) -> bool:
    """A uuid decides where both have one: another guest may well have our name."""
    if identity.uuid and qemu.uuid:
        return same_uuid(identity.uuid, qemu.uuid)
    return bool(identity.name) and identity.name == qemu.name


def same_uuid(one: str, other: str) -> bool:
    return bool(one) and plain(one) == plain(other)


def plain(uuid: str) -> str:
    return uuid.replace("-", "").strip().lower()


def walk(
    host: "Host", resource: str, wanted: "Sequence[Identity]", doubtful: bool
) -> "Qemu | None":
    """Look through every guest of this node. Reading a hung process can hang, hence the bound."""
    from hactl_agents.libvirt import process

    guests = host.bounded("looking through processes", lambda: list(process.all_guests(host)))
    for qemu in guests:
        if any(fits(qemu, identity) for identity in wanted):
            return qemu
    marks = [(mark_of(host, qemu), qemu) for qemu in guests]
    for mark, qemu in marks:
        if mark == resource:
            return qemu
    strangers = [qemu.name for mark, qemu in marks if not mark]
    if strangers and doubtful and not wanted:
        shown = ", ".join(strangers[:3])
        raise Failed(
            f"the definition cannot be read, and any of the guests here ({shown}) may be the one: "
            "set the parameter name, which then tells"
        )
    return None


def mark_of(host: "Host", qemu: Qemu) -> str:
    """The resource that started this guest, as it carries it itself; '' if it does not."""
    from hactl_agents.declare import BadValue
    from hactl_agents.libvirt import identity_xml as document

    try:
        identity = document.read_status(status_file(host, qemu.name))
    except BadValue:
        return ""
    return identity.mark if same_uuid(identity.uuid, qemu.uuid) else ""
