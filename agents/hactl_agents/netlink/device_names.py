"""Parameters that name network devices: spelled so that neither the kernel nor a shell minds."""

from hactl_agents.declare import Param

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

LONGEST = 15  # bytes; IFNAMSIZ less its NUL
NAME = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-@+")
HEX = frozenset("0123456789abcdef")


def device(shortdesc: str, **more: "Any") -> "Any":
    """The name of one network device."""
    return Param("string", parse_device, shortdesc, **more)


def devices(shortdesc: str, **more: "Any") -> "Any":
    """Names of network devices, separated by spaces; the value is a tuple."""
    return Param("string", parse_devices, shortdesc, default=(), **more)


def bridge_name() -> "Any":
    """The parameter that names the bridge an agent makes."""
    return device("Name of the bridge", required=True, unique="bridge", example="br-lan")


def attached(**more: "Any") -> "Any":
    """The parameter for the devices that become ports of a bridge."""
    return devices("Network devices to attach, separated by spaces", reloadable=True, **more)


def mac_address(shortdesc: str, **more: "Any") -> "Any":
    """A unicast MAC address, in lower case, or the word ``port``."""
    return Param("string", parse_mac_address, shortdesc, **more)


def parse_device(text: str) -> str:
    if len(text.encode(errors="surrogateescape")) > LONGEST:
        raise ValueError(f"is not a device name: it is longer than {LONGEST} characters")
    if text[0] in ".-" or not NAME.issuperset(text):
        raise ValueError("is not a device name: use letters, digits and . _ - @ +")
    return text


def parse_devices(text: str) -> "tuple[str, ...]":
    names = tuple(text.split(" ")) if text.isascii() else ()
    names = tuple(parse_device(name) for name in names if name) or (parse_device(text),)
    if len(set(names)) < len(names):
        raise ValueError("names a device twice")
    return names


def parse_mac_address(text: str) -> str:
    if text == "port":
        return text
    parts = text.lower().split(":")
    if len(parts) != 6 or any(len(part) != 2 or not HEX.issuperset(part) for part in parts):
        raise ValueError("is not a MAC address such as 52:54:00:12:34:56")
    if int(parts[0], 16) & 1 or not any(int(part, 16) for part in parts):
        raise ValueError("is not an address of a single device")
    return ":".join(parts)
