"""Where a guest is on this node, told without asking libvirt: processes, status files, our record.

A guest exists as long as its QEMU process does. Who owns it is told by its uuid or name, or by
the mark it carries if we started it; libvirt, its files and the definition may all be gone.
"""

from hactl_agents.host.host import SIGKILL, Failed
from hactl_agents.libvirt import status_file as status
from hactl_agents.libvirt.identity import Identity, Qemu, fits, same_uuid
from hactl_agents.libvirt.status_file import State

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from hactl_agents.host.host import Host
    from hactl_agents.ocf.record import Record

    Configured = Callable[[Collection[str]], "tuple[Identity | None, bool]"]

RUN_DIR = "/run/libvirt/qemu"


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
        return self.letter() in ("T", "t")

    def is_dying(self, letter: str) -> bool:
        """Whether its process was killed, or ended, and is not gone: it exists and runs nothing."""
        return letter == "Z" or (letter == "D" and self.is_killed())

    def letter(self) -> str:
        """The state of its process (proc(5)); '' where there is none."""
        found = self.host.process(self.qemu.pid)
        return found[0] if found else ""

    def is_killed(self) -> bool:
        """Whether SIGKILL waits for its first thread, which the kernel holds."""
        text = self.host.read(f"/proc/{self.qemu.pid}/status") or ""
        waiting = text.partition("\nSigPnd:")[2].partition("\n")[0].strip()
        return bool(int(waiting or "0", 16) & 1 << SIGKILL - 1)


def find(host: "Host", resource: str, record: "Record", configured: "Configured") -> "Guest | None":
    """The resource's guest, or None where there is certainly none.

    ``configured(names)``: (which guest the configuration means, None where it does not say;
    whether it should and does not). Of guests that are not called one of ``names`` it need not say
    more than the name. Raises Failed where a guest is there that may or may not be the one.
    """
    known = recorded(record)
    qemu = noted(host, record) or (quick(host, known) if known else None)
    qemu = qemu or search(host, resource, known, configured)
    return Guest(host, qemu, state_of(host, qemu)) if qemu else None


def search(
    host: "Host", resource: str, known: "Identity | None", configured: "Configured"
) -> "Qemu | None":
    """The process of a guest that was not noted, or that is not where it was noted.

    Where no guest is at all, the definition is not needed, which lies on storage that may hang.
    """
    if libvirt_tells_of_any(host):
        meant = configured(())[0]
        hint = quick(host, meant) if meant else None
        if hint and meant and not meant.uuid and mark_of(host, hint) == resource:
            return hint  # and so the definition need not be read
        found = choose(host, resource, [hint], known, configured) if hint else None
        if found:
            return found
    guests = everyone(host)
    return choose(host, resource, guests, known, configured) if guests else None


def libvirt_tells_of_any(host: "Host") -> bool:
    """Whether libvirt has a status file of any guest, which the definition may be about."""
    try:
        return any(name.endswith(".xml") for name in host.listdir(RUN_DIR))
    except Failed:
        return False


def state_of(host: "Host", qemu: Qemu) -> State:
    """What libvirt wrote about this process; nothing where it cannot be read."""
    state = status.read(status_file(host, qemu.name))
    return state if state.pid == qemu.pid else State()


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


def everyone(host: "Host") -> "list[Qemu]":
    """Every guest of this node. Reading a hung process can hang, hence the bound."""
    from hactl_agents.libvirt import process

    return host.bounded("looking through processes", lambda: list(process.all_guests(host)))


def choose(
    host: "Host",
    resource: str,
    guests: "Sequence[Qemu]",
    known: "Identity | None",
    configured: "Configured",
) -> "Qemu | None":
    """The one that is wanted, or else carries our mark. Raises Failed where one may be it."""
    meant, doubtful = configured({qemu.name for qemu in guests})
    wanted = [identity for identity in (known, meant) if identity is not None]
    for qemu in guests:
        if any(fits(qemu, identity) for identity in wanted):
            return qemu
    marks = [(mark_of(host, qemu), qemu) for qemu in guests]
    for mark, qemu in marks:
        if mark == resource:
            return qemu
    for mark, qemu in marks:
        if any(same_uuid(qemu.uuid, identity.uuid) for identity in wanted):
            judge_twin(host, qemu, mark)
    if doubtful and not wanted:
        refuse_strangers([qemu.name for mark, qemu in marks if not mark])
    return None


def judge_twin(host: "Host", qemu: Qemu, mark: "str | None") -> None:
    """A guest with our uuid and another name: a copy, or ours under the name it once had."""
    text = f"{qemu.name} (process {qemu.pid}) has the uuid of this guest and another name"
    if mark is None:
        raise Failed(f"{text}, and what libvirt wrote about it, whose it is, cannot be read")
    host.log(f"{text}: it is left alone; give each guest a uuid of its own")


def refuse_strangers(names: "list[str]") -> None:
    """Raises Failed where there are any: each may be the one, and nothing says which."""
    if names:
        raise Failed(
            f"the definition cannot be read, and any of the guests here ({', '.join(names[:3])}) "
            "may be the one: set the parameter name, which then tells"
        )


def mark_of(host: "Host", qemu: Qemu) -> "str | None":
    """The resource that started this guest, as it carries it itself; '' for none, None where
    what libvirt wrote of it says nothing.
    """
    from hactl_agents.declare import BadValue
    from hactl_agents.libvirt import identity_xml

    try:
        identity = identity_xml.read_status(status_file(host, qemu.name))
    except BadValue:
        return None
    return identity.mark if same_uuid(identity.uuid, qemu.uuid) else None


def status_file(host: "Host", name: str) -> str:
    try:
        return host.read(f"{RUN_DIR}/{name}.xml") or ""
    except Failed:
        return ""
