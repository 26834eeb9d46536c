"""Where a gateway listens: an address, or a network in which every node has one of its own."""

import _socket

from hactl_agents.declare import numeral
from hactl_agents.host.addresses import packed, refuse_unreachable, spelled
from hactl_agents.ocf.errors import Failed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hactl_agents.host.host import Host


class Place:
    """An IP address, or the network ADDRESS/LENGTH."""

    def __init__(self, text: str) -> None:
        address, slash, length = text.partition("/")
        self.family = _socket.AF_INET6 if ":" in address else _socket.AF_INET
        raw = packed(address)
        self.bits = len(raw) * 8
        found = numeral(length, 0, self.bits) if slash else self.bits
        if found is None:
            raise ValueError(f"has no length of a network from 0 to {self.bits}")
        self.length = found
        self.number = int.from_bytes(raw, "big")
        self.text = spelled(raw)
        if self.length:
            refuse_unreachable(raw)

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
            raw = packed(address)
        except ValueError:
            return False
        shift = self.bits - self.length
        same = len(raw) * 8 == self.bits
        return same and int.from_bytes(raw, "big") >> shift == self.number >> shift

    def on_this_node(self, host: "Host") -> str:
        """The address to listen on. Raises Failed where the node has none, or several."""
        if not self.is_network:
            if not host.has_address(self.text):
                raise Failed(
                    f"{self.text} is not an address of this node: start it before, with IPaddr2"
                )
            return self.text
        own = [a for a in host.network().own_addresses() if self.holds(a)]
        if len(own) != 1:
            what = f"the addresses {' '.join(own)}" if own else "no address"
            raise Failed(f"this node has {what} in {self}: it has to have one there")
        return own[0]

    def __str__(self) -> str:
        return f"{self.text}/{self.length}" if self.is_network else self.text


def portal(address: str, port: str) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
