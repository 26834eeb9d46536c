"""The world of LinuxBridge: a private node with the real kernel, and bridges in every condition."""

import itertools
import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.private_node import PrivateNode, fresh_node, lacking
from tests.truth.breaks import NO_TOOLS, STATE_FOLDER, STATE_FOLDER_MENDED
from tests.truth.table import Exemption, nameless
from tests.truth.world import Presence

AGENT = "LinuxBridge"
STATES = (
    "absent", "running", "half made", "half deleted", "drifted", "forgotten", "under a guest",
    "under a macvtap", "renamed", "adopted", "foreign",
)  # fmt: skip
BREAKS = (
    "nothing", "no tools", "parameters broken", "name unreadable", "state folder lost",
    "state folder read-only", "no sysfs", "uplink gone", "uplink renamed", "uplink replaced",
)  # fmt: skip
UNHINDERED = tuple(what for what in BREAKS if what != "name unreadable")
TIMEOUT = 6.0
CARRIES = (
    "a bridge that still carries a guest is not deleted; stop names it, and waits for it first"
)
KEEPS = "nobody knows any more whether the operator's own bridge had that uplink before: it stays"
TWICE = "a device that has lost its name and its record is known by nothing any more"
EXEMPTIONS = [
    *(
        Exemption(rule, "adopted", "state folder lost", action, KEEPS)
        for rule, action in (
            ("what_is_there_is_not_denied", "probe"),
            ("what_was_stopped_is_absent", "stop"),
            ("once_healed_it_can_be_stopped", "stop"),
        )
    ),
    *nameless("forgotten", "name unreadable"),
    *(
        Exemption(rule, state, "*", "stop", CARRIES)
        for state in ("under a guest", "under a macvtap")
        for rule in ("once_healed_it_can_be_stopped", "a_stop_works_where_nothing_hinders_it")
    ),
    *(
        Exemption("a_stop_works_where_nothing_hinders_it", state, "uplink renamed", "stop", TWICE)
        for state in ("forgotten", "half made")
    ),
    *(
        Exemption(rule, "renamed", "state folder lost", action, TWICE)
        for rule, action in (
            ("what_is_there_is_not_denied", "*"),
            ("what_was_stopped_is_absent", "stop"),
            ("once_healed_it_can_be_stopped", "stop"),
        )
    ),
]
COUNTER = itertools.count(1)
__all__ = ["lacking"]


@contextmanager
def world(folder: Path) -> "Iterator[Bridges]":  # noqa: ARG001
    with fresh_node() as node:
        yield Bridges(node)


class Bridges:
    def __init__(self, node: PrivateNode) -> None:
        self.node = node

    def fresh(self) -> "BridgeCell":
        return BridgeCell(Lan(self.node))


class Lan:
    """A bridge of the agent's and its uplink, whose other end is ours; names are used once."""

    def __init__(self, node: PrivateNode) -> None:
        number = next(COUNTER)
        self.node = node
        self.bridge, self.port, self.switch = f"br{number}", f"eth{number}", f"sw{number}"
        self.name = f"lan{number}"
        self.params: dict[str, Any] = {"bridge": self.bridge, "ports": self.port}
        self.plug_in()

    def plug_in(self) -> None:
        """Make the uplink."""
        self.node.sh(f"ip link add {self.port} type veth peer name {self.switch}")
        self.node.sh(f"ip link set {self.switch} up")

    def call(self, action: str, **more: Any) -> "subprocess.CompletedProcess[str]":
        given: dict[str, Any] = {"resource": self.name} | self.params | more
        return self.node.call("LinuxBridge", action, **given)

    def code(self, action: str, **more: Any) -> int:
        return self.call(action, **more).returncode

    def monitor(self, **more: Any) -> int:
        return self.code("monitor", meta={"interval": "10000"}, **more)

    def link(self, name: str) -> "dict[str, Any] | None":
        """What iproute2 says of a device: a witness of its own."""
        done = self.node.run("ip", "-j", "-d", "link", "show", "dev", name, check=False)
        found: dict[str, Any] = json.loads(done.stdout)[0] if done.returncode == 0 else {}
        return found or None

    def exists(self) -> bool:
        return self.link(self.bridge) is not None

    def uplink(self) -> "tuple[str | None, bool, int]":
        port = self.link(self.port) or {"flags": [], "mtu": 0}
        return port.get("master"), "UP" in port["flags"], port["mtu"]

    def tap(self, name: str) -> None:
        """A guest's port on the bridge."""
        self.node.sh(f"ip tuntap add {name} mode tap; ip link set {name} master {self.bridge} up")

    def clean_up(self) -> None:
        """By other means than the agent's."""
        for name in (self.bridge, self.port):
            self.node.sh(f"ip link del {name}", check=False)
        self.node.sh("umount /run/hactl; rm -rf /run/hactl", check=False)


