"""The namespaces of this node, those that no process is in among them, and going there.

Whoever enters one stays: only a child does that.
"""

import posix

from hactl_agents.failures import Failed, strerror
from hactl_agents.host.state import read_all

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from hactl_agents.host.host import Host

TYPES = {"net": 0x40000000, "mnt": 0x20000}  # CLONE_NEWNET, CLONE_NEWNS
MOUNTINFO = "/proc/self/mountinfo"


def home(kind: str) -> int:
    """A descriptor of the namespace that we are in."""
    return posix.open(f"/proc/self/ns/{kind}", posix.O_RDONLY | posix.O_CLOEXEC)


def own(kind: str) -> str:
    """What the kernel calls the namespace that we are in, as ``net:[4026531840]``."""
    return posix.readlink(f"/proc/self/ns/{kind}")


def all_of(kind: str) -> "Iterator[tuple[str, str, str]]":
    """(its name, a path to enter it by, who has it), once for each process and mount."""
    for pid in posix.listdir("/proc"):
        path = f"/proc/{pid}/ns/{kind}"
        try:
            name = posix.readlink(path) if pid.isdigit() else ""
        except OSError:
            continue  # it has ended
        if name:
            yield name, path, f"process {pid}"
    for name, path in kept(kind):
        yield name, path, path


def mountinfo(host: "Host", pid: "int | str") -> str:
    """The mounts that a process sees (proc(5)); '' where it has ended: then it is in no namespace,
    and reading the file of a zombie is an error.
    """
    try:
        return host.read(f"/proc/{pid}/mountinfo") or ""
    except Failed:
        return ""


def kept(kind: str) -> "Iterator[tuple[str, str]]":
    """Those that a mount keeps alive, as ``ip netns add`` and snapd do: (name, path)."""
    descriptor = posix.open(MOUNTINFO, posix.O_RDONLY | posix.O_CLOEXEC)
    try:
        lines = read_all(descriptor).decode(errors="surrogateescape").split("\n")
    finally:
        posix.close(descriptor)
    for line in lines:
        words = line.split(" ")
        if len(words) > 4 and words[3].startswith(f"{kind}:["):
            yield words[3], words[4].replace("\\040", " ")


def without_process(kind: str) -> "Iterator[tuple[str, int]]":
    """(path, a descriptor) of those that only a mount keeps alive."""
    every = list(all_of(kind))
    used = {name for name, path, _ in every if path.startswith("/proc/")}
    for path in {name: path for name, path, _ in every if name not in used}.values():
        try:
            yield path, posix.open(path, posix.O_RDONLY | posix.O_CLOEXEC)
        except OSError:
            continue  # hidden below another mount


def enter(kind: str, path: str) -> None:
    """Go there for good. Raises Failed."""
    try:
        descriptor = posix.open(path, posix.O_RDONLY | posix.O_CLOEXEC)
    except OSError as exc:
        raise Failed(f"{path}: cannot be entered: {strerror(exc)}") from None
    try:
        go(kind, path, descriptor)
    finally:
        posix.close(descriptor)


def go(kind: str, path: str, descriptor: int) -> None:
    """The same by an open descriptor: paths lead elsewhere once another one was entered."""
    import ctypes

    if ctypes.CDLL(None, use_errno=True).setns(descriptor, TYPES[kind]):
        raise Failed(f"{path}: cannot be entered: {posix.strerror(ctypes.get_errno())}")
