"""The world of OvsBridge: a private node with a real Open vSwitch that switches in user space."""

import itertools
import json
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.ovs_node import OvsNode, lacking, plain
from tests.support.private_node import wait_until, why
from tests.truth.breaks import NO_TOOLS, STATE_FOLDER, STATE_FOLDER_MENDED
from tests.truth.table import Exemption, nameless
from tests.truth.world import Presence

AGENT = "OvsBridge"
STATES = (
    "absent", "running", "unfinished", "forgotten", "under a guest", "under a macvtap", "foreign",
)  # fmt: skip
BREAKS = (
    "nothing", "ovsdb dead", "ovsdb frozen", "vswitchd dead", "vswitchd frozen", "both dead",
    "no tools", "parameters broken", "name unreadable", "state folder lost",
    "state folder read-only", "uplink replaced", "uplink renamed", "vswitchd dies meanwhile",
)  # fmt: skip
UNHINDERED = (
    "nothing", "parameters broken", "state folder lost", "state folder read-only",
    "uplink replaced", "uplink renamed", "vswitchd dies meanwhile",
)  # fmt: skip
TIMEOUT = 6.0
SHARES = 3  # nearly all of it is waiting
DEEP = True
PLACES = ("flows",)
DAEMONS = ("ovsdb-server", "ovs-vswitchd")
RELOADS = True
TIMEOUT_DURING = 6.0
EXTENDED = True
CARRIES = "a bridge that still carries a guest is not deleted: stop waits, and then names the guest"
EXEMPTIONS = [
    *nameless("forgotten", "name unreadable"),
    Exemption(
        "what_is_half_there_is_not_called_running",
        "*",
        "uplink replaced",
        "probe",
        "a probe is asked whether it is here, not how well; a monitor says that it is degraded",
    ),
    Exemption(
        "what_is_half_there_is_not_called_running",
        "forgotten",
        "uplink replaced",
        "*",
        "a recurring monitor completes a bridge without a record: it is there when it answers",
    ),
    *(
        Exemption(rule, state, "*", "stop", CARRIES)
        for state in ("under a guest", "under a macvtap")
        for rule in ("once_healed_it_can_be_stopped", "a_stop_works_where_nothing_hinders_it")
    ),
]
LATER = 0.05  # seconds into a call at which ovs-vswitchd begins to hang
FROZEN = 0.5  # seconds after which it is killed then
COUNTER = itertools.count(1)
DATABASE = "/run/conf.db"
__all__ = ["lacking"]


@contextmanager
def world(folder: Path) -> "Iterator[Switch]":
    with ovs_node(folder / "node") as node:
        yield Switch(node)


@contextmanager
def ovs_node(folder: Path) -> Iterator[OvsNode]:
    """A running node for the length of a ``with`` block."""
    node = OvsNode(folder)
    try:
        node.up()
        yield node
    finally:
        node.down()


class Switch:
    def __init__(self, node: OvsNode) -> None:
        self.node = node

    def fresh(self) -> "BridgeCell":
        return BridgeCell(Lan(self.node))


