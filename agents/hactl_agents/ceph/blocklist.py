"""Which clients Ceph has cut off, as its monitors list them; pure, asks nobody."""

from hactl_agents.host.addresses import network

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from hactl_agents.host.addresses import Network


class Entry:
    """One line of the blocklist. ``ends``: when, as Ceph writes it; ``until``: the same in seconds
    since 1970 (UTC).

    ``whole``: it stands for addresses; otherwise for one client, known by its port and nonce.
    """

    def __init__(self, name: str, network: "Network", whole: bool, ends: str) -> None:
        self.name = name
        self.network = network
        self.whole = whole
        self.ends = ends
        self.until = instant(ends)

    def covers(self, client: str) -> bool:
        """Whether it holds for a client, ADDRESS:PORT/NONCE."""
        port = client_of(self.name).rpartition(":")[2]
        same = self.whole or port == client_of(client).rpartition(":")[2]
        return same and self.network.holds(network(address_of(client)))


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


class Blocklist:
    """All entries together."""

    def __init__(self, entries: "Iterable[Entry]") -> None:
        self.entries = tuple(entries)

    def until(self, client: str) -> str:
        """Until when a client (ADDRESS:PORT/NONCE) is cut off, in Ceph's words; '' if it is not."""
        found = [entry for entry in self.entries if entry.covers(client)]
        return max(found, key=lambda entry: entry.until).ends if found else ""


def entry(name: str, ends: str) -> Entry:
    """``10.1.0.1:0/0`` (every client there), ``10.1.0.1:0/77`` (one), ``cidr:10.1.0.0:0/24``."""
    address, _, tail = client_of(name).rpartition(":")
    port, _, number = tail.partition("/")
    if name.startswith("cidr:"):
        return Entry(name, network(f"{address}/{number}"), True, ends)
    return Entry(name, network(address), (port, number) == ("0", "0"), ends)


def client_of(name: str) -> str:
    """ADDRESS:PORT/NONCE without what stands before it: a protocol does not say who it is."""
    for prefix in ("cidr:", "v1:", "v2:", "any:"):
        name = name.removeprefix(prefix)
    return name


def address_of(client: str) -> str:
    """``v2:10.1.0.1:3300/0`` or ``[fd00::1]:0/77`` without port, nonce and brackets."""
    return client_of(client).rpartition(":")[0].strip("[]")


def separate(text: str) -> "list[str]":
    """One address of a client, or several as ``[v2:10.1.0.1:0/7,v1:10.1.0.1:0/7]``."""
    if text.startswith("[v"):
        text = text[1:-1]
    return text.split(",")


def instant(text: str) -> float:
    """``2031-11-21T08:05:27.168823+0000`` in seconds since 1970. Raises ValueError.

    Ceph writes UTC; a time without a zone, or of another one, is not understood.
    """
    from datetime import datetime, timedelta

    time = datetime.fromisoformat(text)
    if time.utcoffset() != timedelta(0):
        raise ValueError(f"{text!r} is not in UTC")
    return time.timestamp()
