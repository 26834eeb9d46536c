"""The VM lab's one process: first in its own pid namespace, so that every QEMU dies with it.

Its network namespace holds the switches. It powers the nodes, answers on the control socket and,
on the management network, the fence agents. What runs in a node is not its business.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
import traceback
from pathlib import Path

from hactl.errors import HactlError
from hactl.lab import linux, names, switch, wire
from hactl.lab.labd import child_signals
from hactl.lab.power import PowerSwitch
from hactl.lab.vm import box, monitor, network, places, power, qemu, shell
from hactl.lab.vm.accelerator import Accelerator
from hactl.lab.vm.definition import Definition, Node, loads
from hactl.lab.wire import Message

PATIENCE = 5.0  # seconds for a client that connected and does not speak
NICENESS = 5  # the nodes give way to whoever drives them


class Keeper:
    """The state of a running lab: which machines run, which cables are cut, what has happened."""

    def __init__(self, lab: Definition, accelerator: Accelerator, files: qemu.Files) -> None:
        self.lab = lab
        self.accelerator = accelerator
        self.files = files
        self.box = box.find(lab.suite)
        self.nodes = {node.name: node for node in lab.nodes}
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self.monitors: dict[str, monitor.Monitor] = {}
        self.frozen: set[str] = set()
        self.cuts: set[tuple[str, int]] = set()
        self.events: list[monitor.Event] = []
        self.started = time.time()
        self.selector = selectors.DefaultSelector()
        self.power = PowerSwitch(tuple(self.nodes), self.is_on, self.cut_off, self.boot)

    # the machine room

    def is_on(self, name: str) -> bool:
        process = self.running.get(name)
        return process is not None and process.poll() is None

    def boot(self, name: str) -> None:
        """Switch a node on; it keeps its disk. Raises HactlError."""
        assert self.box is not None
        node = self.nodes[name]
        self.files.monitor(node).unlink(missing_ok=True)
        with (self.files.folder / f"{name}.qemu.log").open("ab") as output:
            self.running[name] = subprocess.Popen(
                qemu.command(self.lab, node, self.box, self.files, self.accelerator),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                preexec_fn=lambda: os.nice(NICENESS) and None,
            )
        try:
            self.listen_to(node)
        except HactlError:
            said = Path(output.name).read_text(errors="replace").strip().splitlines()[-1:]
            raise HactlError(f"{name} does not start: {' '.join(said)}") from None

    def listen_to(self, node: Node) -> None:
        found = monitor.connect(node.name, self.files.monitor(node), lambda: self.is_on(node.name))
        self.monitors[node.name] = found
        self.selector.register(found.connection, selectors.EVENT_READ, (self.on_monitor, node.name))

    def cut_off(self, name: str) -> None:
        """Take a node's power away: it is gone when this returns."""
        process = self.running[name]
        process.kill()
        process.wait()
        self.gone(name)

    def gone(self, name: str) -> None:
        self.running.pop(name, None)
        self.frozen.discard(name)
        shell.set_aside(self.files.folder, name)
        found = self.monitors.pop(name, None)
        if found is not None:
            self.selector.unregister(found.connection)
            found.connection.close()

    # what a client may ask

    def answer(self, request: Message, by: str) -> tuple[Message, list[int]]:
        op = str(request.get("op"))
        if op == "status":
            return self.status(), []
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
                self.cut(name, request.get("network"), cut=op == "cut")
            case _:
                raise HactlError(f"the lab does not know {op!r}")
        return {}, []

    def status(self) -> Message:
        return {
            "accelerator": self.accelerator.name,
            "why": self.accelerator.why,
            "started": self.started,
            "definition": self.lab.text,
            "nodes": [self.state_of(node) for node in self.lab.nodes],
            "power": [action.to_dict() for action in self.power.history],
            "events": [event.to_dict() for event in self.events],
        }

    def state_of(self, node: Node) -> Message:
        cuts = [each.name for each in self.lab.networks if (node.name, each.port) in self.cuts]
        process = self.running.get(node.name)
        return {
            "name": node.name,
            "power": self.power.state(node.name),
            "frozen": node.name in self.frozen,
            "cut": cuts,
            "memory": resident(process.pid) if process else 0,
        }

    def use_power(self, name: str, action: str, by: str) -> str:
        return self.power.state(name) if action == "status" else self.power.use(name, action, by)

    def freeze(self, name: str, *, frozen: bool) -> None:
        if not self.is_on(name):
            raise HactlError(f"{name} is off", f"scripts/vm-lab power {name} on")
        self.running[name].send_signal(signal.SIGSTOP if frozen else signal.SIGCONT)
        (self.frozen.add if frozen else self.frozen.discard)(name)

    def cut(self, name: str, wanted: object, *, cut: bool) -> None:
        """Pull a node's cable to one network, or all of them, or put it back."""
        known = [each.name for each in self.lab.networks]
        if wanted is not None and wanted not in known:
            raise HactlError(f"there is no network {wanted!r}", f"there are {', '.join(known)}")
        for each in self.lab.networks:
            if wanted in (None, each.name):
                state = "down" if cut else "up"
                switch.ip(network.set_port(self.nodes[name], each, state))
                (self.cuts.add if cut else self.cuts.discard)((name, each.port))

    # the loop

    def serve(self, control: socket.socket, lifeline: int, report: int) -> None:
        """Boot the nodes, then answer until killed."""
        switch.ip(network.build(self.lab))
        socket_for_power = self.power_socket()
        for name in self.nodes:
            self.power.use(name, "on", "up")
        wakeup = child_signals()
        for source, handler in (
            (control, self.on_control),
            (socket_for_power, self.on_power),
            (wakeup, self.on_child),
            (lifeline, self.on_lifeline),
        ):
            self.selector.register(source, selectors.EVENT_READ, (handler, source))
        control.listen(64)
        tell(report, {"step": ""})
        os.close(report)
        while True:
            for key, _ in self.selector.select():
                handler, argument = key.data
                handler(argument)

    def power_socket(self) -> socket.socket:
        address = (self.lab.management.address(0), self.lab.power_port)
        return socket.create_server(address, backlog=64)

    def on_lifeline(self, descriptor: int) -> None:
        """Until the one who started the lab lets go of it, the lab dies with them."""
        if os.read(descriptor, 1) != b"k":
            sys.exit(0)
        self.selector.unregister(descriptor)

    def on_monitor(self, name: str) -> None:
        try:
            heard = self.monitors[name].events()
            self.events += heard
            if any(event.name == "RESET" for event in heard):
                shell.set_aside(self.files.folder, name)
        except (EOFError, OSError):
            found = self.monitors.pop(name)
            self.selector.unregister(found.connection)
            found.connection.close()

    def on_child(self, descriptor: int) -> None:
        """A machine that ended without the switch has switched itself off."""
        with contextlib.suppress(BlockingIOError):
            os.read(descriptor, 4096)
        for name in [each for each, process in self.running.items() if process.poll() is not None]:
            self.gone(name)
            self.power.happened(name, "off", f"{name} (itself)")

    def on_power(self, listener: socket.socket) -> None:
        connection, (address, _) = listener.accept()
        with connection, contextlib.suppress(OSError):
            connection.settimeout(PATIENCE)
            question = connection.recv(4096).decode(errors="replace")
            connection.sendall(power.answer(self.power, question, self.who(address)).encode())

    def who(self, address: str) -> str:
        """Which node has an address on the management network."""
        for node in self.lab.nodes:
            if self.lab.management.address(node.number) == address:
                return node.name
        return address

    def on_control(self, control: socket.socket) -> None:
        connection, _ = control.accept()
        with connection:
            pid, uid = names.peer(connection)
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


