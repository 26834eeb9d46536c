"""The types of single values in a topology, each with its check, its mend and its JSON schema."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable
from typing import Annotated, TypeGuard

from pydantic import Field

from hactl.model.constraint import INFINITY
from hactl.model.score import NAMED
from hactl.topology import units
from hactl.topology.checked import Checked, JsonSchema, matching, quantity, quoting, wrong
from hactl.topology.units import BadUnit, shown

NAME = r"^[A-Za-z_][A-Za-z0-9_.-]{0,62}$"
NODE_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$"
# of one card: the lowest bit of the first byte is not set
MAC = r"^[0-9a-fA-F][02468aceACE](:[0-9a-fA-F]{2}){5}$"
IFNAME = r"^[A-Za-z0-9_.-]{1,15}$"
AGENT = r"^(ocf:[A-Za-z0-9_-]+:|systemd:|service:|lsb:)[A-Za-z0-9_.@-]+$"
IMAGE = r"^[A-Za-z0-9_.+][A-Za-z0-9_.+-]*(/[A-Za-z0-9_.+][A-Za-z0-9_.+-]*){1,2}$"
LVM_NAME = r"^[A-Za-z0-9_.+][A-Za-z0-9_.+-]{0,126}$"
UUID = r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"
DEVICE = r"^/[A-Za-z0-9._/:@+,-]+$"
DEVICE_HINT = "write it like /dev/disk/by-id/scsi-1234, with letters, digits and ._/:@+,-"
IQN = r"^(iqn\.[0-9]{4}-[0-9]{2}\.[a-z0-9.-]+(:[a-z0-9:.-]+)?|(eui|naa)\.[0-9a-fA-F]{16,32})$"
NQN = r"^nqn\.[0-9]{4}-[0-9]{2}\.[A-Za-z0-9.-]+:[A-Za-z0-9:._-]+$"
SERVICE = r"^(systemd|service|lsb):[A-Za-z0-9_.@-]+$"
FENCE_AGENT = r"^fence_[A-Za-z0-9_-]+$"
HOST = re.compile(r"[A-Za-z][A-Za-z0-9.-]{0,252}")
LOCAL_NAMES = ("localhost", "localhost.localdomain", "ip6-localhost")
VLAN_RANGE = re.compile(r"([1-9][0-9]{0,3})(?:-([1-9][0-9]{0,3}))?", re.ASCII)
MAX_VLAN = 4094
MAX_TEXT = 4000

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def check_text(value: object) -> str:
    if not isinstance(value, str):
        raise wrong(f"{shown(value)} is not text", quoting(value) or "write one line of text")
    if not value or "\n" in value or "\t" in value:
        what = "is more than one line" if value else "is empty"
        raise wrong(what, "write one line of text")
    if len(value) > MAX_TEXT:
        raise wrong(f"is longer than {MAX_TEXT} characters", "shorten it")
    return value


def positive(read: Callable[[object], int], what: str) -> Callable[[object], int]:
    """Return a reader that also refuses 0, the end of the sentence being ``what``."""

    def check(value: object) -> int:
        number = read(value)
        if not number:
            raise BadUnit(f"{shown(value)} {what}", "write a time like 30s, or remove the key")
        return number

    return check


def check_path(value: object) -> str:
    if not isinstance(value, str) or not value.startswith("/") or re.search(r"[\n\t]|//", value):
        raise wrong(f"{shown(value)} is not an absolute path", "write it from / on, like /srv/vms")
    if ".." in value.split("/"):
        raise wrong(f"{shown(value)} goes upwards with '..'", "write the path it leads to")
    if "." in value.split("/"):
        raise wrong(f"{shown(value)} goes nowhere with '.'", "write the path without it")
    if not value.strip("/"):
        raise wrong("/ is the node's own root", "write the directory, file or device below it")
    return value.rstrip("/")


def check_device_path(value: object) -> str:
    """Read the path of a device that stands in SBD's own file, which a shell reads."""
    path = check_path(value)
    if not re.fullmatch(DEVICE.strip("^$"), path, re.ASCII):
        raise wrong(f"{shown(value)} is not the path of a device", DEVICE_HINT)
    return path


def check_vlans(value: object) -> list[str]:
    """Read ``[10, 20, 30-39]``, ``"10,20"`` or ``10``, each part as a VLAN or a range of them."""
    parts = value if isinstance(value, list) else str(value).split(",")
    return [check_vlan_range(part) for part in parts]


