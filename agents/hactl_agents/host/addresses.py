"""IP addresses and networks as text, and which of them reach a machine; pure."""

import _socket

from hactl_agents.declare import BadValue

V4, V6 = 32, 128
MAPPED = bytes(10) + b"\xff\xff"  # ::ffff:192.0.2.1, RFC 4291, 2.5.5.2
FORM = "is not an IP address such as 192.0.2.1 or 2001:db8::1"


def packed(address: str) -> bytes:
    """An address as it stands in a packet. Raises ValueError with the end of a sentence."""
    family = _socket.AF_INET6 if ":" in address else _socket.AF_INET
    try:
        return _socket.inet_pton(family, address)
    except (OSError, ValueError):
        raise ValueError(FORM) from None


def spelled(address: bytes) -> str:
    """The one way in which the system writes an address."""
    return _socket.inet_ntop(_socket.AF_INET if len(address) == 4 else _socket.AF_INET6, address)


def refuse_unreachable(address: bytes) -> None:
    """Refuse addresses by which no host finds a node, or that are of IPv4 in another form.

    Raises ValueError with the end of a sentence.
    """
    if (len(address) == 4 and address[0] >= 224) or address[0] == 0xFF:
        raise ValueError("is not the address of a single interface")
    if len(address) == 16 and address[0] == 0xFE and address[1] & 0xC0 == 0x80:
        raise ValueError("is a link-local address, which says nothing without an interface")
    if len(address) == 16 and address[:12] == MAPPED:
        raise ValueError(f"is an address of IPv4 in another form: write {spelled(address[12:])}")
    if not any(address):
        raise ValueError("stands for every address: give the one that hosts connect to")


class Network:
    """All addresses that share their first ``length`` bits; a single one shares them all."""

    def __init__(self, bits: int, length: int, family: int) -> None:
        self.length = length
        self.family = family  # bits of an address: 32 or 128
        self.bits = bits >> (family - length) << (family - length)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Network) and self.key() == other.key()

    def __hash__(self) -> int:
        return hash(self.key())

    def key(self) -> "tuple[int, int, int]":
        return self.family, self.bits, self.length

    def holds(self, other: "Network") -> bool:
        """Whether every address of ``other`` is one of ours."""
        if self.family != other.family or self.length > other.length:
            return False
        unimportant = self.family - self.length
        return self.bits >> unimportant == other.bits >> unimportant

    def meets(self, other: "Network") -> bool:
        """Whether they have an address in common."""
        return self.holds(other) or other.holds(self)

    def single(self) -> bool:
        return self.length == self.family

    def __str__(self) -> str:
        return f"{spelled(self.bits.to_bytes(self.family // 8, 'big'))}/{self.length}"


def network(text: str) -> Network:
    """``10.1.0.1``, ``10.1.0.0/24``, ``fd00::1`` or ``[fd00::1]``. Raises BadValue."""
    address, slash, mask = text.partition("/")
    address = address.strip("[]")
    size = V6 if ":" in address else V4
    try:
        number = int.from_bytes(packed(address), "big")
    except ValueError as exc:
        raise BadValue(f"{text!r} {exc}") from None
    if slash and not (mask.isascii() and mask.isdigit() and int(mask[:4]) <= size):
        raise BadValue(f"{text!r}: the mask is a number up to {size}")
    length = int(mask) if slash else size
    found = Network(number, length, size)
    if found.bits != number:
        raise BadValue(f"{text!r} has bits beyond its mask; {found} is the network")
    return found