class Lan:
    """A bridge of the agent's and two uplinks, whose other ends are ours; names are used once."""

    def __init__(self, node: OvsNode) -> None:
        number = next(COUNTER)
        self.node = node
        self.bridge, self.name = f"br{number}", f"lan{number}"
        self.uplinks = (f"eth{number}a", f"eth{number}b")
        self.switch = (f"sw{number}a", f"sw{number}b")
        self.params: dict[str, Any] = {
            "bridge": self.bridge,
            "uplinks": self.uplinks[0],
            "datapath": "netdev",
        }
        for uplink, other in zip(self.uplinks, self.switch, strict=True):
            node.sh(f"ip link add {uplink} type veth peer name {other}; ip link set {other} up")

    def call(self, action: str, **more: Any) -> "subprocess.CompletedProcess[str]":
        given: dict[str, Any] = {"resource": self.name} | self.params | more
        return self.node.call("OvsBridge", action, **given)

    def code(self, action: str, **more: Any) -> int:
        return self.call(action, **more).returncode

    def monitor(self, **more: Any) -> int:
        return self.code("monitor", meta={"interval": "10000"}, **more)

    def complaint(self, action: str = "monitor", **more: Any) -> str:
        return why(self.call(action, **more))

    def exists(self) -> bool:
        """By what the database and ovs-vswitchd itself say."""
        rows = self.node.sh("ovs-vsctl --timeout=10 list-br").split()
        return self.bridge in rows + self.node.sh("ovs-appctl ofproto/list").split()

    def link(self, name: str) -> "tuple[bool, str]":
        text = self.node.sh(f"ip -o link show {name}")
        return "UP" in text.partition("<")[2].partition(">")[0].split(","), text.split()[4]

    def untouched(self) -> bool:
        """Whether nothing is left: no bridge, no row, no queue, and the uplinks as before."""
        rows = [row for table in ("Bridge", "QoS", "Queue", "Manager", "Port")
                for row in self.node.rows(table)]  # fmt: skip
        marks = [row["external_ids"].get("hactl-resource") for row in rows]
        links = [self.link(name) for name in self.uplinks]
        return (
            not self.exists() and self.name not in marks and links == [(False, "1500")] * len(links)
        )

    def tap(self, name: str) -> None:
        """A guest's port on the bridge, as libvirt attaches it."""
        self.node.sh(f"ip tuntap add {name} mode tap; ip link set {name} up")
        self.node.vsctl("add-port", self.bridge, name)

    def clean_up(self) -> None:
        """By other means than the agent's."""
        self.node.sh(f"ovs-vsctl --if-exists del-br {self.bridge}; rm -rf /run/hactl", check=False)
        for uplink in self.uplinks:
            self.node.sh(f"ip link del {uplink}", check=False)


