"""Network devices of this network namespace, by rtnetlink(7): what they are, not whose they are.

sysfs may show another namespace's devices, and a program would cost a fork.
"""

import _socket
import errno

from hactl_agents.netlink.messages import (
    ACK,
    CREATE,
    DUMP,
    EXCL,
    REQUEST,
    Conversation,
    attribute,
    attributes,
    encoded,
    name_in,
    number,
    refused,
    text,
    value,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping

NEWLINK, DELLINK, GETLINK, GETADDR = 16, 17, 18, 22
ADDRESS, IFNAME, MTU, MASTER, LINKINFO, IFALIAS, GROUP, EXT_MASK = 1, 3, 4, 10, 18, 20, 27, 29
LINK, LINK_NETNSID = 5, 37  # the device below, and the namespace that it is in
INFO_KIND, INFO_DATA, VXLAN_LINK = 1, 2, 3
READ_ONLY = ("root_port", "topology_change")
SKIP_STATS = 8
IFF_UP, IFF_LOOPBACK, IFF_LOWER_UP = 0x1, 0x8, 0x10000
AF_INET, AF_INET6 = 2, 10
RT_SCOPE_LINK = 253
NOT_OWN = 0x01 | 0x08 | 0x20 | 0x40  # IFA_F_SECONDARY (or TEMPORARY) DADFAILED DEPRECATED TENTATIVE

# setting -> (attribute of IFLA_INFO_DATA, bytes, kernel units in one of ours); linux/if_link.h.
BRIDGE = {
    "forward_delay": (1, 4, 100),
    "ageing": (4, 4, 100),
    "stp": (5, 4, 1),
    "stp_priority": (6, 2, 1),
    "vlan_filtering": (7, 1, 1),
    "root_port": (12, 2, 1),
    "topology_change": (14, 1, 1),
    "multicast_snooping": (23, 1, 1),
    "multicast_querier": (25, 1, 1),
}


class Link:
    """What the kernel says of one device. ``master`` is an index, 0 for none.

    ``settings`` holds a bridge's, in our units (seconds, 0 or 1), as whole numbers.
    """

    __slots__ = (
        "address",
        "alias",
        "carrier",
        "group",
        "index",
        "kind",
        "loopback",
        "master",
        "mtu",
        "name",
        "settings",
        "up",
    )

    def __init__(self, name: str, index: int, kind: str = "", flags: int = 0) -> None:
        self.name = name
        self.index = index
        self.kind = kind
        self.up = bool(flags & IFF_UP)
        self.carrier = bool(flags & IFF_LOWER_UP)
        self.loopback = bool(flags & IFF_LOOPBACK)
        self.alias = ""
        self.group = 0
        self.master = 0
        self.mtu = 0
        self.address = ""
        self.settings: dict[str, int] = {}

    def setting(self, name: str) -> "int | str":
        """A setting of a bridge; its mtu and address count as settings too."""
        if name == "mtu":
            return self.mtu
        if name == "address":
            return self.address
        return self.settings.get(name, 0)

    def is_set(self, name: str, wanted: "int | str") -> bool:
        """Whether a setting is as wanted, as far as it is up to this bridge.

        Another root bridge dictates the forward delay, and a change of topology shortens the
        ageing.
        """
        if name == "stp":
            return bool(self.setting(name)) == bool(wanted)
        if name == "forward_delay" and self.settings.get("root_port"):
            return True
        if name == "ageing" and self.settings.get("topology_change"):
            return True
        return self.setting(name) == wanted


class Links(Conversation):
    """Look at devices and change them. Every call raises Failed where the kernel refuses."""

    def get(self, name: str) -> "Link | None":
        """The device called ``name``; None where there is none."""
        body = header() + attribute(IFNAME, text(name)) + attribute(EXT_MASK, number(SKIP_STATS))
        try:
            (reply,) = self.talk(GETLINK, REQUEST, body)
        except OSError as exc:
            if exc.errno == errno.ENODEV:
                return None
            raise refused(f"looking at {name}", exc) from None
        return link(reply)

    def at(self, index: int) -> "Link | None":
        """The device with that index, whatever it is called by now; None where there is none."""
        try:
            (reply,) = self.talk(
                GETLINK, REQUEST, header(index) + attribute(EXT_MASK, number(SKIP_STATS))
            )
        except OSError as exc:
            if exc.errno == errno.ENODEV:
                return None
            raise refused(f"looking at device {index}", exc) from None
        return link(reply)

    def ports(self, bridge: int) -> "list[Link]":
        """The devices whose master is ``bridge``, an index."""
        body = header() + attribute(MASTER, number(bridge))
        body += attribute(EXT_MASK, number(SKIP_STATS))
        found = (link(reply) for reply in self.ask(GETLINK, DUMP, body, "listing devices"))
        return [port for port in found if port.master == bridge]

    def upon(self, lower: "Container[int]", space: "int | None" = None) -> "list[tuple[str, str]]":
        """(name, kind) of the devices that are made upon others, whose indexes are ``lower``.

        Those lie in this network namespace, or in the one that it knows as ``space``.
        """
        body = header() + attribute(EXT_MASK, number(SKIP_STATS))
        found = []
        for reply in self.ask(GETLINK, DUMP, body, "listing devices"):
            said = attributes(reply, 16)
            info = attributes(said.get(LINKINFO, b""), 0)
            kind, below = name_in(info.get(INFO_KIND, b"")), said.get(LINK, b"")
            if kind == "vxlan":
                below = attributes(info.get(INFO_DATA, b""), 0).get(VXLAN_LINK, b"")
            where = said.get(LINK_NETNSID)
            near = where is None if space is None else where == number(space)
            if near and value(below) in lower:
                found.append((name_in(said[IFNAME]), kind))
        return found

    def upon_elsewhere(self, lower: "Container[int]") -> "Iterator[str]":
        """The same in all other network namespaces, as text. Leaves the caller in one of them."""
        from hactl_agents.netlink import uppers

        return uppers.elsewhere(Links, lower)

    def addresses(self, index: int) -> "list[str]":
        """The IP addresses of a device as ADDRESS/LENGTH, those the kernel made itself left out."""
        replies = self.ask(GETADDR, DUMP, bytes(8), "listing addresses")
        return [written(reply) for reply in replies if on(reply, index)]

    def own_addresses(self) -> "list[str]":
        """The IP addresses that are the node's own: neither secondary nor still being checked."""
        replies = self.ask(GETADDR, DUMP, bytes(8), "listing addresses")
        own = (reply for reply in replies if reply[3] < RT_SCOPE_LINK and not reply[2] & NOT_OWN)
        return sorted({written(reply).partition("/")[0] for reply in own})

    def add_bridge(self, name: str, group: int) -> None:
        """Make a bridge that is in device group ``group`` from its first moment; it is down."""
        info = attribute(INFO_KIND, b"bridge")
        body = header() + attribute(IFNAME, text(name)) + attribute(GROUP, number(group))
        body += attribute(LINKINFO, info)
        self.change(f"making the bridge {name}", NEWLINK, body, CREATE | EXCL)

    def delete(self, device: Link) -> None:
        self.change(f"deleting {device.name}", DELLINK, header(device.index))

    def rename(self, device: Link, name: str) -> None:
        """Kernels before 6.1 refuse this of a device that is up."""
        body = header(device.index) + attribute(IFNAME, text(name))
        self.change(f"renaming {device.name} to {name}", NEWLINK, body)

    def set(
        self,
        device: Link,
        *,
        up: "bool | None" = None,
        master: "int | None" = None,
        mtu: "int | None" = None,
        address: "str | None" = None,
        alias: "str | None" = None,
        group: "int | None" = None,
    ) -> None:
        """Change what is given, in one step: all of it, or the kernel's refusal."""
        body = header(device.index, up)
        body += b"" if master is None else attribute(MASTER, number(master))
        body += b"" if mtu is None else attribute(MTU, number(mtu))
        body += b"" if address is None else attribute(ADDRESS, octets(address))
        body += b"" if alias is None else attribute(IFALIAS, encoded(alias))
        body += b"" if group is None else attribute(GROUP, number(group))
        self.change(f"changing {device.name}", NEWLINK, body)

    def set_bridge(self, device: Link, settings: "Mapping[str, int]") -> None:
        """Change settings of a bridge, named as in BRIDGE."""
        data = b"".join(
            attribute(kind, number(value * scale, size))
            for kind, size, scale, value in ((*BRIDGE[name], settings[name]) for name in settings)
        )
        info = attribute(INFO_KIND, b"bridge") + attribute(INFO_DATA, data)
        what = ", ".join(f"{name} to {value}" for name, value in settings.items())
        body = header(device.index) + attribute(LINKINFO, info)
        self.change(f"setting {what} on {device.name}", NEWLINK, body)

    def change(self, doing: str, kind: int, body: bytes, flags: int = 0) -> None:
        self.ask(kind, ACK | flags, body, doing)


def link(reply: bytes) -> Link:
    """A device out of the kernel's answer: struct ifinfomsg and attributes."""
    found = attributes(reply, 16)
    info = attributes(found.get(LINKINFO, b""), 0)
    kind = name_in(info.get(INFO_KIND, b""))
    device = Link(name_in(found[IFNAME]), value(reply[4:8]), kind, value(reply[8:12]))
    device.alias = found.get(IFALIAS, b"").rstrip(b"\0").decode(errors="surrogateescape")
    device.group = value(found.get(GROUP, b""))
    device.master = value(found.get(MASTER, b""))
    device.mtu = value(found.get(MTU, b""))
    device.address = found.get(ADDRESS, b"").hex(":")
    if kind == "bridge":
        data = attributes(info.get(INFO_DATA, b""), 0)
        for name, (number_of, _, scale) in BRIDGE.items():
            if number_of in data:
                device.settings[name] = value(data[number_of]) // scale
    return device


def on(reply: bytes, index: int) -> bool:
    """Whether an address (struct ifaddrmsg) is on a device, and somebody put it there."""
    return value(reply[4:8]) == index and reply[3] != RT_SCOPE_LINK


def written(reply: bytes) -> str:
    found = attributes(reply, 8)
    address = found.get(2) or found.get(1, b"")  # IFA_LOCAL, IFA_ADDRESS
    return f"{_socket.inet_ntop(reply[0], address)}/{reply[1]}"


def header(index: int = 0, up: "bool | None" = None) -> bytes:
    """struct ifinfomsg; ``up`` brings the device up or down, None leaves it."""
    change = 0 if up is None else IFF_UP
    return bytes(4) + number(index) + number(IFF_UP if up else 0) + number(change)


def octets(address: str) -> bytes:
    return bytes.fromhex(address.replace(":", ""))
