"""Its network devices."""

from collections.abc import Container, Iterator, Mapping
from copy import copy
from typing import Any

from hactl_agents.host.host import Failed
from hactl_agents.netlink.links import Link, Links


class FakeLinks(Links):
    """Network devices as the test lays them out; ``changes`` lists what was done to them.

    ``refusals`` maps a device to the reason why the kernel refuses to change it, ``ips`` to its
    addresses.
    """

    def __init__(self) -> None:
        super().__init__()
        self.devices: dict[str, Link] = {}
        self.ips: dict[str, list[str]] = {}
        self.refusals: dict[str, str] = {}
        self.unchangeable: set[str] = set()  # settings the kernel takes and ignores
        self.changes: list[tuple[str, ...]] = []
        self.uppers: list[tuple[int, str, str]] = []  # index below, name, kind
        self.uppers_elsewhere: list[tuple[int, str]] = []
        self.born = 0

    def put(self, name: str, kind: str = "", **said: Any) -> Link:
        """Lay out a device. It is up and has carrier unless it is said otherwise."""
        self.born += 1
        device = Link(name, self.born, kind)
        device.up = device.carrier = True
        device.mtu, device.address = 1500, f"52:54:00:00:00:{self.born:02x}"
        if kind == "bridge":
            device.settings = {"stp": 0, "forward_delay": 15, "vlan_filtering": 0, "ageing": 300}
        for key, value in said.items():
            setattr(device, key, value)
        self.devices[name] = device
        return device

    def get(self, name: str) -> Link | None:
        return copy(self.devices.get(name))

    def at(self, index: int) -> Link | None:
        return next((copy(each) for each in self.devices.values() if each.index == index), None)

    def upon(self, lower: Container[int], space: int | None = None) -> list[tuple[str, str]]:  # noqa: ARG002
        return [each[1:] for each in self.uppers if each[0] in lower]

    def upon_elsewhere(self, lower: Container[int]) -> Iterator[str]:
        return (text for index, text in self.uppers_elsewhere if index in lower)

    def ports(self, bridge: int) -> list[Link]:
        return [copy(device) for device in self.devices.values() if device.master == bridge]

    def addresses(self, index: int) -> list[str]:
        return next(self.ips.get(d.name, []) for d in self.devices.values() if d.index == index)

    def own_addresses(self) -> list[str]:
        return sorted(ip.partition("/")[0] for ips in self.ips.values() for ip in ips)

    def add_bridge(self, name: str, group: int) -> None:
        self.changed("add", name)
        self.put(name, "bridge", up=False, group=group)

    def delete(self, device: Link) -> None:
        self.changed("delete", device.name)
        del self.devices[device.name]
        for port in self.ports(device.index):
            self.devices[port.name].master = 0

    def rename(self, device: Link, name: str) -> None:
        self.changed("rename", device.name, name)
        self.devices[name] = self.devices.pop(device.name)
        self.devices[name].name = name

    def set(self, device: Link, **values: Any) -> None:
        given = {key: value for key, value in values.items() if value is not None}
        if given:
            self.changed("set", device.name, *(f"{key}={given[key]}" for key in given))
        for key, value in given.items():
            setattr(self.devices[device.name], key, value)

    def set_bridge(self, device: Link, settings: Mapping[str, int]) -> None:
        self.changed("set", device.name, *(f"{key}={settings[key]}" for key in settings))
        for key in settings.keys() - self.unchangeable:
            self.devices[device.name].settings[key] = settings[key]

    def changed(self, *what: str) -> None:
        if what[1] in self.refusals:
            raise Failed(f"changing {what[1]}: {self.refusals[what[1]]}")
        self.changes.append(what)
