"""Rules of a gate, in the expressions that nft itself makes of them, so that it lists them well."""

from hactl_agents.gate.nftables import ACCEPT, word
from hactl_agents.netlink import attribute, text

DROP, GOTO = 0, -4
IPV4, IPV6, TCP = 2, 10, 6  # NFPROTO_IPV4, NFPROTO_IPV6, IPPROTO_TCP
NFPROTO, L4PROTO = 15, 16  # keys of the expression meta
NETWORK, TRANSPORT = 1, 2  # headers


def tcp_rule(address: bytes, port: int, *, arriving: bool, chain: str) -> bytes:
    """Send packets to (``arriving``) or from an address and TCP port on to ``chain``."""
    v6 = len(address) == 16
    offset = (24 if v6 else 16) if arriving else (8 if v6 else 12)
    return (
        meta(NFPROTO)
        + equals(bytes((IPV6 if v6 else IPV4,)))
        + payload(NETWORK, offset, len(address))
        + equals(address)
        + meta(L4PROTO)
        + equals(bytes((TCP,)))
        + payload(TRANSPORT, 2 if arriving else 0, 2)
        + equals(port.to_bytes(2, "big"))
        + verdict(GOTO, chain)
    )


def verdict(code: int, chain: str = "") -> bytes:
    said = attribute(1, code.to_bytes(4, "big", signed=True))
    said += attribute(2, text(chain)) if chain else b""
    return expression("immediate", attribute(1, word(0)) + attribute(2, attribute(2, said)))


def meta(key: int) -> bytes:
    return expression("meta", attribute(2, word(key)) + attribute(1, word(1)))


def equals(value: bytes) -> bytes:
    data = attribute(1, word(1)) + attribute(2, word(0)) + attribute(3, attribute(1, value))
    return expression("cmp", data)


def payload(base: int, offset: int, length: int) -> bytes:
    fields = (1, base, offset, length)
    return expression("payload", b"".join(attribute(n, word(v)) for n, v in enumerate(fields, 1)))


def expression(name: str, data: bytes) -> bytes:
    return attribute(1, attribute(1, text(name)) + attribute(2, data))


DROPPED = verdict(DROP)
ACCEPTED = verdict(ACCEPT)
