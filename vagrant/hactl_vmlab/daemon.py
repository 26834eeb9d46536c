"""The VM lab's one process: powers the machines, and answers operators and fence agents.

For the plain lab it is first in its own pid namespace, so that every QEMU dies with it, and its
network namespace holds the switches. What runs in a node is not its business.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import socket
import sys
import time
import traceback
from pathlib import Path

from hactl.errors import HactlError
from hactl.lab import abstract_socket, linux, wire
from hactl.lab.daemon import child_signals
from hactl.lab.power import PowerSwitch
from hactl.lab.wire import Message
from hactl_vmlab import places, qemu
from hactl_vmlab.accelerator import Accelerator
from hactl_vmlab.backend import Machines
from hactl_vmlab.definition import Definition, Node, loads
from hactl_vmlab.libvirt_backend import Domains
from hactl_vmlab.monitor import Event
from hactl_vmlab.qemu_backend import Qemus

PATIENCE = 5.0  # seconds for a client that connected and does not speak
PLAIN, VAGRANT = "plain", "vagrant"


class Keeper:
    """The state of a running lab: which cables are cut, who used the power, what has happened."""

    def __init__(
        self, lab: Definition, kind: str, machines: Machines, accelerator: Accelerator
    ) -> None:
        self.lab = lab
        self.kind = kind
        self.machines = machines
        self.accelerator = accelerator
        self.cuts: set[tuple[str, str]] = set()
        self.events: list[Event] = []
        self.started = time.time()
        self.selector = selectors.DefaultSelector()
        nodes = tuple(node.name for node in lab.nodes)
        self.power = PowerSwitch(nodes, machines.is_on, machines.off, machines.on)

    # what a client may ask

    def answer(self, request: Message, by: str) -> tuple[Message, list[int]]:
        op = str(request.get("op"))
        if op == "status":
            return self.status(), []
        if op == "home":  # to be had even where the machines are not
            return {"home": str(places.home())}, []
        if op == "dial":
            return {}, [socket.socket(socket.AF_INET, socket.SOCK_STREAM).detach()]
        name = str(request.get("node"))
        self.power.known(name)
        match op:
            case "power":
                return {"state": self.use_power(name, str(request["action"]), by)}, []
            case "freeze" | "thaw":
                self.freeze(name, frozen=op == "freeze")
            case "cut" | "heal":
                self.plug(name, request.get("network"), connected=op == "heal")
            case _:
                raise HactlError(f"the lab does not know {op!r}")
        return {}, []

    def status(self) -> Message:
        return {
            "kind": self.kind,
            "accelerator": self.accelerator.name,
            "why": self.accelerator.why,
            "started": self.started,
            "definition": self.lab.text,
            "nodes": [self.state_of(node) for node in self.lab.nodes],
            "power": [action.to_dict() for action in self.power.history],
            "events": [event.to_dict() for event in self.events],
        }

    def state_of(self, node: Node) -> Message:
        return {
            "name": node.name,
            "power": self.power.state(node.name),
            "frozen": self.machines.is_frozen(node.name),
            "cut": sorted(network for name, network in self.cuts if name == node.name),
            "memory": self.machines.memory(node.name),
        }

    def use_power(self, name: str, action: str, by: str) -> str:
        return self.power.state(name) if action == "status" else self.power.use(name, action, by)

    def freeze(self, name: str, *, frozen: bool) -> None:
        if not self.machines.is_on(name):
            raise HactlError(f"{name} is off", f"scripts/vm-lab power {name} on")
        self.machines.freeze(name, frozen=frozen)

    def plug(self, name: str, wanted: object, *, connected: bool) -> None:
        """Pull a node's cable to one network, or all of them, or put it back."""
        known = [each.name for each in self.lab.networks]
        if wanted is not None and wanted not in known:
            raise HactlError(f"there is no network {wanted!r}", f"there are {', '.join(known)}")
        for each in self.lab.networks:
            if wanted in (None, each.name):
                self.machines.plug(name, each, connected=connected)
                (self.cuts.discard if connected else self.cuts.add)((name, each.name))

    # the loop

    def serve(self, control: socket.socket, lifeline: int, report: int) -> None:
        """Boot the nodes, then answer until killed."""
        heard = self.machines.open(self.events.extend)
        listener = self.power_socket()
        for node in self.lab.nodes:
            if not self.machines.is_on(node.name):
                self.power.use(node.name, "on", "up")
        wakeup = child_signals()
        self.selector.register(control, selectors.EVENT_READ, lambda: self.on_control(control))
        self.selector.register(listener, selectors.EVENT_READ, lambda: self.on_power(listener))
        self.selector.register(heard, selectors.EVENT_READ, self.machines.on_readable)
        self.selector.register(wakeup, selectors.EVENT_READ, lambda: self.on_child(wakeup))
        self.selector.register(lifeline, selectors.EVENT_READ, lambda: self.on_lifeline(lifeline))
        control.listen(64)
        tell(report, {"step": ""})
        os.close(report)
        while True:
            for key, _ in self.selector.select():
                key.data()

    def power_socket(self) -> socket.socket:
        """Where fence agents reach the switch. Raises HactlError."""
        host, port = self.lab.management.address(0), self.lab.power_port
        try:
            return socket.create_server((host, port), backlog=64)
        except OSError as exc:
            hint = "choose another power: {port: ...} in vagrant/lab.yaml"
            raise HactlError(f"{host} port {port}: {os.strerror(exc.errno or 0)}", hint) from None

    def on_lifeline(self, descriptor: int) -> None:
        """Until the one who started the lab lets go of it, the lab dies with them."""
        if os.read(descriptor, 1) != b"k":
            sys.exit(0)
        self.selector.unregister(descriptor)

    def on_child(self, descriptor: int) -> None:
        """A machine that ended without the switch has switched itself off."""
        with contextlib.suppress(BlockingIOError):
            os.read(descriptor, 4096)
        for name in self.machines.ended():
            self.power.happened(name, "off", f"{name} (itself)")

    def on_power(self, listener: socket.socket) -> None:
        connection, (address, _) = listener.accept()
        with connection, contextlib.suppress(OSError):
            connection.settimeout(PATIENCE)
            question = connection.recv(4096).decode(errors="replace")
            connection.sendall(self.power.reply(question, self.who(address)).encode())

    def who(self, address: str) -> str:
        """Which node has an address on the management network."""
        for node in self.lab.nodes:
            if self.lab.management.address(node.number) == address:
                return node.name
        return address

    def on_control(self, control: socket.socket) -> None:
        connection, _ = control.accept()
        with connection:
            pid, uid = abstract_socket.peer(connection)
            if uid not in (0, os.getuid()):
                return
            connection.settimeout(PATIENCE)
            self.converse(connection, f"operator (pid {pid})" if pid else "operator")

    def converse(self, connection: socket.socket, by: str) -> None:
        """One question, one answer; whatever a client does wrong is its own problem."""
        descriptors: list[int] = []
        try:
            request, _ = wire.receive(connection)
            reply, descriptors = self.answer(request, by)
            reply["ok"] = True
        except (HactlError, KeyError) as exc:
            reply = {"ok": False, "error": str(exc)}
        except Exception as exc:
            traceback.print_exc()
            reply = {"ok": False, "error": f"the lab failed: {exc}"}
        with contextlib.suppress(OSError):
            wire.send(connection, reply, descriptors)
        for descriptor in descriptors:
            os.close(descriptor)


