"""Places that Open vSwitch calls or listens at, as ovsdb(7) spells them: controllers, managers,
collectors. Pure; Open vSwitch itself takes any text, and only logs what it cannot use.
"""

from hactl_agents.host.addresses import packed

ACTIVE, PASSIVE, LOCAL = ("tcp", "ssl"), ("ptcp", "pssl"), ("unix", "punix")
LETTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.")
PATH = LETTERS | frozenset("_/")


def parse_target(text: str) -> str:
    """A controller or manager. Raises ValueError."""
    kind, _, rest = text.partition(":")
    if kind in LOCAL:
        refuse_path(rest)
    elif kind in ACTIVE:
        refuse_place(*split(rest))
    elif kind in PASSIVE and ":" in text:
        refuse_listening(rest)
    else:
        raise ValueError("is not a target such as ssl:192.0.2.1:6653, ptcp:6640 or pssl:6640")
    return text


def parse_collector(text: str) -> str:
    """Where samples are sent to: ADDRESS or ADDRESS:PORT. Raises ValueError."""
    refuse_place(*split(text))
    return text


def refuse_path(path: str) -> None:
    if path[:1] != "/" or ".." in path.split("/") or not PATH.issuperset(path):
        raise ValueError("needs an absolute path after the colon")


def split(text: str) -> "tuple[str, str]":
    """Host and port, '' where none is given; an IPv6 address keeps its brackets."""
    head, bracket, tail = text.rpartition("]")
    host, colon, port = tail.partition(":")
    if colon and not port:
        raise ValueError("has a colon and no port after it")
    return head + bracket + host, port


def refuse_listening(rest: str) -> None:
    """``[PORT][:ADDRESS]``; nothing for the default port on all addresses."""
    port, colon, address = rest.partition(":")
    refuse_port(port)
    if colon:
        refuse_address(address)


def refuse_place(host: str, port: str) -> None:
    if not host:
        raise ValueError("lacks an address")
    refuse_port(port)
    if host[0] == "[" or not host.strip("0123456789."):
        refuse_address(host)
    elif not LETTERS.issuperset(host) or host[0] in "-.":
        raise ValueError("has no address such as 192.0.2.1 or [2001:db8::1]")


def refuse_address(text: str) -> None:
    bare = text[1:-1].partition("%")[0] if text[:1] == "[" and text[-1:] == "]" else text
    try:
        found = packed(bare)
    except ValueError:
        found = b""
    if len(found) != (4 if bare == text else 16):
        raise ValueError("has no IP address such as 192.0.2.1 or [2001:db8::1]")


def refuse_port(text: str) -> None:
    digits = text.isascii() and text.isdigit() and len(text) <= 5
    if text and not (digits and 0 < int(text) < 65536):
        raise ValueError("has no port from 1 to 65535")
