"""The distributed lock manager as far as GFS2 needs it: whose cluster it is in, whether it is up.

dlm_controld is asked over its socket, in its own protocol (dlm_controld.h): its tool's output is
for people.
"""

import sys

from hactl_agents.failures import Failed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from hactl_agents.host.host import Host

CLUSTER = "/sys/kernel/config/dlm/cluster/cluster_name"
SPACES = "/sys/kernel/dlm"
SOCKET = b"\0dlmc_query_sock"
MAGIC, VERSION = 0xD13CD13C, 0x00010001
SPACE, STATUS = 3, 13  # commands
HEADER = 96  # bytes
NAME = 64  # bytes
ANSWER = 5.0  # seconds to wait for one
QUORATE = b"quorate="
# what the change under way waits for; other numbers are a count of messages
WAITS = {
    1: "the membership to settle",
    2: "quorum",
    3: "a dead node to be fenced",
    4: "the journal of a dead node",
}
CONDITION = HEADER + 32 + 16  # bytes before what the change under way waits for


def cluster_name(host: "Host") -> str:
    """The cluster that DLM takes lock spaces of, as dlm_controld set it; '' where it did not."""
    return (host.read(CLUSTER) or "").strip()


def lacks(host: "Host") -> str:
    """Why no lock space can be joined now, '' if it can."""
    if not cluster_name(host):
        return "dlm_controld has not set up DLM: start ocf:pacemaker:controld first"
    try:
        said = ask(host, STATUS, "", lambda text: QUORATE in text[:-1])
    except Failed as exc:
        return str(exc)
    if said is None:
        return "dlm_controld does not run: start ocf:pacemaker:controld first"
    return "" if QUORATE + b"1" in said else "the cluster has no quorum"


def waits_for(host: "Host", name: str) -> str:
    """What keeps a lock space from going on, as far as dlm_controld says; '' if nothing does."""
    try:
        said = ask(host, SPACE, name, lambda text: len(text) >= max(HEADER, field(text, 16)))
    except Failed as exc:
        return str(exc)
    if said is None:
        return "dlm_controld, which does not run"
    return WAITS.get(field(said, CONDITION), "")


def joined(host: "Host", name: str) -> bool:
    return bool(name) and host.exists(f"{SPACES}/{name}")


def ask(
    host: "Host", command: int, name: str, complete: "Callable[[bytes], bool]"
) -> "bytes | None":
    """dlm_controld's answer; None where it is dead. Raises Failed, TimedOut."""
    words = (MAGIC, VERSION, command, 0, HEADER, 0, 0, 0)
    message = b"".join(word.to_bytes(4, sys.byteorder) for word in words)
    message += name.encode()[:NAME].ljust(NAME, b"\0")
    return host.ask("asking dlm_controld", SOCKET, message, complete, ANSWER)


def field(said: bytes, at: int) -> int:
    return int.from_bytes(said[at : at + 4], sys.byteorder)
