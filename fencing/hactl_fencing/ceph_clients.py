"""Which users of Ceph's storage live on this node: evidence from the kernel, asks no daemon."""

from hactl_agents.host.host import Failed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from hactl_agents.host.host import Host

LIBRARIES = ("librados", "librbd", "libcephfs")
OURSELVES = "fence_ceph_blocklist"
RBD = "/sys/bus/rbd/devices"
KERNEL_CLIENTS = "/sys/kernel/debug/ceph"
TRIES = 100  # looks at a process whose threads are ending


def users(host: "Host") -> "list[str]":
    """Everything that may hold an open way to Ceph's data, as words for a sentence.

    Raises Failed where something cannot be looked at: that is not proof of its absence.
    """
    found = [f"/dev/rbd{name} is mapped" for name in host.listdir(RBD)]
    found += [f"kernel client {name}" for name in host.listdir(KERNEL_CLIENTS) if "client" in name]
    return found + list(in_processes(host))


def in_processes(host: "Host") -> "Iterator[str]":
    seen: set[str] = set()
    for pid in host.listdir("/proc"):
        if pid.isdigit():
            try:
                yield from of_process(host, pid, seen)
            except Failed:
                if host.process(int(pid)):  # one that is ending cannot be read, nor write
                    raise


def of_process(host: "Host", pid: str, seen: "set[str]") -> "Iterator[str]":
    """``seen``: the mount namespaces that were looked at already."""
    space = host.readlink(f"/proc/{pid}/ns/mnt") or ""
    if space not in seen:
        yield from mounts(host.read(f"/proc/{pid}/mountinfo") or "")
        seen.add(space)
    maps = memory(host, pid)
    if any(library in maps for library in LIBRARIES):
        command = (host.read(f"/proc/{pid}/cmdline") or "?").replace("\0", " ").strip()
        if OURSELVES not in command:
            yield f"process {pid} ({command[:40]})"


def memory(host: "Host", pid: str) -> str:
    """A process may live on in its threads after its first thread has ended. Raises Failed.

    A listing of them ends early where one dies while it is read: then it is read again.
    """
    maps = host.read(f"/proc/{pid}/maps")
    for _ in range(TRIES):
        for thread in [] if maps else host.listdir(f"/proc/{pid}/task"):
            maps = maps or host.read(f"/proc/{pid}/task/{thread}/maps")
        found = host.process(int(pid))
        if maps or found is None or found[0] != "Z":
            return maps or ""
        host.sleep(0.01)
    raise Failed(f"process {pid}: cannot tell which files it has mapped: it is ending")


def mounts(mountinfo: str) -> "Iterator[str]":
    """proc(5): the type of a file system stands behind a lone dash."""
    for line in mountinfo.split("\n"):
        front, _, back = line.partition(" - ")
        if back.startswith("ceph "):
            yield f"a CephFS on {front.split()[4]}"
