"""Rules of a gate, in the expressions that nft itself makes of them, so that it lists them well."""

from hactl_agents.gate.nftables import ACCEPT, word
from hactl_agents.netlink import attribute, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

DROP, GOTO = 0, -4
IPV4, IPV6, TCP = 2, 10, 6  # NFPROTO_IPV4, NFPROTO_IPV6, IPPROTO_TCP
NFPROTO, L4PROTO = 15, 16  # keys of the expression meta
NETWORK, TRANSPORT = 1, 2  # headers


def tcp_rules(
    places: "Iterable[tuple[bytes, int]]", *, arriving: bool, chain: str
) -> "list[bytes]":
    """Rules that send packets to (``arriving``) or from an address and TCP port on to ``chain``."""
    shapes: dict[int, tuple[bytes, bytes, bytes]] = {}  # a monitor makes a rule out of three pieces
    rules = []
    for address, port in places:
        size = len(address)
        if size not in shapes:
            shapes[size] = shape(size == 16, arriving, chain)
        head, middle, tail = shapes[size]
        rules.append(head + address + middle + port.to_bytes(2, "big") + tail)
    return rules


def shape(v6: bool, arriving: bool, chain: str) -> "tuple[bytes, bytes, bytes]":
    """What stands before, between and after address and port."""
    size = 16 if v6 else 4
    offset = (24 if v6 else 16) if arriving else (8 if v6 else 12)
    head = meta(NFPROTO) + equals(bytes((IPV6 if v6 else IPV4,)))
    head += payload(NETWORK, offset, size) + equals(bytes(size))[:-size]
    middle = meta(L4PROTO) + equals(bytes((TCP,)))
    middle += payload(TRANSPORT, 2 if arriving else 0, 2) + equals(bytes(2))[:-4]
    return head, middle, bytes(2) + verdict(GOTO, chain)  # a port is padded to four bytes


def verdict(code: int, chain: str = "") -> bytes:
    said = attribute(1, code.to_bytes(4, "big", signed=True))
    said += attribute(2, text(chain)) if chain else b""
    return expression("immediate", attribute(1, word(0)) + attribute(2, attribute(2, said)))


def meta(key: int) -> bytes:
    return expression("meta", attribute(2, word(key)) + attribute(1, word(1)))


def equals(value: bytes) -> bytes:
    data = attribute(1, word(1)) + attribute(2, word(0)) + attribute(3, attribute(1, value))
    return expression("cmp", data)


def payload(base: int, offset: int, length: int) -> bytes:
    fields = (1, base, offset, length)
    return expression("payload", b"".join(attribute(n, word(v)) for n, v in enumerate(fields, 1)))


def expression(name: str, data: bytes) -> bytes:
    return attribute(1, attribute(1, text(name)) + attribute(2, data))


DROPPED = verdict(DROP)
ACCEPTED = verdict(ACCEPT)
