"""Addresses and blocklist entries as Ceph's monitors write them; pure, asks nobody."""

from hactl_agents.declare import BadValue

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

V4, V6 = 32, 128


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
        import _socket

        family = _socket.AF_INET if self.family == V4 else _socket.AF_INET6
        address = _socket.inet_ntop(family, self.bits.to_bytes(self.family // 8, "big"))
        return f"{address}/{self.length}"


def network(text: str) -> Network:
    """``10.1.0.1``, ``10.1.0.0/24``, ``fd00::1`` or ``[fd00::1]``. Raises BadValue."""
    import _socket

    address, slash, mask = text.partition("/")
    address = address.strip("[]")
    family = _socket.AF_INET6 if ":" in address else _socket.AF_INET
    size = V6 if ":" in address else V4
    try:
        packed = _socket.inet_pton(family, address)
    except (OSError, ValueError):
        raise BadValue(f"{text!r} is not an address such as 10.1.0.1 or fd00::1") from None
    if slash and not (mask.isascii() and mask.isdigit() and int(mask[:4]) <= size):
        raise BadValue(f"{text!r}: the mask is a number up to {size}")
    length = int(mask) if slash else size
    found = Network(int.from_bytes(packed, "big"), length, size)
    if found.bits != int.from_bytes(packed, "big"):
        raise BadValue(f"{text!r} has bits beyond its mask; {found} is the network")
    return found


class Entry:
    """One line of the blocklist. ``until``: when it ends, in seconds since 1970 (UTC).

    ``whole``: it stands for addresses; otherwise for one client, known by its port and nonce.
    """

    def __init__(self, name: str, network: Network, whole: bool, until: float) -> None:
        self.name = name
        self.network = network
        self.whole = whole
        self.until = until


def entries(osdmap: "Mapping[str, Any]") -> "list[Entry]":
    """The blocklist of an ``osd dump``. Raises ValueError where it is not understood.

    Ceph called it blacklist until Octopus, and had no ranges before Pacific.
    """
    names = ("blocklist", "blacklist")
    plain = next((osdmap[name] for name in names if name in osdmap), None)
    if plain is None:
        raise ValueError("it names no blocklist")
    found = [entry(name, until) for name, until in plain.items()]
    return found + [entry(name, until) for name, until in osdmap.get("range_blocklist", {}).items()]


def entry(name: str, until: str) -> Entry:
    """``10.1.0.1:0/0`` (every client there), ``10.1.0.1:0/77`` (one), ``cidr:10.1.0.0:0/24``."""
    rest = name
    for prefix in ("cidr:", "v1:", "v2:", "any:"):
        rest = rest.removeprefix(prefix)
    address, _, tail = rest.rpartition(":")
    port, _, number = tail.partition("/")
    if name.startswith("cidr:"):
        return Entry(name, network(f"{address}/{number}"), True, instant(until))
    return Entry(name, network(address), (port, number) == ("0", "0"), instant(until))


def instant(text: str) -> float:
    """``2031-11-21T08:05:27.168823+0000`` in seconds since 1970. Ceph writes UTC."""
    day, _, clock = text.partition("T")
    year, month, date = (int(part) for part in day.split("-"))
    time, _, zone = clock.partition("+")
    if zone.replace(":", "") != "0000" and not clock.endswith("Z"):
        raise ValueError(f"{text!r} is not in UTC")
    hours, minutes, seconds = time.rstrip("Z").split(":")
    return days(year, month, date) * 86400 + int(hours) * 3600 + int(minutes) * 60 + float(seconds)


def days(year: int, month: int, date: int) -> int:
    """Days from 1970-01-01 in the Gregorian calendar; importing datetime would cost 2 ms."""
    year -= month <= 2
    era, of_era = divmod(year, 400)
    of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + date - 1
    return era * 146097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719468


def node_map(text: str) -> "dict[str, tuple[Network, ...]]":
    """``node1=10.1.0.1,fd00::1 node2=10.1.0.2`` by node. Raises ValueError with a sentence."""
    found: dict[str, tuple[Network, ...]] = {}
    for word in text.split():
        node, equals, addresses = word.partition("=")
        if not equals or not node or not addresses:
            raise ValueError(f"has {word!r}, which is not NODE=ADDRESS,ADDRESS")
        if node in found:
            raise ValueError(f"names {node!r} twice")
        networks = tuple(network(address) for address in addresses.split(","))
        for each in networks:
            refuse_wide(each)
        found[node] = networks
    refuse_shared(found)
    return found


def refuse_wide(network: Network) -> None:
    """A mask of a few bits is a slip of the hand that would cut off everybody."""
    if network.length < network.family // 2:
        raise ValueError(f"has {network}, which is no single machine's network")


def refuse_shared(nodes: "Mapping[str, Iterable[Network]]") -> None:
    pairs = [(node, network) for node, networks in nodes.items() for network in networks]
    for index, (node, network) in enumerate(pairs):
        for other, its in pairs[index + 1 :]:
            if network.meets(its):
                both = f"{node!r} and {other!r}" if node != other else f"{node!r} twice"
                raise ValueError(f"gives {its} to {both}")
