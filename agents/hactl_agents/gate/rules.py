"""Rules of a gate, in the expressions that nft itself makes of them, so that it lists them well."""

from hactl_agents.netlink.messages import attribute, text
from hactl_agents.netlink.nftables import ACCEPT, word

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

DROP, GOTO = 0, -4
IPV4, IPV6, TCP = 2, 10, 6  # NFPROTO_IPV4, NFPROTO_IPV6, IPPROTO_TCP
LENGTH, OUTPUT_DEVICE, NFPROTO, L4PROTO = 0, 5, 15, 16  # keys of the expression meta
EQUAL, DIFFERENT, LESS = 0, 1, 2
HTON = 1
SMALLEST = 88  # bytes of a packet with an iSCSI PDU: headers of IP and TCP, and 48
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
    return compared(EQUAL, value)


def compared(how: int, value: bytes) -> bytes:
    data = attribute(1, word(1)) + attribute(2, word(how)) + attribute(3, attribute(1, value))
    return expression("cmp", data)


def in_network_order() -> bytes:
    """Turn what is loaded round, so that it can be compared byte by byte."""
    return expression("byteorder", numbered((1, 1, HTON, 4, 4)))


def payload(base: int, offset: int, length: int) -> bytes:
    return expression("payload", numbered((1, base, offset, length)))


def numbered(fields: "Iterable[int]") -> bytes:
    return b"".join(attribute(kind, word(value)) for kind, value in enumerate(fields, 1))


def expression(name: str, data: bytes) -> bytes:
    return attribute(1, attribute(1, text(name)) + attribute(2, data))


DROPPED = verdict(DROP)
ACCEPTED = verdict(ACCEPT)


def drained() -> "list[bytes]":
    """Whatever leaves may pass, and what arrives without a request: acknowledgements."""
    leaving = meta(OUTPUT_DEVICE) + compared(DIFFERENT, bytes(4)) + ACCEPTED
    small = meta(LENGTH) + in_network_order() + compared(LESS, word(SMALLEST)) + ACCEPTED
    return [leaving, small, DROPPED]