class BridgeCell:
    """A bridge in one state, beside one of nearly the same name that is nobody's business."""

    def __init__(self, lan: Lan) -> None:
        self.lan = lan
        self.node = lan.node
        self.sh = lan.node.sh
        self.guest = f"t{lan.bridge}"
        self.theirs = f"{lan.bridge}0"
        self.foreign: dict[str, Any] = {}
        self.broken = ""
        self.given: dict[str, Any] = {}
        self.make_foreign(self.theirs)

    def move(self, place: str, behind: Path, shown: Path) -> None:
        (behind / place).write_text("priority=5,actions=NORMAL\n")
        self.lan.params[place] = str(shown / place)

    def pids(self, daemon: str) -> list[int]:
        return [int(self.node.daemon_pid(daemon))] if self.lives(daemon) else []

    def make_foreign(self, bridge: str) -> None:
        self.node.vsctl("add-br", bridge, "--", "set", "Bridge", bridge, "datapath_type=netdev")
        self.foreign[bridge] = self.row(bridge)

    def bring_into(self, state: str) -> None:
        lan = self.lan
        if state == "foreign":
            self.make_foreign(lan.bridge)
        if state in ("absent", "foreign"):
            return
        assert lan.code("start") == 0
        if state == "unfinished":
            self.node.vsctl("set", "Bridge", lan.bridge, "external_ids:hactl-unfinished=true")
        if state == "forgotten":
            self.sh("rm -rf /run/hactl")
        if state == "under a guest":
            lan.tap(self.guest)
        if state == "under a macvtap":
            self.sh(f"ip link add {self.guest} link {lan.bridge} type macvtap")

    def do_break(self, what: str) -> None:
        self.broken = what
        daemon, _, how = what.partition(" ")
        if how == "dead":
            for name in ("ovs-vswitchd", "ovsdb-server"):
                if daemon in (name[4:], name.partition("-")[0], "both"):
                    self.node.kill(name)
        elif how == "frozen":
            self.node.signal("ovsdb-server" if daemon == "ovsdb" else "ovs-vswitchd", "STOP")
        elif what == "no tools":
            self.given = {"wrapper": NO_TOOLS}
        elif what == "parameters broken":
            self.given = {"tag": "many", "trunks": "all"}
        elif what == "name unreadable":
            self.given = {"bridge": "-- del-br br1"}
        elif what in STATE_FOLDER:
            self.sh(STATE_FOLDER[what])
        elif what == "uplink replaced":
            uplink, other = self.lan.uplinks[0], self.lan.switch[0]
            self.sh(f"ip link del {uplink}; ip link add {uplink} type veth peer name {other}")
            self.sh(f"ip link set {other} up")
        elif what == "uplink renamed":
            self.rename_uplink(self.lan.uplinks[0], self.renamed)

    @property
    def renamed(self) -> str:
        return f"n{self.lan.uplinks[0]}"

    def rename_uplink(self, name: str, to: str) -> None:
        self.sh(f"ip link set {name} down; ip link set {name} name {to}; ip link set {to} up")

    def heal(self) -> None:
        if self.broken == "uplink renamed":
            self.rename_uplink(self.renamed, self.lan.uplinks[0])
        if self.broken in STATE_FOLDER_MENDED:
            self.sh(STATE_FOLDER_MENDED[self.broken])
        self.broken, self.given = "", {}
        self.node.heal()
        # Both daemons agree again, which only a change shows: ovs-vswitchd comes back to a server
        # that had died after up to 8 s, longer each time.
        wait_until(lambda: self.sh("ovs-vsctl --timeout=1 show || :"), "not healed", 10)
        self.node.vsctl("set", "Open_vSwitch", ".", f"external_ids:healed={time.monotonic_ns()}")

    def clean(self) -> None:
        self.lan.clean_up()
        self.sh(f"ovs-vsctl --if-exists del-br {self.theirs}; ip link del {self.guest} || :")

    def witness(self) -> Presence:
        """By the database's file and the kernel's devices: the daemons may be dead or frozen."""
        row = self.row(self.lan.bridge)
        if row is not None and row == self.foreign.get(self.lan.bridge):
            return "absent"
        device = f"ip link show {self.lan.bridge} >/dev/null 2>&1 && echo there || :"
        found = [row is not None, bool(self.sh(device)), self.lives("ovs-vswitchd")]
        unfinished = row is not None and "hactl-unfinished" in row["external_ids"]
        if not any(found[:2]):
            return "absent"
        whole = all(found) and not unfinished and self.is_switched(self.lan.uplinks[0])
        return "there" if whole else "partly"

    def is_switched(self, uplink: str) -> bool:
        """Whether anybody reads packets from the device that has this name by now."""
        index = self.sh(f"cat /sys/class/net/{uplink}/ifindex 2>/dev/null || :")
        text = f"awk '$5 == {index or -9}' /proc/net/packet"
        return not index or self.sh(text) != ""

    def lives(self, daemon: str) -> bool:
        return self.sh(f"kill -0 {self.node.daemon_pid(daemon)} && echo lives || :") == "lives"

    def row(self, bridge: str) -> "dict[str, Any] | None":
        """A bridge as the database's file has it."""
        columns = ["_uuid", "name", "external_ids", "ports"]
        query = {"op": "select", "table": "Bridge", "where": [["name", "==", bridge]]}
        text = json.dumps(["Open_vSwitch", {**query, "columns": columns}])
        (found,) = json.loads(self.node.run("ovsdb-tool", "query", DATABASE, text).stdout)
        rows = [{key: plain(cell) for key, cell in row.items()} for row in found["rows"]]
        return rows[0] if rows else None

    def foreign_untouched(self) -> bool:
        return all(self.row(name) == before for name, before in self.foreign.items())

    def call(self, action: str, **more: Any) -> "subprocess.CompletedProcess[str]":
        if self.broken != "vswitchd dies meanwhile":
            return self.lan.call(action, **{**more, **self.given})
        hang = threading.Timer(LATER, lambda: self.node.signal("ovs-vswitchd", "STOP"))
        end = threading.Timer(LATER + FROZEN, lambda: self.node.kill("ovs-vswitchd"))
        for timer in (hang, end):
            timer.start()
        try:
            return self.lan.call(action, **more)
        finally:
            hang.join()
            end.join()
            self.node.start("ovs-vswitchd")  # for the next call
            self.node.vsctl("set", "Open_vSwitch", ".", f"external_ids:after={action}")
