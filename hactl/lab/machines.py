"""The nodes of a running lab: which are on, which are frozen, and which cables are cut.

Who asked for it, and whether they may, is not known here.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterable

from hactl.errors import HactlError
from hactl.lab import image, node, switch
from hactl.lab.cgroups import Groups
from hactl.lab.lab_spec import LabSpec

WAYS = ("both", "in", "out")
COVERED = ("/tmp/", "/run/", "/dev/shm/")  # where a node has something of its own
STOPPED, GOING = "TtZX", "RSDIZX"  # states of proc(5)


class Machines:
    """Every node of the lab, by name. Nothing here answers before it is true."""

    def __init__(self, spec: LabSpec, groups: Groups) -> None:
        self.spec = spec
        self.groups = groups
        self.running: dict[str, node.Running] = {}
        self.frozen: set[str] = set()
        self.cuts: set[switch.Cut] = set()
        self.rules_set = False
        self.visible = hidden([*image.source_roots(), sys.prefix, sys.base_prefix])

    def is_on(self, name: str) -> bool:
        return name in self.running

    def boot(self, name: str) -> None:
        """Give a node power; returns when its first process runs. Raises HactlError."""
        services = (*self.spec.services, *(("pacemaker",) if self.spec.start else ()))
        blueprint = node.Blueprint(name, self.groups, self.visible, services, self.spec.rootless)
        unplugged = tuple(port for who, port, way in self.cuts if who == name and way == "both")
        self.running[name] = node.boot(blueprint, unplugged)
        self.apply_one_way()

    def kill(self, name: str) -> None:
        """Take a node's power: nothing of it is heard or runs when this returns."""
        switch.silence(name)
        self.running[name].kill()
        self.clear_node(name)

    def clear_node(self, name: str) -> None:
        """Clear away what is left of a node whose processes have ended."""
        self.running.pop(name).forget()
        self.frozen.discard(name)
        switch.pull_out(name)
        self.groups.remove_node(name)

    def kill_all(self) -> None:
        for running in self.running.values():
            running.kill()

    def freeze(self, name: str) -> None:
        self.frozen.add(name)
        node.signal_all(self.running[name].pid, signal.SIGSTOP, STOPPED)

    def thaw(self, name: str) -> None:
        if name not in self.frozen:
            raise HactlError(f"{name} is not frozen")
        node.signal_all(self.running[name].pid, signal.SIGCONT, GOING)
        self.frozen.discard(name)

    def cut(self, name: str, ports: Iterable[int], way: str) -> None:
        if way not in WAYS:
            raise HactlError(f"a cable is cut both ways, in or out, not {way!r}")
        for port in ports:
            self.cuts.add((name, port, way))
            if way == "both" and self.is_on(name):
                switch.set_port(name, port, "down")
        self.apply_one_way()

    def heal(self, name: str, ports: Iterable[int]) -> None:
        chosen = frozenset(ports)
        mended = {cut for cut in self.cuts if cut[0] == name and cut[1] in chosen}
        self.cuts -= mended
        for _, port, way in mended:
            if way == "both" and self.is_on(name):
                switch.set_port(name, port, "up")
        self.apply_one_way()

    def cuts_of(self, name: str) -> list[tuple[int, str]]:
        """The cut ports of a node, and which way."""
        return sorted((port, way) for who, port, way in self.cuts if who == name)

    def apply_one_way(self) -> None:
        """Rules name a port by its device, which is a new one after every boot."""
        one_way = [cut for cut in self.cuts if cut[2] != "both"]
        if one_way or self.rules_set:
            switch.apply_one_way(one_way)
            self.rules_set = bool(one_way)

    def by_first_process(self, pid: int) -> str | None:
        """The node whose first process is ``pid``."""
        return next((name for name, each in self.running.items() if each.pid == pid), None)

    def home_of(self, pid: int) -> str | None:
        """The node a process is in."""
        try:
            spaces = node.pid_namespaces(pid)
            for name, running in self.running.items():
                if node.pid_namespace(running.pid) in spaces:
                    return name
        except OSError:
            pass  # it has ended meanwhile
        return None


def hidden(paths: list[str]) -> tuple[str, ...]:
    """Those folders of the host that would be out of sight in a node."""
    return tuple(sorted({path for path in paths if path.startswith(COVERED)}))
