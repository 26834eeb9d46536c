"""Switches and cables of both labs: bridges, veth pairs, taps and addresses, by netlink.

A switch is a bridge in the lab's own network namespace. Nothing here leads out of the namespace
of the calling process, except for the far end of a cable, which is put into the machine's.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator

from pyroute2 import IPRoute, NetlinkError

from hactl.errors import HactlError

# A port forwards at once; nobody speaks STP, and multicast goes to all as on a plain switch.
SWITCH = {"br_forward_delay": 0, "br_stp_state": 0, "br_mcast_snooping": 0}


class Network:
    """The devices of the network namespace this process is in. Raises HactlError throughout."""

    def __init__(self, kernel: IPRoute) -> None:
        self.kernel = kernel

    def up(self, name: str) -> None:
        self.set(name, state="up")

    def down(self, name: str) -> None:
        self.set(name, state="down")

    def set(self, name: str, **changes: object) -> None:
        self.kernel.link("set", index=self.index(name), **changes)

    def add_switch(self, name: str, address: str | None = None) -> None:
        """Make a switch; ``address`` like ``10.0.0.254/24`` is what this namespace has on it."""
        self.kernel.link("add", ifname=name, kind="bridge", **SWITCH)
        if address is not None:
            self.add_address(name, address)
        self.up(name)

    def add_cable(
        self, port: str, switch: str, far_end: str, pid: int, hardware_address: str
    ) -> None:
        """Run a cable from a switch into the namespace of process ``pid``, without power.

        The far end has the hardware address given.
        """
        peer = {"ifname": far_end, "net_ns_pid": pid, "address": hardware_address}
        self.kernel.link("add", ifname=port, kind="veth", peer=peer)
        self.set(port, master=self.index(switch))

    def add_tap(self, port: str, switch: str) -> None:
        """Make a port for a machine that opens it by its name (TUNSETIFF)."""
        self.kernel.link("add", ifname=port, kind="tuntap", mode="tap")
        self.set(port, master=self.index(switch), state="up")

    def add_address(self, name: str, address: str) -> None:
        host, _, length = address.partition("/")
        self.kernel.addr("add", index=self.index(name), address=host, prefixlen=int(length))

    def remove(self, names: Iterable[str]) -> None:
        """Remove devices; one that is gone already is not an error."""
        for name in names:
            if index := self.find(name):
                with ignoring_absent():
                    self.kernel.link("del", index=index)

    def silence(self, names: Iterable[str]) -> None:
        """Take the power of these devices; one that is gone already is silent."""
        for name in names:
            if index := self.find(name):
                with ignoring_absent():
                    self.kernel.link("set", index=index, state="down")

    def index(self, name: str) -> int:
        if found := self.find(name):
            return found
        raise HactlError(f"there is no network device {name}")

    def find(self, name: str) -> int | None:
        found = self.kernel.link_lookup(ifname=name)
        return int(found[0]) if found else None


@contextlib.contextmanager
def opened() -> Iterator[Network]:
    """Speak to the kernel; what it refuses is raised as HactlError."""
    try:
        with IPRoute() as kernel:
            yield Network(kernel)
    except NetlinkError as exc:
        raise HactlError(f"the kernel refuses a network device: {os.strerror(exc.code)}") from None


@contextlib.contextmanager
def ignoring_absent() -> Iterator[None]:
    """Let a device vanish between the look and the act, as it does with its other end."""
    try:
        yield
    except NetlinkError as exc:
        if os.strerror(exc.code) != "No such device":
            raise
