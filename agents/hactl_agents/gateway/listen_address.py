"""Where a gateway listens: an address, or a network in which every node has one of its own."""

import _socket

from hactl_agents.declare import numeral
from hactl_agents.ocf.errors import Failed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hactl_agents.host.host import Host


MAPPED = bytes(10) + b"\xff\xff"  # ::ffff:192.0.2.1, RFC 4291, 2.5.5.2


class Place:
    """An IP address, or the network ADDRESS/LENGTH."""

    def __init__(self, text: str) -> None:
        address, slash, length = text.partition("/")
        self.family = _socket.AF_INET6 if ":" in address else _socket.AF_INET
        packed = pack(self.family, address)
        self.bits = len(packed) * 8
        found = numeral(length, 0, self.bits) if slash else self.bits
        if found is None:
            raise ValueError(f"has no length of a network from 0 to {self.bits}")
        self.length = found
        self.number = int.from_bytes(packed, "big")
        self.text = _socket.inet_ntop(self.family, packed)
        if not self.number and self.length:
            raise ValueError("stands for every address: give the one that hosts connect to")
        refuse_unreachable(packed)

    @property
    def is_network(self) -> bool:
        return self.length < self.bits

    @property
    def adrfam(self) -> str:
        """The address family, as nvmet calls it."""
        return "ipv6" if self.family == _socket.AF_INET6 else "ipv4"

    def holds(self, address: str) -> bool:
        """Whether an address is this one, or in this network."""
        try:
            family = _socket.AF_INET6 if ":" in address else _socket.AF_INET
            found = int.from_bytes(pack(family, address), "big")
        except ValueError:
            return False
        shift = self.bits - self.length
        return family == self.family and found >> shift == self.number >> shift

    def on_this_node(self, host: "Host") -> str:
        """The address to listen on. Raises Failed where the node has none, or several."""
        if not self.is_network:
            if not host.has_address(self.text):
                raise Failed(
                    f"{self.text} is no address of this node: start it before, with IPaddr2"
                )
            return self.text
        own = [a for a in host.network().own_addresses() if self.holds(a)]
        if len(own) != 1:
            what = f"the addresses {' '.join(own)}" if own else "no address"
            raise Failed(f"this node has {what} in {self}: it has to have one there")
        return own[0]

    def __str__(self) -> str:
        return f"{self.text}/{self.length}" if self.is_network else self.text


def pack(family: int, address: str) -> bytes:
    try:
        return _socket.inet_pton(family, address)
    except OSError:
        raise ValueError("is no IP address such as 192.0.2.1 or 2001:db8::1") from None


def refuse_unreachable(packed: bytes) -> None:
    """Addresses by which no host finds a node, or that are written as of the other family."""
    if (len(packed) == 4 and packed[0] >= 224) or packed[0] == 0xFF:
        raise ValueError("is no address of a single interface")
    if len(packed) == 16 and packed[0] == 0xFE and packed[1] & 0xC0 == 0x80:
        raise ValueError("is a link-local address, which says nothing without an interface")
    if len(packed) == 16 and packed[:12] == MAPPED:
        written = _socket.inet_ntop(_socket.AF_INET, packed[12:])
        raise ValueError(f"is an address of IPv4 in another form: write {written}")


def portal(address: str, port: str) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
