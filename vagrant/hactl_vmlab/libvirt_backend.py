"""The machines of Vagrant's lab: libvirt's domains, by virsh."""

from __future__ import annotations

import os
import selectors
import subprocess
import time
from pathlib import Path
from xml.etree import ElementTree

from hactl.errors import HactlError
from hactl_vmlab.backend import Heard
from hactl_vmlab.command import run
from hactl_vmlab.definition import Definition, Network
from hactl_vmlab.monitor import Event

OFF = ("shut off", "crashed")
ON = ("running", "paused", "idle", "in shutdown", "pmsuspended")
NAMES = {"reboot": "RESET", "watchdog": "WATCHDOG"}  # libvirt's events -> QEMU's
PATIENCE = 60.0
URI = "qemu:///system"


class Domains:
    """Domains called PREFIX_NODE, as Vagrant names them after its folder."""

    def __init__(self, lab: Definition, folder: Path, uri: str = URI) -> None:
        self.lab = lab
        self.prefix = folder.name
        self.virsh = ("virsh", "-q", "-c", uri)
        self.heard: Heard = lambda _events: None
        self.selector = selectors.DefaultSelector()
        self.unread = b""

    def open(self, heard: Heard) -> selectors.DefaultSelector:
        """Follow what libvirt tells of the domains."""
        self.heard = heard
        listener = subprocess.Popen(
            ["stdbuf", "-oL", *self.virsh, "event", "--all", "--loop"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
        )
        assert listener.stdout is not None
        os.set_blocking(listener.stdout.fileno(), False)
        self.selector.register(listener.stdout, selectors.EVENT_READ)
        return self.selector

    def on_readable(self) -> None:
        for key, _ in self.selector.select(0):
            data = os.read(key.fd, 65536)
            if not data:
                self.selector.unregister(key.fileobj)
                continue
            *lines, self.unread = (self.unread + data).split(b"\n")
            found = (self.event(line.decode(errors="replace")) for line in lines)
            self.heard([event for event in found if event is not None])

    def event(self, line: str) -> Event | None:
        """``event 'reboot' for domain 'vagrant_node1'`` -> what QEMU would have said."""
        words = line.split("'")
        if len(words) < 4 or words[1] not in NAMES or not words[3].startswith(f"{self.prefix}_"):
            return None
        node = words[3].removeprefix(f"{self.prefix}_")
        return Event(time.time(), node, NAMES[words[1]], guest=True)

    def state(self, name: str) -> str:
        return run([*self.virsh, "domstate", self.domain(name)], timeout=PATIENCE).decode().strip()

    def is_on(self, name: str) -> bool:
        state = self.state(name)
        if state not in (*ON, *OFF):
            raise HactlError(f"libvirt says that {name} is {state!r}: neither on nor off")
        return state in ON

    def is_frozen(self, name: str) -> bool:
        return self.state(name) == "paused"

    def on(self, name: str) -> None:
        self.do("start", name)

    def off(self, name: str) -> None:
        self.do("destroy", name)
        if self.is_on(name):
            raise HactlError(f"{name} still runs after virsh destroy")

    def freeze(self, name: str, *, frozen: bool) -> None:
        self.do("suspend" if frozen else "resume", name)

    def plug(self, name: str, cable: Network, *, connected: bool) -> None:
        """Ports of a domain are in the order of the definition, as Vagrant makes them."""
        said = run([*self.virsh, "dumpxml", self.domain(name)], timeout=PATIENCE)
        cards = ElementTree.fromstring(said).findall("./devices/interface/mac")
        address = cards[cable.port].get("address", "")
        state = "up" if connected else "down"
        run([*self.virsh, "domif-setlink", self.domain(name), address, state], timeout=PATIENCE)

    def ended(self) -> list[str]:
        return []  # libvirt is asked each time; nothing is remembered

    def memory(self, name: str) -> int:  # noqa: ARG002
        return 0

    def do(self, verb: str, name: str) -> None:
        run([*self.virsh, verb, self.domain(name)], timeout=PATIENCE)

    def domain(self, name: str) -> str:
        return f"{self.prefix}_{name}"
