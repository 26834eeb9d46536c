"""Portals, the ADDRESS:PORT pairs that storage is served at: how they are spelled."""

from hactl_agents.declare import Param
from hactl_agents.host.addresses import packed, refuse_unreachable, spelled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

FORM = "is not a portal such as 192.0.2.10:3260 or [2001:db8::10]:3260"


class Portal:
    """An IP address as the kernel spells it, and a TCP port."""

    __slots__ = ("address", "port")

    def __init__(self, address: str, port: int) -> None:
        self.address = address
        self.port = port

    def __str__(self) -> str:
        return f"[{self.address}]:{self.port}" if self.is_v6 else f"{self.address}:{self.port}"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Portal):
            return NotImplemented
        return (self.address, self.port) == (other.address, other.port)

    def __hash__(self) -> int:
        return hash((self.address, self.port))

    @property
    def is_v6(self) -> bool:
        return ":" in self.address

    def packed(self) -> bytes:
        """The address as it stands in a packet."""
        return packed(self.address)


def portals(shortdesc: str, **more: "Any") -> "Any":
    """Portals separated by spaces; the value is a tuple."""
    return Param("string", parse_portals, shortdesc, **more)


def parse_portals(text: str) -> "tuple[Portal, ...]":
    found = tuple(parse_portal(word) for word in text.split(" ") if word)
    if not found:
        raise ValueError(FORM)
    if len(set(found)) < len(found):
        raise ValueError("names a portal twice")
    return found


def parse_portal(word: str) -> Portal:
    host, colon, port = word.rpartition(":")
    if not colon or not port.isascii() or not port.isdigit() or len(port) > 5:
        raise ValueError(FORM)
    bracketed = host[:1] == "[" and host[-1:] == "]"
    address = canonical(host[1:-1] if bracketed else host, bracketed=bracketed)
    if not 1 <= int(port) <= 65535:
        raise ValueError("has a port that is not from 1 to 65535")
    return Portal(address, int(port))


def canonical(address: str, *, bracketed: bool) -> str:
    """The one spelling of an address that hosts can reach."""
    try:
        found = packed(address)
    except ValueError:
        raise ValueError(FORM) from None
    if bracketed != (len(found) == 16):
        raise ValueError(FORM)
    try:
        refuse_unreachable(found)
    except ValueError as exc:
        raise ValueError(f"has {address}, which {exc}") from None
    return spelled(found)