def check_vlan_range(value: object) -> str:
    text = shown(value).strip("' ")
    found = VLAN_RANGE.fullmatch(text)
    if found and 1 <= int(found[1]) <= int(found[2] or found[1]) <= MAX_VLAN:
        return text
    raise wrong(f"{shown(value)} is not a VLAN", f"write 1 to {MAX_VLAN}, or a range like 20-29")


def vlan_numbers(ranges: Iterable[str]) -> list[int]:
    """Return the VLANs in ``["10", "20-22"]``, each once, sorted."""
    found: set[int] = set()
    for text in ranges:
        first, _, last = text.partition("-")
        found.update(range(int(first), int(last or first) + 1))
    return sorted(found)


def check_interface(value: object) -> str:
    """Read ``10.77.10.53/24``: an address of a host with the prefix length of its network."""
    try:
        interface = ipaddress.ip_interface(value) if is_prefixed(value) else None
    except ValueError:
        interface = None
    if interface is None:
        raise wrong(
            f"{shown(value)} is not an address with its prefix length", "write it like 10.0.0.30/24"
        )
    refuse_no_host(interface.ip)
    network = interface.network
    if network.prefixlen < network.max_prefixlen - 1 and interface.ip in ends(network):
        what = "address" if interface.ip == network.network_address else "broadcast address"
        raise wrong(f"{shown(value)} is the {what} of its network", "write the address of a host")
    return str(interface)


def is_prefixed(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and "/" in value and "%" not in value


def ends(network: Network) -> tuple[Address, ...]:
    """Return the addresses of a network that no host may have."""
    if isinstance(network, ipaddress.IPv6Network):
        return (network.network_address,)  # RFC 4291 2.6.1: that of all its routers
    return (network.network_address, network.broadcast_address)


def refuse_no_host(address: Address) -> None:
    """Refuse addresses at which no other machine can ever be reached. Raises `wrong`."""
    kinds = {
        "no host's": address.is_unspecified,
        "a loopback address: every node has it for itself": address.is_loopback,
        "a multicast address": address.is_multicast,
        "reserved": address.version == 4 and address.is_reserved,
        "an IPv4 address in the words of IPv6": address.version == 6
        and address.ipv4_mapped is not None,
        "link-local: it means nothing without an interface": address.version == 6
        and address.is_link_local,
    }
    for what, so in kinds.items():
        if so:
            raise wrong(f"{address} is {what}", "write the address of a host")


def check_link(value: object) -> str:
    """Read an IP address or a host name."""
    if isinstance(value, str):
        try:
            address = ipaddress.ip_address(value)
        except ValueError:
            if HOST.fullmatch(value) and value.lower() not in LOCAL_NAMES:
                return value
        else:
            refuse_no_host(address)
            return str(address)
    raise wrong(f"{shown(value)} is neither an address nor a host name", "write it like 10.0.0.1")


def check_score(value: object) -> int:
    """Read a score: a whole number below a million, INFINITY or -INFINITY."""
    if isinstance(value, str) and value in NAMED:
        return NAMED[value]
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) >= INFINITY:
        raise wrong(
            f"{shown(value)} is not a score", "write a whole number below a million, or INFINITY"
        )
    return value


def check_parameter(value: object) -> str:
    """Read the value of an agent's parameter, as the text that the CIB keeps."""
    if isinstance(value, bool | int | float):
        return shown(value)
    if isinstance(value, str):
        return check_text(value)
    raise wrong(f"{shown(value)} is not the value of a parameter", "write one value")


