"""What may be asked of a running lab: operators by messages, fence agents by a line of text."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from hactl.errors import HactlError
from hactl.lab.lab_spec import CLIENT, PORTS
from hactl.lab.machines import Machines
from hactl.lab.power import PowerSwitch
from hactl.lab.wire import Message

NAMESPACES = ("mnt", "net", "uts", "ipc", "pid", "cgroup", "user")
Reply = tuple[Message, list[int]]  # and descriptors to hand over


class Control:
    """The verbs of a lab, on its machines and their power switch."""

    def __init__(self, machines: Machines, power: PowerSwitch, keeper: int) -> None:
        self.machines = machines
        self.power = power
        self.spec = machines.spec
        self.keeper = keeper  # a process outside, by its number there
        self.started = time.time()
        self.verbs: dict[str, Callable[[Message, str], Reply]] = {
            "status": self.status,
            "power": self.use_power,
            "kill": self.kill,
            "freeze": self.freeze,
            "thaw": self.thaw,
            "cut": self.cut,
            "heal": self.heal,
            "enter": self.enter,
        }

    def answer(self, request: Message, by: str) -> Reply:
        """Do what an operator asks. Raises HactlError."""
        op = str(request.get("op"))
        if op not in self.verbs:
            raise HactlError(f"the lab does not know {op!r}")
        return self.verbs[op](request, by)

    def status(self, _request: Message, _by: str) -> Reply:
        return {
            "name": self.spec.name,
            "rootless": self.spec.rootless,
            "started": self.started,
            "token": self.spec.token,
            "nodes": [self.status_of(name) for name in self.spec.node_names],
            "power": [action.to_dict() for action in self.power.history],
            "keeper": self.keeper,
            "groups": [str(folder) for folder in self.machines.groups.lab_folders()],
        }, []

    def status_of(self, name: str) -> Message:
        return {
            "name": name,
            "power": self.power.state(name),
            "frozen": name in self.machines.frozen,
            "cut": [{"link": port, "way": way} for port, way in self.machines.cuts_of(name)],
        }

    def use_power(self, request: Message, by: str) -> Reply:
        name, action = str(request.get("node")), str(request.get("action"))
        if action == "status":
            return {"state": self.power.state(name)}, []
        return {"state": self.power.use(name, action, by)}, []

    def kill(self, request: Message, by: str) -> Reply:
        return {"state": self.power.use(self.alive(request), "off", by)}, []

    def freeze(self, request: Message, _by: str) -> Reply:
        self.machines.freeze(self.alive(request))
        return {}, []

    def thaw(self, request: Message, _by: str) -> Reply:
        self.machines.thaw(self.alive(request))
        return {}, []

    def cut(self, request: Message, _by: str) -> Reply:
        way = str(request.get("way") or "both")
        self.machines.cut(self.known(request), chosen_ports(request), way)
        return {}, []

    def heal(self, request: Message, _by: str) -> Reply:
        self.machines.heal(self.known(request), chosen_ports(request))
        return {}, []

    def enter(self, request: Message, _by: str) -> Reply:
        """The namespaces of a node, or of the switch, and where to put a process that enters."""
        if request.get("node") == CLIENT:
            pid, folders, node = os.getpid(), [], False
        else:
            name = self.alive(request)
            pid, node = self.machines.running[name].pid, True
            folders = [str(folder) for folder in self.machines.groups.entrances(name)]
        kinds = [kind for kind in NAMESPACES if self.separate(kind, node)]
        descriptors = [os.open(f"/proc/{pid}/ns/{kind}", os.O_RDONLY) for kind in kinds]
        return {"namespaces": kinds, "groups": folders}, descriptors

    def separate(self, kind: str, node: bool) -> bool:
        """Whether a node, or the switch, has a namespace of this kind that is not the host's."""
        match kind:
            case "user":
                return self.spec.rootless
            case "cgroup":
                return node and bool(self.machines.groups.trees)
            case "uts":
                return node
        return True

    def known(self, request: Message) -> str:
        name = str(request.get("node"))
        self.power.known(name)
        return name

    def alive(self, request: Message) -> str:
        name = self.known(request)
        if not self.machines.is_on(name):
            raise HactlError(f"{name} is off", f"hactl lab power {name} on")
        return name


def chosen_ports(request: Message) -> list[int]:
    link = request.get("link")
    if link is None:
        return list(range(PORTS))
    if link not in range(PORTS):
        raise HactlError(f"there is no link {link}", f"links are 0 to {PORTS - 1}")
    return [link]