def resident(pid: int) -> int:
    """Memory a process has, in MiB."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") >> 20
    return 0


def tell(report: int, message: Message) -> None:
    with contextlib.suppress(OSError):
        os.write(report, json.dumps(message).encode() + b"\n")


def main(argv: list[str]) -> int:
    """``CONTROL REPORT LIFELINE``, inherited descriptors; the lab's definition as JSON on stdin."""
    control, report, lifeline = (int(word) for word in argv)
    for descriptor in (control, report, lifeline):
        os.set_inheritable(descriptor, False)
    asked = json.load(sys.stdin)
    try:
        linux.unshare(linux.CLONE_NEWPID | linux.CLONE_NEWNS | linux.CLONE_NEWNET)
    except OSError as exc:
        tell(report, {"error": f"no namespaces here ({exc.strerror})"})
        return 1
    if os.fork():
        os._exit(0)  # whoever started the lab need not bury it
    try:
        furnish()
        linux.set_process_name("hactl-vm-lab")
        accelerator = Accelerator(asked["accelerator"], asked["why"], asked["nested"])
        keeper = Keeper(loads(asked["definition"]), accelerator, qemu.Files(places.run()))
        keeper.serve(socket.socket(fileno=control), lifeline, report)
    except SystemExit:
        pass
    except (HactlError, OSError) as exc:
        tell(report, {"error": str(exc)})
    except Exception:
        tell(report, {"error": traceback.format_exc()})
    os._exit(0)  # process 1: the kernel ends every QEMU


def furnish() -> None:
    """A /proc that fits the namespace, and output that outlives the one who started us."""
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