def check_cores(value: object) -> int:
    """Read a number of cores, with up to three decimals, in thousandths."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 100_000:
        raise wrong(f"{shown(value)} is not a number of cores", "write it like 2 or 0.5")
    thousandths = round(value * 1000)
    if abs(thousandths - value * 1000) > 1e-6:
        raise wrong(f"{shown(value)} is finer than a thousandth of a core", "write it like 0.5")
    return thousandths


def check_device(value: object) -> str:
    """Read the name of a storage, or the path of a device."""
    if isinstance(value, str) and value.startswith("/"):
        return check_path(value)
    if isinstance(value, str) and re.fullmatch(NAME.strip("^$"), value, re.ASCII):
        return value
    raise wrong(
        f"{shown(value)} is neither a storage nor the path of a device",
        quoting(value) or "name a storage, or write a path like /dev/vg1/shared",
    )


def check_network(value: object) -> str:
    """Read ``10.77.1.0/24``: the network in which every node has an address of its own."""
    try:
        network = ipaddress.ip_network(value) if is_prefixed(value) else None
    except ValueError:
        network = None
    if network is None:
        raise wrong(f"{shown(value)} is not a network", "write it like 10.0.0.0/24")
    refuse_no_host(network.network_address)
    return str(network)


def check_address_or_network(value: object) -> str:
    """Read ``10.77.1.100/24``, or ``10.77.1.0/24``: an address, or a whole network."""
    try:
        is_network = is_prefixed(value) and bool(ipaddress.ip_network(value))
    except ValueError:
        is_network = False
    return check_network(value) if is_network else check_interface(value)


NAME_HINT = "begin with a letter or _ and go on with letters, digits, _ - and . (63 at most)"
NODE_HINT = "use the host name: letters, digits, -, _ and . (63 at most)"
IFNAME_HINT = "use at most 15 letters, digits, _ - and ."
SCORE_SCHEMA: JsonSchema = {
    "anyOf": [
        {"type": "integer", "minimum": -999_999, "maximum": 999_999},
        {"enum": list(NAMED)},
    ]
}

Name = Annotated[str, matching(NAME, "a name that can be an id in the CIB", NAME_HINT)]
NodeName = Annotated[str, matching(NODE_NAME, "a node name", NODE_HINT)]
Interface = Annotated[str, matching(IFNAME, "the name of an interface", IFNAME_HINT)]
AgentName = Annotated[
    str, matching(AGENT, "the name of a resource agent", "write it like ocf:heartbeat:IPaddr2")
]
FenceAgent = Annotated[
    str, matching(FENCE_AGENT, "the name of a fence agent", "write it like fence_ipmilan")
]
MAC_HINT = "write it like '52:54:00:12:34:56', its first byte even"
Mac = Annotated[str, matching(MAC, "a MAC address", MAC_HINT)]
Text = Annotated[str, Checked(check_text, {"type": "string", "minLength": 1})]
DevicePath = Annotated[str, Checked(check_device_path, {"type": "string", "pattern": DEVICE})]
Path = Annotated[str, Checked(check_path, {"type": "string", "pattern": "^/"})]
AddressWithPrefix = Annotated[str, Checked(check_interface, {"type": "string", "pattern": "/"})]
Device = Annotated[str, Checked(check_device, {"type": "string"})]
ImageSpec = Annotated[
    str, matching(IMAGE, "a Ceph image", "write it as POOL/IMAGE or POOL/NAMESPACE/IMAGE")
]
LvmName = Annotated[
    str, matching(LVM_NAME, "a name that LVM takes", "use letters, digits, _ . + and -")
]
Uuid = Annotated[
    str, matching(UUID, "a UUID", "write it like 1f0a7c3e-52b4-4a0e-9d5c-0c6f2f0a8b11")
]
Iqn = Annotated[
    str, matching(IQN, "the name of a target", "write it like iqn.2026-11.com.example:san1")
]
Nqn = Annotated[
    str, matching(NQN, "the name of a subsystem", "write it like nqn.2026-11.com.example:san1")
]
AddressOrNetwork = Annotated[
    str, Checked(check_address_or_network, {"type": "string", "pattern": "/"})
]
LinkAddress = Annotated[str, Checked(check_link, {"type": "string"})]
Parameter = Annotated[str, Checked(check_parameter, {"type": ["string", "number", "boolean"]})]

Vlan = Annotated[int, Field(ge=1, le=MAX_VLAN)]
VLANS_SCHEMA: JsonSchema = {"type": ["integer", "string"]}
Vlans = Annotated[
    list[str],
    Checked(
        check_vlans,
        {"anyOf": [VLANS_SCHEMA, {"type": "array", "items": VLANS_SCHEMA}]},
    ),
]
Service = Annotated[
    str, matching(SERVICE, "the name of a service", "write it like systemd:openvswitch-switch")
]

# Times in milliseconds, sizes in bytes, rates in bytes a second or bits a second, cores in
# thousandths.
Duration = Annotated[
    int,
    quantity(
        positive(units.milliseconds, "leaves no time at all"), units.TIME_PATTERN_ABOVE_0, "30s"
    ),
]
DurationOr0 = Annotated[int, quantity(units.milliseconds, units.TIME_PATTERN, "30s")]
Size = Annotated[int, quantity(units.size, units.SIZE_PATTERN, "4GiB")]
BitRate = Annotated[int, quantity(units.bit_rate, units.BIT_RATE_PATTERN, "1Gbit/s")]
Rate = Annotated[int, quantity(units.rate, units.RATE_PATTERN, "100MiB/s")]
Cores = Annotated[int, Checked(check_cores, {"type": "number", "exclusiveMinimum": 0})]
Score = Annotated[int, Checked(check_score, SCORE_SCHEMA)]
