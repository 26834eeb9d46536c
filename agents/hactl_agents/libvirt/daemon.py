"""The daemon that serves qemu:///system: which process it is, and whether it is at anything.

What was asked of a daemon ends with it: the next one has never heard of it.
"""

from hactl_agents.host.host import Failed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from hactl_agents.host.host import Host

NAMES = ("virtqemud", "libvirtd")
RUN = "/run"  # where each writes its pid unless it is told otherwise


def signature(host: "Host") -> str:
    """Those that run, each by name, pid and start time (clock ticks since boot); '' for none."""
    found = [(name, pid_of(host, name)) for name in NAMES]
    started = [(name, pid, host.started(pid)) for name, pid in found if pid]
    return " ".join(f"{name}:{pid}:{begun}" for name, pid, begun in started if begun is not None)


def still_there(host: "Host", asked: str) -> "list[str]":
    """The names of those in a signature that have not ended since."""
    words = [word.split(":") for word in asked.split()]
    return [name for name, pid, begun in words if host.started(int(pid)) == int(begun)]


def running(host: "Host") -> "list[str]":
    """The names of those that run; the common one where none does."""
    return [word.partition(":")[0] for word in signature(host).split()] or ["libvirtd"]


def restart(names: "Iterable[str]") -> str:
    """The mend for what a daemon holds on to and only its end ends."""
    commands = " or ".join(f"systemctl restart {name}" for name in names)
    return f"{commands}, which no guest minds"


def pid_of(host: "Host", name: str) -> int:
    try:
        text = (host.read(f"{RUN}/{name}.pid") or "").strip()
    except Failed:
        return 0
    return int(text) if text.isascii() and text.isdigit() else 0


def is_idle(host: "Host", name: str) -> bool:
    """Whether no request at all is under way in a daemon, as its own administration says.

    Asked twice: a request that had not been begun at the first answer has been at the second, for
    that comes behind it, and then a worker would be busy. False in doubt.
    """
    return all(is_idle_now(host, name) for _ in range(2))


def is_idle_now(host: "Host", name: str) -> bool:
    words = ("virt-admin", "-c", f"{name}:///system", "server-threadpool-info", name)
    try:
        lines = host.run(*words, within=5.0).stdout.split("\n")
    except Failed:
        return False
    said = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    workers = said.get("nWorkers")
    return workers is not None and (said.get("freeWorkers"), said.get("jobQueueDepth")) == (
        workers,
        "0",
    )
