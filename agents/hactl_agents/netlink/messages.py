"""Netlink by hand: messages, attributes, and a conversation with the kernel (netlink(7)).

Spoken over a raw socket: a netlink library's import costs more than a whole monitor.
"""

import _socket
import errno
import posix
import sys

from hactl_agents.failures import Failed, NotInstalled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

ERROR, DONE = 2, 3
REQUEST, ACK, EXCL, CREATE, DUMP = 0x1, 0x4, 0x200, 0x400, 0x300
CAPPED, WITH_TLVS = 0x100, 0x200
SOL_NETLINK, NETLINK_EXT_ACK = 270, 11
INTERRUPTED = 0x10  # NLM_F_DUMP_INTR: what is told changed while it was told
NETFILTER, INET = 12, 1  # NETLINK_NETFILTER, NFPROTO_INET
NO_NFTABLES = (errno.EPROTONOSUPPORT, errno.EINVAL, errno.EOPNOTSUPP)
TIMEOUT = 10.0  # seconds; the kernel answers at once, unless it is in deep trouble


class Conversation:
    """Questions to one protocol of the kernel, over one socket that is opened by the first."""

    def __init__(self, protocol: int = 0) -> None:
        self.protocol = protocol
        self.socket: _socket.socket | None = None

    def ask(self, kind: int, flags: int, body: bytes, doing: str) -> "list[bytes]":
        try:
            return self.talk(kind, REQUEST | flags, body)
        except OSError as exc:
            raise refused(doing, exc) from None

    def talk(self, kind: int, flags: int, body: bytes) -> "list[bytes]":
        """The bodies of the kernel's answers. Raises OSError with the kernel's own words."""
        if self.socket is None:
            self.socket = connected(self.protocol)
        length = len(body) + 16
        self.socket.sendall(
            number(length) + number(kind, 2) + number(flags, 2) + number(1) + bytes(4) + body
        )
        replies: list[bytes] = []
        while True:
            for kind_of_reply, flags_of_reply, reply in messages(self.socket.recv(1 << 16)):
                if kind_of_reply == DONE:
                    return replies
                if kind_of_reply == ERROR:
                    complain(reply, flags_of_reply)
                    return replies
                replies.append(reply)
            if flags & (DUMP | ACK) == 0:
                return replies


def connected(protocol: int = 0) -> "_socket.socket":
    kind = _socket.SOCK_RAW | _socket.SOCK_CLOEXEC
    connection = _socket.socket(_socket.AF_NETLINK, kind, protocol)
    connection.settimeout(TIMEOUT)
    try:
        connection.setsockopt(SOL_NETLINK, NETLINK_EXT_ACK, 1)
    except OSError:
        pass  # kernels before 4.12 refuse without words
    return connection


def refused(doing: str, exc: OSError) -> Failed:
    if exc.errno == errno.EOPNOTSUPP:
        return NotInstalled(f"{doing}: this kernel cannot do that ({exc.strerror})")
    return Failed(f"{doing}: {exc.strerror or exc}")


def complain(reply: bytes, flags: int) -> None:
    """Raise OSError where the kernel refused, in its own words if it said any (nlmsgerr)."""
    code = -int.from_bytes(reply[:4], sys.byteorder, signed=True)
    if not code:
        return
    said = ""
    if flags & WITH_TLVS:
        start = 20 if flags & CAPPED else 4 + aligned(value(reply[4:8]))
        said = name_in(attributes(reply, start).get(1, b""))
    raise OSError(code, f"{posix.strerror(code)} ({said})" if said else posix.strerror(code))


def attribute(kind: int, payload: bytes) -> bytes:
    length = len(payload) + 4
    padding = bytes(aligned(length) - length)
    return number(length, 2) + number(kind, 2) + payload + padding


def attributes(data: bytes, start: int) -> "dict[int, bytes]":
    """Attribute number -> payload."""
    found = {}
    end = len(data)
    halves = memoryview(data[: end & ~1]).cast("H")  # a monitor reads a hundred of them
    while start + 4 <= end:
        length = halves[start >> 1]
        if length < 4:
            break
        found[halves[(start >> 1) + 1] & 0x3FFF] = data[start + 4 : start + length]
        start += length + 3 & ~3
    return found


def messages(data: bytes) -> "Iterator[tuple[int, int, bytes]]":
    """(type, flags, body) of each message in a datagram."""
    start = 0
    while start + 16 <= len(data):
        length = value(data[start : start + 4])
        body = data[start + 16 : start + length]
        yield value(data[start + 4 : start + 6]), value(data[start + 6 : start + 8]), body
        start += aligned(length)


def aligned(length: int) -> int:
    return length + 3 & ~3


def number(amount: int, size: int = 4) -> bytes:
    return amount.to_bytes(size, sys.byteorder)


def value(data: bytes) -> int:
    return int.from_bytes(data, sys.byteorder)


def text(name: str) -> bytes:
    return encoded(name) + b"\0"


def encoded(name: str) -> bytes:
    return name.encode(errors="surrogateescape")


def name_in(data: bytes) -> str:
    return data.rstrip(b"\0").decode(errors="replace")
