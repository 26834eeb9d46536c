"""The TCP connections that hosts have to a portal of this node, as the kernel lists them."""

import _socket
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hactl_agents.host.host import Host

LISTS = {_socket.AF_INET: "/proc/net/tcp", _socket.AF_INET6: "/proc/net/tcp6"}
ESTABLISHED, CLOSE_WAIT = "01", "08"  # net/tcp_states.h; the others are only the network's
OPEN = (ESTABLISHED, CLOSE_WAIT)


def open_at(host: "Host", address: str, service: str) -> int:
    """How many are open."""
    if not address or not service:
        return 0
    family = _socket.AF_INET6 if ":" in address else _socket.AF_INET
    local = spelled(_socket.inet_pton(family, address), int(service))
    lines = (line.split() for line in (host.read(LISTS[family]) or "").split("\n"))
    return sum(1 for fields in lines if fields[1:2] == [local] and fields[3] in OPEN)


def spelled(address: bytes, service: int) -> str:
    """As in /proc/net/tcp: words of four bytes as numbers of this machine."""
    parts = [address[start : start + 4] for start in range(0, len(address), 4)]
    if sys.byteorder == "little":
        parts = [part[::-1] for part in parts]
    return f"{b''.join(parts).hex().upper()}:{service:04X}"
