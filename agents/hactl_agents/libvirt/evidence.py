"""Where a guest is on this node, told without asking libvirt: processes, status files, our record.

A guest exists as long as its QEMU process does. Who owns it is told by its uuid or name, or by
the mark it carries if we started it; libvirt, its files and the definition may all be gone.
"""

from hactl_agents.declare import BadValue
from hactl_agents.host import Failed
from hactl_agents.libvirt.document import Facts, read_status, same_uuid

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hactl_agents.host import Host
    from hactl_agents.ocf.record import Record

RUN_DIR = "/run/libvirt/qemu"


class Qemu:
    """A process that runs a guest. ``started`` in clock ticks since boot."""

    def __init__(self, pid: int, started: int, name: str = "", uuid: str = "") -> None:
        self.pid = pid
        self.started = started
        self.name = name
        self.uuid = uuid


class Guest:
    """A guest that exists here. ``facts`` are what libvirt last wrote about it, perhaps nothing."""

    def __init__(self, host: "Host", qemu: Qemu, facts: Facts) -> None:
        self.host = host
        self.qemu = qemu
        self.facts = facts

    @property
    def name(self) -> str:
        return self.qemu.name

    @property
    def uuid(self) -> str:
        return self.qemu.uuid or self.facts.uuid

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
    configured: "Callable[[], tuple[Facts | None, bool]]",
) -> "Guest | None":
    """The resource's guest, or None where there is certainly none.

    ``configured`` reads which guest the configuration means, None where it does not say, and
    whether it should. Raises Failed where a guest is there that may or may not be the one.
    """
    known = recorded(record)
    qemu = noted(host, record) or (quick(host, known) if known else None)
    if qemu is None:
        meant, doubtful = configured()
        wanted = [facts for facts in (known, meant) if facts is not None]
        qemu = quick(host, meant) if meant else None
        qemu = qemu or walk(host, resource, wanted, doubtful)
    return Guest(host, qemu, status_of(host, qemu)) if qemu else None


def status(host: "Host", name: str) -> Facts:
    """libvirt's status file of a guest; no facts where it is missing or cannot be read."""
    try:
        return read_status(host.read(f"{RUN_DIR}/{name}.xml") or "")
    except (Failed, BadValue):
        return Facts()


def status_of(host: "Host", qemu: Qemu) -> Facts:
    """libvirt's status file, unless it is about another process."""
    facts = status(host, qemu.name)
    return facts if facts.pid == qemu.pid else Facts()


def note(record: "Record", guest: Guest) -> None:
    """Put into the record what finds this very process again."""
    record.put("name", guest.name)
    record.put("uuid", guest.uuid)
    record.put("pid", str(guest.qemu.pid))
    record.put("started", str(guest.qemu.started))


def recorded(record: "Record") -> "Facts | None":
    """Which guest was started, whatever the configuration says now."""
    facts = Facts()
    facts.name = record.get("name") or ""
    facts.uuid = record.get("uuid") or ""
    return facts if facts.name else None


def noted(host: "Host", record: "Record") -> "Qemu | None":
    """The recorded process, if it still is the same one: two reads and no doubt."""
    pid, started = record.get("pid") or "", record.get("started") or ""
    if not pid.isdigit() or not started.isdigit() or host.started(int(pid)) != int(started):
        return None
    return Qemu(int(pid), int(started), record.get("name") or "", record.get("uuid") or "")


def quick(host: "Host", facts: Facts) -> "Qemu | None":
    """The process that libvirt's files name, once its command line agrees."""
    from hactl_agents.libvirt import process

    for pid in (status(host, facts.name).pid, pid_file(host, facts.name)):
        qemu = process.inspect(host, pid) if pid else None
        if qemu and fits(qemu, facts):
            return qemu
    return None


def pid_file(host: "Host", name: str) -> int:
    try:
        text = (host.read(f"{RUN_DIR}/{name}.pid") or "").strip()
    except Failed:
        return 0
    return int(text) if text.isascii() and text.isdigit() else 0


def fits(qemu: Qemu, facts: Facts) -> bool:
    """A uuid decides where both have one: another guest may well have our name."""
    if facts.uuid and qemu.uuid:
        return same_uuid(facts.uuid, qemu.uuid)
    return bool(facts.name) and facts.name == qemu.name


def walk(host: "Host", resource: str, wanted: "Sequence[Facts]", doubtful: bool) -> "Qemu | None":
    """Look through every guest of this node. Reading a hung process can hang, hence the bound."""
    from hactl_agents.libvirt import process

    guests = host.bounded("looking through processes", lambda: list(process.all_guests(host)))
    for qemu in guests:
        if any(fits(qemu, facts) for facts in wanted):
            return qemu
    marks = [(status_of(host, qemu).mark, qemu) for qemu in guests]
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