def tell(report: int, message: Message) -> None:
    with contextlib.suppress(OSError):
        os.write(report, json.dumps(message).encode() + b"\n")


def main(argv: list[str]) -> int:
    """``CONTROL REPORT LIFELINE``, inherited descriptors; what lab it is as JSON on stdin."""
    control, report, lifeline = (int(word) for word in argv)
    for descriptor in (control, report, lifeline):
        os.set_inheritable(descriptor, False)
    asked = json.load(sys.stdin)
    try:
        if asked["kind"] == PLAIN:
            linux.unshare(linux.CLONE_NEWPID | linux.CLONE_NEWNS | linux.CLONE_NEWNET)
    except OSError as exc:
        tell(report, {"error": f"no namespaces here ({exc.strerror})"})
        return 1
    if os.fork():
        os._exit(0)  # whoever started the lab need not reap it
    try:
        set_up_process(own_namespaces=asked["kind"] == PLAIN)
        keeper_of(asked).serve(socket.socket(fileno=control), lifeline, report)
    except SystemExit:
        pass
    except (HactlError, OSError) as exc:
        tell(report, {"error": str(exc)})
    except Exception:
        tell(report, {"error": traceback.format_exc()})
    os._exit(0)  # process 1 of the plain lab: the kernel ends every QEMU


def keeper_of(asked: Message) -> Keeper:
    lab = loads(asked["definition"])
    accelerator = Accelerator(asked["accelerator"], asked["why"], asked["nested"])
    machines: Machines
    if asked["kind"] == PLAIN:
        machines = Qemus(lab, accelerator, qemu.Files(places.run()))
    else:
        machines = Domains(lab, Path(asked["folder"]))
    return Keeper(lab, asked["kind"], machines, accelerator)


def set_up_process(*, own_namespaces: bool) -> None:
    """A /proc that fits the namespace, and output that outlives the one who started us."""
    linux.set_process_name("hactl-vm-lab")
    if own_namespaces:
        linux.mount("", "/", flags=linux.MS_PRIVATE | linux.MS_REC)
        linux.mount("proc", "/proc", "proc")
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    log = os.open(places.run() / "keeper.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
