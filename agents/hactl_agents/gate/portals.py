"""Portals, the ADDRESS:PORT pairs that storage is served at: how they are spelled."""

import _socket

from hactl_agents.declare import Param

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

FORM = "is no portal such as 192.0.2.10:3260 or [2001:db8::10]:3260"
NOWHERE = frozenset({"0.0.0.0", "255.255.255.255", "::"})


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
        return _socket.inet_pton(_socket.AF_INET6 if self.is_v6 else _socket.AF_INET, self.address)


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
    family = _socket.AF_INET6 if bracketed else _socket.AF_INET
    address = canonical(family, host[1:-1] if bracketed else host)
    if not 1 <= int(port) <= 65535:
        raise ValueError("has a port that is not from 1 to 65535")
    return Portal(address, int(port))


def canonical(family: int, address: str) -> str:
    """The one spelling of an address of a single interface."""
    try:
        packed = _socket.inet_pton(family, address)
    except (OSError, ValueError):
        raise ValueError(FORM) from None
    name = _socket.inet_ntop(family, packed)
    multicast = packed[0] == 0xFF if len(packed) == 16 else 224 <= packed[0] < 240
    if multicast or name in NOWHERE or name.startswith("::ffff:"):
        raise ValueError("has an address that is none of a single interface")
    return name