class BridgeCell:
    """A bridge in one state, beside one of nearly the same name that is nobody's business."""

    def __init__(self, lan: Lan) -> None:
        self.lan = lan
        self.sh = lan.node.sh
        self.name_of_another = f"{lan.bridge}0"
        self.guest = f"tap{lan.bridge}"
        self.other_name = f"old{lan.bridge}"
        self.broken = ""
        self.given: dict[str, Any] = {}
        self.sh(f"ip link add {self.name_of_another} type bridge")
        self.sh(f"ip link set {self.name_of_another} alias hactl:{lan.name}")
        self.foreign = {self.name_of_another: self.seen(self.name_of_another)}

    def bring_into(self, state: str) -> None:
        lan = self.lan
        if state in ("foreign", "adopted"):
            self.sh(f"ip link add {lan.bridge} type bridge")
            self.sh(f"ip link set {lan.bridge} up alias 'by hand'")
            lan.tap(self.guest)
            self.foreign |= {name: self.seen(name) for name in (lan.bridge, self.guest)}
        if state == "adopted":
            self.foreign.pop(lan.bridge)
            lan.params |= {"adopt": "true", "stp": "on"}
        if state == "half made":
            self.cut_short("start", "sendto,rename", lambda there, _: there == "partly")
        elif state not in ("absent", "foreign"):
            assert lan.code("start") == 0
        self.spoil(state)

    def spoil(self, state: str) -> None:
        lan = self.lan
        if state == "half deleted":
            self.cut_short("stop", "sendto,unlink", lambda _, attached: not attached)
            assert self.witness() != "absent"
        if state == "drifted":
            self.sh(f"ip link set {lan.port} nomaster")
        if state == "forgotten":
            self.sh("rm -rf /run/hactl")
        if state == "under a guest":
            lan.tap(self.guest)
            self.foreign[self.guest] = self.seen(self.guest)
        if state == "under a macvtap":
            self.sh(f"ip link add {self.guest} link {lan.bridge} type macvtap")
            self.foreign[self.guest] = self.seen(self.guest)
        if state == "renamed":
            self.rename(lan.bridge, self.other_name)

    def rename(self, name: str, to: str) -> None:
        """As udev and network managers do it."""
        self.sh(f"ip link set {name} down; ip link set {name} name {to}; ip link set {to} up")

    def cut_short(self, action: str, calls: str, until: "Callable[[Presence, bool], bool]") -> None:
        """Kill an action at the first step after which it is half done.

        ``until`` is told what is there, and whether the uplink is attached.
        """
        lan = self.lan
        for step in itertools.count(1):
            cut = lan.node.call_killed(
                "LinuxBridge", action, calls, step, resource=lan.name, **lan.params
            )
            assert cut, f"{action} was never half done"
            if until(self.witness(), lan.uplink()[0] == lan.bridge):
                return

    def do_break(self, what: str) -> None:
        self.broken = what
        if what == "no tools":
            self.given = {"wrapper": NO_TOOLS}
        elif what == "parameters broken":
            self.given = {"mtu": "many", "stp": "perhaps"}
        elif what == "name unreadable":
            self.given = {"bridge": "br0;touch /run/x"}
        elif what in STATE_FOLDER:
            self.sh(STATE_FOLDER[what])
        elif what == "no sysfs":
            self.sh("mount -t tmpfs tmpfs /sys")
        elif what == "uplink gone":
            self.sh(f"ip link del {self.lan.port}")
        elif what == "uplink renamed":
            self.rename(self.lan.port, f"n{self.lan.port}")
        elif what == "uplink replaced":
            self.sh(f"ip link del {self.lan.port}")
            self.lan.plug_in()

    def heal(self) -> None:
        if self.broken in STATE_FOLDER_MENDED:
            self.sh(STATE_FOLDER_MENDED[self.broken])
        elif self.broken == "no sysfs":
            self.sh("umount /sys")
        elif self.broken == "uplink gone":
            self.lan.plug_in()
        elif self.broken == "uplink renamed":
            self.rename(f"n{self.lan.port}", self.lan.port)
        self.broken, self.given = "", {}

    def clean(self) -> None:
        self.lan.clean_up()
        for name in (self.name_of_another, self.guest, self.other_name):
            self.sh(f"ip link del {name}", check=False)

    def witness(self) -> Presence:
        lan = self.lan
        bridge = lan.link(lan.bridge) or lan.link(self.other_name)
        if bridge is None or lan.bridge in self.foreign:
            return "absent"
        marked = bridge.get("ifalias", "").startswith("hactl:")
        if lan.params.get("adopt") and not marked and lan.uplink()[0] is None:
            return "absent"  # it is there, and no more ours
        return "there" if "UP" in bridge["flags"] and marked else "partly"

    def foreign_untouched(self) -> bool:
        return all(self.seen(name) == before for name, before in self.foreign.items())

    def seen(self, name: str) -> "tuple[Any, ...]":
        """What must not change of somebody else's device."""
        found = self.lan.link(name) or {}
        if found.get("link") == self.lan.bridge:  # a macvtap follows the carrier of what is below
            return (found["ifindex"],)
        return tuple(found.get(key) for key in ("ifindex", "flags", "mtu", "master", "ifalias"))

    def call(self, action: str, **more: Any) -> "subprocess.CompletedProcess[str]":
        return self.lan.call(action, **self.given, **more)
