"""The lab's one process: first in its own pid namespace, so that everything dies with it.

Its network namespace is the switch; its mount namespace holds every file of the lab. It boots the
nodes, answers on the control socket, and turns the power when pacemaker-fenced asks for it.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable

from hactl.errors import HactlError
from hactl.lab import disk, image, layers, linux, names, node, places, switch, wire
from hactl.lab.cgroups import Groups
from hactl.lab.power import PowerSwitch
from hactl.lab.spec import CLIENT, PORTS, LabSpec
from hactl.lab.wire import Message

NAMESPACE_FILES = ("mnt", "net", "uts", "ipc", "pid", "cgroup", "user")
PATIENCE = 5.0  # seconds for a client that connected and does not speak


class Labd:
    """The state of a running lab: which nodes run, which cables are cut, who used the power."""

    def __init__(self, spec: LabSpec, groups: Groups, lifeline: int) -> None:
        self.spec = spec
        self.groups = groups
        self.lifeline = lifeline
        self.running: dict[str, node.Running] = {}
        self.cuts: set[switch.Cut] = set()
        self.frozen: set[str] = set()
        self.started = time.time()
        self.visible = hidden([*image.source_roots(), sys.prefix, sys.base_prefix])
        self.power = PowerSwitch(spec.node_names, self.is_on, self.kill, self.boot)
        self.selector = selectors.DefaultSelector()

    # the machine room

    def build(self) -> None:
        """Cover /run, start the switch, and furnish every node."""
        linux.mount("", "/", flags=linux.MS_PRIVATE | linux.MS_REC)
        linux.mount("proc", "/proc", "proc")
        linux.mount("tmpfs", "/run", "tmpfs", linux.MS_NOSUID, "mode=755")
        for folder in (places.IMAGE, places.SHARED, places.VMS):
            folder.mkdir(parents=True)
        redirect_output()
        if self.spec.rootless:
            layers.copy_of_etc()
        switch.ip(switch.power_up())
        image.build(self.spec)
        keys = image.new_keys()
        for name in self.spec.node_names:
            disk.make(name)
            image.furnish(self.spec, name, keys)
            os.mkfifo(places.sysrq(name), 0o600)

    def is_on(self, name: str) -> bool:
        return name in self.running

    def boot(self, name: str) -> None:
        services = (*self.spec.services, *(("pacemaker",) if self.spec.start else ()))
        blueprint = node.Blueprint(name, self.groups, self.visible, services, self.spec.rootless)
        self.running[name] = node.boot(blueprint, tuple(self.unplugged(name)))
        self.apply_one_way()

    def kill(self, name: str) -> None:
        """Take the power away: nothing of the node is heard or runs when this returns."""
        running = self.running[name]
        switch.silence(name)
        running.kill()
        self.gone(name)

    def gone(self, name: str) -> None:
        self.running.pop(name).forget()
        self.frozen.discard(name)
        switch.pull_out(name)
        self.groups.remove_node(name)

    def unplugged(self, name: str) -> list[int]:
        return [port for who, port, way in self.cuts if who == name and way == "both"]

    def apply_one_way(self) -> None:
        one_way = [cut for cut in self.cuts if cut[2] != "both"]
        if one_way or self.rules_set:
            switch.apply_one_way(one_way)
            self.rules_set = bool(one_way)

    rules_set = False

    # what a client may ask

    def answer(self, request: Message, by: str) -> tuple[Message, list[int]]:
        """The reply to one request on the control socket, with descriptors to hand over."""
        verbs: dict[str, Callable[[Message, str], Message]] = {
            "status": self.status,
            "power": self.use_power,
            "kill": self.kill_hard,
            "freeze": self.freeze,
            "thaw": self.thaw,
            "cut": self.cut,
            "heal": self.heal,
        }
        op = str(request.get("op"))
        if op == "enter":
            return self.enter(str(request["node"]))
        if op not in verbs:
            raise HactlError(f"the lab does not know {op!r}")
        return verbs[op](request, by), []

    def status(self, _request: Message, _by: str) -> Message:
        return {
            "name": self.spec.name,
            "rootless": self.spec.rootless,
            "started": self.started,
            "token": self.spec.token,
            "nodes": [
                {
                    "name": name,
                    "power": self.power.state(name),
                    "frozen": name in self.frozen,
                    "cut": [
                        {"link": port, "way": way}
                        for who, port, way in sorted(self.cuts)
                        if who == name
                    ],
                }
                for name in self.spec.node_names
            ],
            "power": [action.to_dict() for action in self.power.history],
            "groups": [str(folder) for folder in self.groups.lab_folders()],
        }

    def use_power(self, request: Message, by: str) -> Message:
        name, action = str(request["node"]), str(request["action"])
        if action == "status":
            return {"state": self.power.state(name)}
        return {"state": self.power.use(name, action, by)}

    def kill_hard(self, request: Message, by: str) -> Message:
        name = self.alive(request)
        return {"state": self.power.use(name, "off", by)}

    def freeze(self, request: Message, _by: str) -> Message:
        name = self.alive(request)
        self.frozen.add(name)
        count = node.signal_all(self.running[name].pid, signal.SIGSTOP, "TtZX")
        return {"processes": count}

    def thaw(self, request: Message, _by: str) -> Message:
        name = self.alive(request)
        if name not in self.frozen:
            raise HactlError(f"{name} is not frozen")
        count = node.signal_all(self.running[name].pid, signal.SIGCONT, "RSDIZX")
        self.frozen.discard(name)
        return {"processes": count}

    def cut(self, request: Message, _by: str) -> Message:
        name, way = self.known(request), str(request.get("way") or "both")
        if way not in ("both", "in", "out"):
            raise HactlError(f"a cable is cut both ways, in or out, not {way!r}")
        for port in chosen_ports(request):
            self.cuts.add((name, port, way))
            if way == "both" and self.is_on(name):
                switch.set_port(name, port, "down")
        self.apply_one_way()
        return {}

    def heal(self, request: Message, _by: str) -> Message:
        name, way = self.known(request), request.get("way")
        ports = chosen_ports(request)
        mended = {cut for cut in self.cuts if cut[0] == name and cut[1] in ports}
        mended = {cut for cut in mended if way in (None, cut[2])}
        self.cuts -= mended
        for _, port, kind in mended:
            if kind == "both" and self.is_on(name):
                switch.set_port(name, port, "up")
        self.apply_one_way()
        return {"mended": len(mended)}

    def enter(self, name: str) -> tuple[Message, list[int]]:
        """The namespaces of a node, or of the switch, and where to put a process that enters."""
        if name == CLIENT:
            pid, folders = os.getpid(), []
        else:
            pid = self.running[self.alive({"node": name})].pid
            folders = [str(folder) for folder in self.groups.entrances(name)]
        wanted = [kind for kind in NAMESPACE_FILES if self.separate(kind, name)]
        descriptors = [os.open(f"/proc/{pid}/ns/{kind}", os.O_RDONLY) for kind in wanted]
        return {"namespaces": wanted, "groups": folders}, descriptors

    def separate(self, kind: str, name: str) -> bool:
        """Whether this place has a namespace of this kind that the caller is not in anyway."""
        if kind == "user":
            return self.spec.rootless
        if kind == "cgroup":
            return bool(self.groups.trees) and name != CLIENT
        return kind != "uts" or name != CLIENT

    def known(self, request: Message) -> str:
        name = str(request.get("node"))
        self.power.known(name)
        return name

    def alive(self, request: Message) -> str:
        name = self.known(request)
        if not self.is_on(name):
            raise HactlError(f"{name} is off", f"hactl lab power {name} on")
        return name

    # the loop

    def serve(self, control: socket.socket, progress: Callable[[str], None]) -> None:
        """Boot the nodes, then answer until told to stop (SIGTERM)."""
        for name in self.spec.node_names:
            trigger = os.open(places.sysrq(name), os.O_RDWR | os.O_NONBLOCK)
            self.selector.register(trigger, selectors.EVENT_READ, (self.on_sysrq, name))
        power = power_socket()
        self.selector.register(power, selectors.EVENT_READ, (self.on_power, power))
        self.selector.register(control, selectors.EVENT_READ, (self.on_control, control))
        self.selector.register(child_signals(), selectors.EVENT_READ, (self.on_child, None))
        self.selector.register(self.lifeline, selectors.EVENT_READ, (self.on_lifeline, None))
        for name in self.spec.node_names:
            self.boot(name)
            progress(f"{name} powered on")
        control.listen(64)
        progress("")
        while True:
            for key, _ in self.selector.select():
                handler, argument = key.data
                handler(key.fd, argument)

    def on_lifeline(self, descriptor: int, _argument: None) -> None:
        """Until the one who started the lab lets go of it, the lab dies with them."""
        if os.read(descriptor, 1) != b"k":
            sys.exit(0)
        self.selector.unregister(descriptor)

    def kill_all(self) -> None:
        for running in self.running.values():
            with contextlib.suppress(HactlError):
                running.kill()

    def on_control(self, _descriptor: int, control: socket.socket) -> None:
        connection, _ = control.accept()
        with connection:
            pid, uid = names.peer(connection)
            if uid not in (0, os.getuid()):
                return
            self.converse(connection, f"operator (pid {pid})" if pid else "operator", self.answer)

    def on_power(self, _descriptor: int, power: socket.socket) -> None:
        """A fence agent: one line of text there and back, so that it need not load a parser."""
        connection, _ = power.accept()
        with connection:
            connection.settimeout(PATIENCE)
            by = self.whereabouts(names.peer(connection)[0])
            with contextlib.suppress(OSError):
                words = connection.recv(4096).decode(errors="replace").split()
                try:
                    answer = "ok " + self.switch_power(words, by)
                except HactlError as exc:
                    answer = f"error {exc}"
                connection.sendall(answer.encode() + b"\n")

    def switch_power(self, words: list[str], by: str) -> str:
        match words:
            case ["list"]:
                return "\n".join(f"{n} {self.power.state(n)}" for n in self.spec.node_names)
            case ["status", name]:
                return self.power.state(name)
            case ["on" | "off" as action, name]:
                return self.power.use(name, action, by)
        raise HactlError("the power switch knows: list, status NODE, on NODE, off NODE")

    def converse(
        self,
        connection: socket.socket,
        by: str,
        answer: Callable[[Message, str], tuple[Message, list[int]]],
    ) -> None:
        """One question, one answer; whatever a client does wrong is its own problem."""
        connection.settimeout(PATIENCE)
        descriptors: list[int] = []
        try:
            try:
                request, _ = wire.receive(connection)
                reply, descriptors = answer(request, by)
                reply["ok"] = True
            except (HactlError, KeyError) as exc:
                reply = {"ok": False, "error": str(exc)}
            except Exception as exc:
                traceback.print_exc()
                reply = {"ok": False, "error": f"the lab failed: {exc}"}
            with contextlib.suppress(OSError):
                wire.send(connection, reply, descriptors)
        finally:
            for descriptor in descriptors:
                os.close(descriptor)

    def whereabouts(self, pid: int) -> str:
        """Which node a client of the power socket is on."""
        try:
            spaces = node.pid_namespaces(pid)
            for name, running in self.running.items():
                if node.pid_namespace(running.pid) in spaces:
                    return name
        except OSError:
            pass
        return "unknown"

    def on_sysrq(self, descriptor: int, name: str) -> None:
        """A node panicked: do to it what the kernel would do to a machine."""
        keys = os.read(descriptor, 64).decode(errors="replace")
        action = "reboot" if "b" in keys else "off" if "o" in keys or "c" in keys else ""
        log(f"{name}: sysrq {keys.strip()!r}")
        if action and self.is_on(name):
            self.carry_out(name, action, f"{name} (sysrq)")

    def on_child(self, descriptor: int, _argument: None) -> None:
        """Bury the dead; a node whose first process is among them lost its power by itself."""
        with contextlib.suppress(BlockingIOError):
            os.read(descriptor, 4096)
        pids = {running.pid: name for name, running in self.running.items()}
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid in pids:
                self.ended(pids[pid], status)

    def ended(self, name: str, status: int) -> None:
        """reboot(2) in a pid namespace ends its first process by SIGHUP (restart) or SIGINT."""
        number = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
        switch.silence(name)
        self.gone(name)
        restart = number == signal.SIGHUP
        log(f"{name}: its first process ended by signal {number}")
        self.power.happened(name, "reboot" if restart else "off", f"{name} (itself)")
        if restart:
            self.carry_out(name, "on", f"{name} (itself)")

    def carry_out(self, name: str, action: str, by: str) -> None:
        try:
            self.power.use(name, action, by)
        except (HactlError, OSError) as exc:
            log(f"{name}: {action}: {exc}")


def hidden(paths: list[str]) -> tuple[str, ...]:
    """Those folders of the host that would be out of sight in a node, which has its own /tmp."""
    covered = ("/tmp/", "/run/", "/dev/shm/")
    found = {path for path in paths if path.startswith(covered)}
    return tuple(sorted(found))


def chosen_ports(request: Message) -> list[int]:
    link = request.get("link")
    if link is None:
        return list(range(PORTS))
    if link not in range(PORTS):
        raise HactlError(f"there is no link {link}", f"links are 0 to {PORTS - 1}")
    return [link]


def power_socket() -> socket.socket:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(places.POWER_SOCKET))
    places.POWER_SOCKET.chmod(0o600)
    listener.listen(64)
    return listener


def child_signals() -> int:
    """A descriptor that becomes readable when a child dies."""
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    return reader


def redirect_output() -> None:
    descriptor = os.open(places.LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)


def log(text: str) -> None:
    print(f"{time.time():.3f} {text}", flush=True)
