"""Which clients Ceph has cut off, as its monitors list them; pure."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


class Blocklist:
    """Entries by name: ``ADDRESS:PORT/NONCE`` is one client, ``ADDRESS:0/0`` all of an address,
    and ``cidr:NETWORK:0/BITS`` all of a network. Each ends at a time in UTC (ISO 8601).
    """

    def __init__(self, entries: "Mapping[str, str]") -> None:
        self.entries = dict(entries)

    def until(self, client: str) -> str:
        """Until when a client (ADDRESS:PORT/NONCE) is cut off; '' if it is not."""
        return max((end for name, end in self.entries.items() if covers(name, client)), default="")


def covers(name: str, client: str) -> bool:
    """Whether an entry of the blocklist holds for a client."""
    name, client = bare(name), bare(client)
    if name.startswith("cidr:"):
        network, _, tail = name[5:].rpartition(":")
        return in_network(address_of(client), network, tail.rpartition("/")[2])
    if packed(address_of(name)) != packed(address_of(client)):
        return False
    return name.rpartition(":")[2] in ("0/0", client.rpartition(":")[2])


def bare(name: str) -> str:
    """Without the protocol, which says nothing about who it is."""
    for prefix in ("v1:", "v2:", "any:"):
        name = name.removeprefix(prefix)
    return name


def address_of(client: str) -> str:
    return bare(client).rpartition(":")[0].strip("[]")


def in_network(address: str, network: str, bits: str) -> bool:
    one, other = packed(address), packed(network.strip("[]"))
    if len(one) != len(other) or not bits.isdigit():
        return False
    rest = len(one) * 8 - int(bits)
    return int.from_bytes(one, "big") >> rest == int.from_bytes(other, "big") >> rest


def packed(address: str) -> bytes:
    """An address as the network writes it; Ceph spells one in several ways."""
    import _socket

    family = _socket.AF_INET6 if ":" in address else _socket.AF_INET
    try:
        return _socket.inet_pton(family, address)
    except OSError:
        return address.encode()
