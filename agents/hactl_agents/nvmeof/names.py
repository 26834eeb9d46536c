"""Names and numbers that hosts know a subsystem and its namespaces by: the same on every node."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

LONGEST_NQN = 223  # bytes, NVM Express base specification, 4.7
IN_A_NQN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.:-_+@")
DISCOVERY = "nqn.2014-08.org.nvmexpress.discovery"
HEX = frozenset("0123456789abcdef")


def parse_nqn(text: str) -> str:
    if not text.startswith("nqn.") or len(text) < 6 or not IN_A_NQN.issuperset(text):
        raise ValueError("is not an NQN such as nqn.2026-11.com.example:vol1")
    if len(text) > LONGEST_NQN:
        raise ValueError(f"is not an NQN: it is longer than {LONGEST_NQN} characters")
    if text == DISCOVERY:
        raise ValueError("is the discovery service, which the kernel has by itself")
    return text


def parse_nqns(text: str) -> "tuple[str, ...]":
    found = tuple([parse_nqn(word) for word in text.split()])
    if len(set(found)) < len(found):
        raise ValueError("names a host twice")
    return found


def serial(nqn: str, resource: str) -> str:
    """The subsystem's serial number. That it has this one is how a resource knows its own."""
    return f"HA{digest('serial', nqn, resource).hexdigest()[:18]}"


def uuid(nqn: str, stable_id: str) -> str:
    """A version 8 UUID (RFC 9562) of a namespace."""
    text = digest("uuid", nqn, stable_id).hexdigest()
    return parse_uuid(f"{text[:12]}8{text[13:16]}{'89ab'[int(text[16], 16) & 3]}{text[17:32]}")


def nguid(nqn: str, stable_id: str) -> str:
    """The 16 bytes of a namespace's NGUID, written as the kernel writes them."""
    return parse_uuid(digest("nguid", nqn, stable_id).hexdigest()[:32])


def parse_uuid(text: str) -> str:
    plain = text.lower().replace("-", "").replace(":", "")
    if len(plain) != 32 or not HEX.issuperset(plain) or not plain.strip("0"):
        raise ValueError("is not 32 hexadecimal digits")
    return "-".join((plain[:8], plain[8:12], plain[12:16], plain[16:20], plain[20:]))


def number(most: int, *words: str) -> int:
    """A number from 1 to ``most`` that stands for these words."""
    return int(digest(*words).hexdigest()[:12], 16) % most + 1


def digest(*words: str) -> "Any":
    try:
        from _sha256 import sha256  # type: ignore[import-not-found]  # hashlib costs milliseconds
    except ImportError:
        from hashlib import sha256
    return sha256("\0".join(words).encode())
