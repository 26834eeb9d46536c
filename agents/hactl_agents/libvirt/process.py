"""QEMU processes of the system's libvirt, read from /proc; knows no libvirt daemon or file."""

from hactl_agents.libvirt.identity import Qemu

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from hactl_agents.host.host import Host

# Each guest of qemu:///system has its master key below here; those of a user's session do not.
SYSTEM_KEYS = "/var/lib/libvirt/qemu/domain-"
KEY = "/master-key.aes"


def inspect(host: "Host", pid: int) -> "Qemu | None":
    """The guest of the system's libvirt that ``pid`` runs, None if it runs none."""
    words = command_line(host, pid).split("\0")
    name = option(following(words, "-name"), "guest")
    if not name or not of_the_system(words):
        return None
    started = host.started(pid)
    return None if started is None else Qemu(pid, started, name, following(words, "-uuid"))


def command_line(host: "Host", pid: int) -> str:
    """A process whose first thread has ended shows its command line at the others only."""
    text = host.read(f"/proc/{pid}/cmdline") or ""
    if text or " Z " not in (host.read(f"/proc/{pid}/stat") or ""):
        return text
    tasks = host.listdir(f"/proc/{pid}/task")
    return max((host.read(f"/proc/{pid}/task/{task}/cmdline") or "" for task in tasks), default="")


def all_guests(host: "Host") -> "Iterator[Qemu]":
    """Every guest the system's libvirt of this node runs, by a walk over /proc."""
    here = host.readlink("/proc/self/ns/pid")
    for entry in host.listdir("/proc"):
        if entry.isdigit():
            found = inspect(host, int(entry))
            # a container on this node may run a libvirt of its own, with any guest names
            if found and host.readlink(f"/proc/{entry}/ns/pid") == here:
                yield found


def of_the_system(words: "list[str]") -> bool:
    keys = [word for word in words if KEY in word]
    return not keys or any(SYSTEM_KEYS in word for word in keys)


def following(words: "list[str]", flag: str) -> str:
    """The word after ``flag``; '' if there is none."""
    try:
        return words[words.index(flag) + 1]
    except (ValueError, IndexError):
        return ""


def option(text: str, key: str) -> str:
    """``key``'s value in QEMU's ``a=b,c=d``, where a comma within a value is doubled."""
    for part in text.replace(",,", "\0").split(","):
        name, equals, value = part.partition("=")
        if equals and name == key:
            return value.replace("\0", ",")
    return ""
