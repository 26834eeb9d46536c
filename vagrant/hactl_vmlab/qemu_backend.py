"""The machines of the plain lab: QEMU processes that are children of the keeper."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
from pathlib import Path

from hactl.errors import HactlError
from hactl_vmlab import box, monitor, network, qemu, shell
from hactl_vmlab.accelerator import Accelerator
from hactl_vmlab.backend import Heard
from hactl_vmlab.definition import Definition, Network

NICENESS = 5  # the nodes give way to whoever drives them


class Qemus:
    """Machines, their cables, and what they say on their monitors."""

    def __init__(self, lab: Definition, accelerator: Accelerator, files: qemu.Files) -> None:
        found = box.find(lab.suite)
        if found is None:
            raise HactlError("there is no box", "vagrant/box/build")
        self.lab = lab
        self.box = found
        self.accelerator = accelerator
        self.files = files
        self.nodes = {node.name: node for node in lab.nodes}
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self.monitors: dict[str, monitor.Monitor] = {}
        self.frozen: set[str] = set()
        self.heard: Heard = lambda _events: None
        self.selector = selectors.DefaultSelector()

    def open(self, heard: Heard) -> selectors.DefaultSelector:
        """Build the switches. What becomes readable is to be given to `on_readable`."""
        self.heard = heard
        network.build(self.lab)
        return self.selector

    def is_on(self, name: str) -> bool:
        process = self.running.get(name)
        return process is not None and process.poll() is None

    def is_frozen(self, name: str) -> bool:
        return name in self.frozen

    def on(self, name: str) -> None:
        """Switch a node on; it keeps its disk. Raises HactlError."""
        node = self.nodes[name]
        self.files.monitor(node).unlink(missing_ok=True)
        log = self.files.folder / f"{name}.qemu.log"
        argv = qemu.command(self.lab, node, self.box, self.files, self.accelerator)
        with log.open("ab") as output:
            self.running[name] = subprocess.Popen(
                ["nice", "-n", str(NICENESS), *argv],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        try:
            path = self.files.monitor(node)
            found = monitor.connect(name, path, lambda: self.is_on(name))
        except HactlError:
            said = log.read_text(errors="replace").strip().splitlines()[-1:]
            raise HactlError(f"{name} does not start: {' '.join(said)}") from None
        self.monitors[name] = found
        self.selector.register(found.connection, selectors.EVENT_READ, found)

    def off(self, name: str) -> None:
        process = self.running[name]
        process.kill()
        process.wait()
        self.forget(name)

    def forget(self, name: str) -> None:
        self.running.pop(name, None)
        self.frozen.discard(name)
        shell.set_aside(self.files.folder, name)
        self.hang_up(name)

    def hang_up(self, name: str) -> None:
        found = self.monitors.pop(name, None)
        if found is not None:
            self.selector.unregister(found.connection)
            found.connection.close()

    def freeze(self, name: str, *, frozen: bool) -> None:
        self.running[name].send_signal(signal.SIGSTOP if frozen else signal.SIGCONT)
        (self.frozen.add if frozen else self.frozen.discard)(name)

    def plug(self, name: str, cable: Network, *, connected: bool) -> None:
        state = "up" if connected else "down"
        network.set_port(self.nodes[name], cable, state)

    def on_readable(self) -> None:
        """Some machine has said something."""
        for key, _ in self.selector.select(0):
            found: monitor.Monitor = key.data
            try:
                events = found.events()
            except (EOFError, OSError):
                self.hang_up(found.node)
                continue
            if any(event.name == "RESET" for event in events):
                shell.set_aside(self.files.folder, found.node)
            self.heard(events)

    def ended(self) -> list[str]:
        """Those that have switched themselves off since they were last asked after."""
        found = [name for name, process in self.running.items() if process.poll() is not None]
        for name in found:
            self.forget(name)
        return found

    def memory(self, name: str) -> int:
        process = self.running.get(name)
        return resident(process.pid) if process else 0


def resident(pid: int) -> int:
    """Memory a process has, in MiB."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") >> 20
    return 0
