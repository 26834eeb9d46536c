"""Where a target listens: addresses and ports, or networks in which every node has its own."""

from hactl_agents.declare import numeral
from hactl_agents.gateway.listen_address import Place, portal
from hactl_agents.host.addresses import packed, spelled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from hactl_agents.host.host import Host

PORT = 3260
WILD = ("0.0.0.0", "::")


class Portal:
    """An address, any address (0.0.0.0 or ::) or a network, and a TCP port."""

    def __init__(self, place: "Place | str", port: int) -> None:
        self.place = place
        self.port = port

    def on_this_node(self, host: "Host") -> str:
        """ADDRESS:PORT to listen on. Raises Failed where the node has none in the network."""
        return portal(self.address(host), str(self.port))

    def address(self, host: "Host") -> str:
        if isinstance(self.place, str):
            return self.place
        return self.place.on_this_node(host) if self.place.is_network else self.place.text

    def absence(self, host: "Host") -> str:
        """Why nobody can reach it; '' if its address is this node's."""
        here = isinstance(self.place, str) or host.has_address(self.address(host))
        return "" if here else f"{self.address(host)} is not an address of this node"

    def holds(self, text: str) -> bool:
        """Whether ADDRESS:PORT is this portal."""
        address, _, port = text.rpartition(":")
        if port != str(self.port):
            return False
        address = address.strip("[]")
        return address == self.place if isinstance(self.place, str) else self.place.holds(address)

    def covers(self, other: "Portal") -> bool:
        """Whether it is for any address, and so for that of another one, too."""
        if self.place not in WILD or isinstance(other.place, str) or self.port != other.port:
            return False
        return (self.place == "::") == (":" in other.place.text)

    def __str__(self) -> str:
        return portal(str(self.place), str(self.port))


def parse_portals(text: str) -> "tuple[Portal, ...]":
    found = tuple(parse_portal(word) for word in text.split())
    if len({str(each) for each in found}) < len(found):
        raise ValueError("names a portal twice")
    for each in found:
        if any(wild.covers(each) for wild in found):
            raise ValueError(f"names {each}, which the portal for any address covers")
    return found


def parse_portal(word: str) -> Portal:
    """ADDRESS:PORT, [ADDRESS]:PORT or NETWORK/LENGTH:PORT; without a port it is 3260."""
    if word[:1] == "[":
        address, bracket, rest = word[1:].partition("]")
        if not bracket or rest[:1] not in ("", ":"):
            raise ValueError(f"has {word!r}, which is not [ADDRESS]:PORT")
        digits = rest[1:] if rest else str(PORT)
    else:
        address, colon, digits = word.partition(":")
        digits = digits if colon else str(PORT)
        if ":" in digits:
            raise ValueError(f"has {word!r}: write an IPv6 portal as [ADDRESS]:PORT")
    port = numeral(digits, 1, 65535)
    if port is None:
        raise ValueError(f"has {word!r}, whose port is none from 1 to 65535")
    return Portal(parse_place(word, address), port)


def parse_place(word: str, address: str) -> "Place | str":
    if address in WILD:
        return address
    try:
        return Place(address)
    except ValueError as exc:
        raise ValueError(f"has {word!r}, which {exc}") from None


def canonical(text: str) -> str:
    """ADDRESS:PORT as the system writes it."""
    address, _, port = text.rpartition(":")
    try:
        return portal(spelled(packed(address.strip("[]"))), port)
    except ValueError:
        return text


def differences(wanted: "Iterable[Portal]", found: "Iterable[str]") -> "list[str]":
    """What is missing and what is too much."""
    listening = [canonical(text) for text in found]
    complaints = [
        f"nobody listens on {each}"
        for each in wanted
        if not any(each.holds(text) for text in listening)
    ]
    extra = [text for text in listening if not any(each.holds(text) for each in wanted)]
    return complaints + [f"it also listens on {text}" for text in extra]
