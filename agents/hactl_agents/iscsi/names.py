"""Names in iSCSI: which are allowed, and those a gateway makes, the same on every node."""

import binascii

from hactl_agents.ocf.record import file_name

try:  # hashlib would load OpenSSL
    from _sha2 import sha256  # type: ignore[import-not-found]
except ImportError:  # before Python 3.12
    from _sha256 import sha256  # type: ignore[import-not-found]

LONGEST = 223  # bytes of a name; RFC 7143, 4.2.7.1
KINDS = ("iqn.", "eui.", "naa.")
SIZES = {"eui.": (16,), "naa.": (16, 32)}  # RFC 3720, 3.2.6.3.2, and RFC 3980
TARGET = frozenset("abcdefghijklmnopqrstuvwxyz0123456789.:-")
INITIATOR = TARGET | frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ_")
HEX = frozenset("0123456789abcdef")
COMPANY = "001405"  # whose numbers the kernel's target gives away, unless told otherwise
DIGITS = 25  # of an NAA name that are its company's own
ENOUGH = 16  # hexadecimal digits in a serial number that an NAA name is made of
LONGEST_OWN = 80  # characters of an instance's name in those of objects


def parse_target(text: str) -> str:
    return checked(text, TARGET, "lower-case letters, digits and . : -")


def parse_initiators(text: str) -> "tuple[str, ...]":
    if not text.isprintable():
        raise ValueError("contains a control character: remove it")
    found = tuple(checked(word, INITIATOR, "letters, digits and . : - _") for word in text.split())
    if len(set(found)) < len(found):
        raise ValueError("names an initiator twice")
    return found


def checked(text: str, allowed: "frozenset[str]", said: str) -> str:
    if not text.isprintable():
        raise ValueError("contains a control character: remove it")
    if not text.startswith(KINDS) or len(text) < 6:
        raise ValueError("is not an iSCSI name such as iqn.2026-11.com.example:disks")
    digits = text[4:].lower()
    if text[:4] != "iqn." and not (len(digits) in SIZES[text[:4]] and HEX.issuperset(digits)):
        raise ValueError("is not an iSCSI name: eui. goes with 16, naa. with 16 or 32 hex digits")
    if not allowed.issuperset(text):
        raise ValueError(f"is not an iSCSI name: use {said}")
    if len(text) > LONGEST:
        raise ValueError(f"is longer than {LONGEST} characters")
    return text


def serial_number(iqn: str, lun: int) -> str:
    """32 hexadecimal digits that are the LUN's wherever it is served."""
    return str(sha256(f"{iqn} {lun}".encode()).hexdigest()[:32])


def naa_name(serial: str) -> str:
    """The NAA name that the kernel's target makes of a serial number (type 6, SPC-4 7.8.6.6)."""
    return "6" + COMPANY + own_digits(serial)


def own_digits(serial: str) -> str:
    """Its hexadecimal digits, as many as there is room for."""
    return hexadecimal(serial)[:DIGITS].ljust(DIGITS, "0")


def hexadecimal(text: str) -> str:
    return "".join(character for character in text.lower() if character in HEX)


def number(text: str, below: int) -> int:
    """A number from 0 that is always the same for a text."""
    return binascii.crc32(text.encode()) % below


def own(instance: str) -> str:
    """The name of a resource in those of its objects: injective as far as anybody names them."""
    safe = file_name(instance).removesuffix(".run")
    if len(safe) <= LONGEST_OWN:
        return safe
    return f"{safe[:40]}%{sha256(safe.encode()).hexdigest()[:32]}"
