"""The lab's one process: first in its own pid namespace, so that everything dies with it.

Its network namespace is the switch, its mount namespace holds every file of the lab. It never
waits for anybody who asks: a node that hangs in the middle of a question must still be fenced.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import socket
import time
import traceback
from collections.abc import Callable
from typing import Any

from hactl.errors import HactlError
from hactl.lab import abstract_socket, disk, image, layers, linux, places, switch, wire
from hactl.lab.cgroups import Groups
from hactl.lab.control import Control
from hactl.lab.lab_spec import LabSpec
from hactl.lab.machines import Machines
from hactl.lab.power import PowerSwitch

PATIENCE = 2.0  # seconds to read a question that has begun, or to write an answer


class Labd:
    """Whatever happens to a running lab comes in here."""

    def __init__(self, spec: LabSpec, groups: Groups, keeper: int) -> None:
        self.spec = spec
        self.machines = Machines(spec, groups)
        self.power = PowerSwitch(
            spec.node_names, self.machines.is_on, self.machines.kill, self.machines.boot
        )
        self.control = Control(self.machines, self.power, keeper)
        self.selector = selectors.DefaultSelector()

    def serve(self, control: socket.socket, progress: Callable[[str], None]) -> None:
        """Boot the nodes, then answer until told to stop (SIGTERM)."""
        for name in self.spec.node_names:
            trigger = os.open(places.sysrq(name), os.O_RDWR | os.O_NONBLOCK)
            self.on(trigger, self.panicked, trigger, name)
        fencers = power_socket()
        self.on(fencers, self.called, fencers, self.fencer_asks)
        self.on(control, self.called, control, self.operator_asks)
        children = child_signals()
        self.on(children, self.child_died, children)
        for name in self.spec.node_names:
            self.machines.boot(name)
            progress(f"{name} powered on")
        control.listen(64)
        progress("")
        while True:
            for key, _ in self.selector.select():
                handler, arguments = key.data
                handler(*arguments)

    def on(self, source: Any, handler: Callable[..., None], *arguments: object) -> None:
        self.selector.register(source, selectors.EVENT_READ, (handler, arguments))

    def called(self, listener: socket.socket, asks: Callable[[socket.socket], None]) -> None:
        """Somebody has connected; they are heard when they speak."""
        connection, _ = listener.accept()
        connection.settimeout(PATIENCE)
        self.on(connection, self.heard, connection, asks)

    def heard(self, connection: socket.socket, asks: Callable[[socket.socket], None]) -> None:
        """One question, one answer; what a client does wrong is its own problem."""
        self.selector.unregister(connection)
        with connection, contextlib.suppress(OSError):
            asks(connection)

    def operator_asks(self, connection: socket.socket) -> None:
        if abstract_socket.peer(connection)[1] not in (0, os.getuid()):
            return
        descriptors: list[int] = []
        try:
            request, _ = wire.receive(connection)
            reply, descriptors = self.control.answer(request, "operator")
            wire.send(connection, {**reply, "ok": True}, descriptors)
        except HactlError as exc:
            wire.send(connection, {"ok": False, "error": str(exc)})
        except Exception as exc:
            traceback.print_exc()
            wire.send(connection, {"ok": False, "error": f"the lab failed: {exc}"})
        finally:
            for descriptor in descriptors:
                os.close(descriptor)

    def fencer_asks(self, connection: socket.socket) -> None:
        """A line of text there and back, so that a fence agent need not load a parser."""
        by = self.machines.home_of(abstract_socket.peer(connection)[0]) or "unknown"
        question = connection.recv(4096).decode(errors="replace")
        connection.sendall(self.power.reply(question, by).encode())

    def panicked(self, trigger: int, name: str) -> None:
        """A node wrote to its sysrq-trigger: do to it what the kernel would do to a machine."""
        keys = os.read(trigger, 64).decode(errors="replace")
        log(f"{name}: sysrq {keys.strip()!r}")
        if self.machines.is_on(name):
            if "b" in keys:
                self.carry_out(name, "reboot", f"{name} (sysrq)")
            elif "c" in keys or "o" in keys:
                self.carry_out(name, "off", f"{name} (sysrq)")

    def child_died(self, children: int) -> None:
        """Bury the dead; a node whose first process is among them has gone by itself."""
        with contextlib.suppress(BlockingIOError):
            os.read(children, 4096)
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    return
                name = self.machines.by_first_process(pid)
                if name is not None:
                    self.ended(name, status)

    def ended(self, name: str, status: int) -> None:
        """reboot(2) in a pid namespace ends its first process by SIGHUP (restart) or SIGINT."""
        number = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
        log(f"{name}: its first process ended by signal {number}")
        switch.silence(name)
        self.machines.clear_node(name)
        restart = number == signal.SIGHUP
        self.power.happened(name, "reboot" if restart else "off", f"{name} (itself)")
        if restart:
            self.carry_out(name, "on", f"{name} (itself)")

    def carry_out(self, name: str, action: str, by: str) -> None:
        try:
            self.power.use(name, action, by)
        except (HactlError, OSError) as exc:
            log(f"{name}: {action}: {exc}")


def build(spec: LabSpec) -> None:
    """Cover /run with the lab's own files, start the switch, and write the files of every node."""
    linux.mount("", "/", flags=linux.MS_PRIVATE | linux.MS_REC)
    linux.mount("proc", "/proc", "proc")
    linux.mount("tmpfs", "/run", "tmpfs", linux.MS_NOSUID, "mode=755")
    for folder in (places.IMAGE, places.SHARED, places.VMS):
        folder.mkdir(parents=True)
    redirect_output()
    if spec.rootless:
        layers.copy_of_etc()
    switch.power_up()
    image.build(spec)
    keys = image.new_keys()
    for name in spec.node_names:
        disk.make(name)
        image.write_node_files(spec, name, keys)
        os.mkfifo(places.sysrq(name), 0o600)


def redirect_output() -> None:
    descriptor = os.open(places.LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)


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


def log(text: str) -> None:
    print(f"{time.time():.3f} {text}", flush=True)
