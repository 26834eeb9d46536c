"""Ceph's monitors made of dictionaries: what ``rados`` would answer, traps included."""

from __future__ import annotations

import ipaddress
import json
import time
from typing import Any

from hactl_agents.testing import FakeHost
from hactl_fencing.ceph_blocklist import CephBlocklist
from hactl_fencing.fence.device import FenceDevice
from hactl_fencing.fence.main import run

NODES = "node1=10.1.0.1 node2=10.1.0.2,fd00:1::2 node3=10.1.3.0/28"
NOW = 1_790_000_000
BOOT = "6d1a8f5e-0000-4000-8000-000000000001"


class FakeMonitors:
    """The blocklist, and how it answers.

    ``mood``: well, gone (cannot be reached), deaf (never answers), denied (the caps do not
    suffice), liar (says it has blocklisted), forgetful (an entry is gone after one look), old (no
    ranges), garbage (the osdmap makes no sense), half (takes one entry, then fails).
    """

    def __init__(self) -> None:
        self.now = float(NOW)
        self.mood = "well"
        self.plain: dict[str, float] = {}  # name -> until
        self.ranges: dict[str, float] = {}
        self.changes: list[str] = []
        self.seen_as = "10.1.0.1:0/4711"

    def blocks(self, address: str) -> bool:
        """Whether an OSD would refuse a client from this address: the truth."""
        ip = ipaddress.ip_address(address)
        shown = f"[{address}]" if ip.version == 6 else address
        if self.plain.get(f"{shown}:0/0", 0) > self.now:
            return True
        return any(
            until > self.now and ip in ipaddress.ip_network(net)
            for net, until in self.ranges.items()
            if ipaddress.ip_network(net).version == ip.version
        )

    def command(self, words: dict[str, Any]) -> tuple[int, str, str]:
        if words["prefix"] == "osd dump":
            return 0, self.dump(), ""
        if words["prefix"] == "mon dump":
            address = {"type": "v2", "addr": "10.1.0.100:3300", "nonce": 0}
            return 0, json.dumps({"mons": [{"public_addrs": {"addrvec": [address]}}]}), ""
        if self.mood == "denied":
            return -13, "", "access denied"
        return self.remove(words) if words["blocklistop"] == "rm" else self.add(words)

    def dump(self) -> str:
        if self.mood == "garbage":
            return '["what?"]'
        osd = {"addrvec": [{"type": "v2", "addr": "10.1.0.101:6800", "nonce": 1}]}
        text = json.dumps(
            {
                "epoch": 18,
                "modified": stamp(self.now - 60),
                "osds": [{"osd": 0, "public_addrs": osd, "cluster_addrs": osd}],
                "blocklist": {name: stamp(until) for name, until in self.plain.items()},
                "range_blocklist": {cidr(net): stamp(t) for net, t in self.ranges.items()},
            }
        )
        if self.mood == "forgetful":
            self.plain.clear()
            self.ranges.clear()
        return text

    def add(self, words: dict[str, Any]) -> tuple[int, str, str]:
        if "range" in words and self.mood == "old":
            return -22, "", "invalid command"
        if self.mood == "half" and self.ranges:
            return -110, "", "timed out"
        self.changes.append(f"add {words['addr']}")
        if self.mood == "liar" or words.get("expire", 3600) < 1:
            return 0, "", "blocklisting until tomorrow"
        where = self.ranges if "range" in words else self.plain
        name = words["addr"]
        if "range" not in words and "/" not in name:
            name = (f"[{name}]" if ":" in name else name) + ":0/0"
        until = self.now + words.get("expire", 3600)
        where[name] = max(until, where.get(name, 0))  # a longer one is kept
        return 0, "", "blocklisting"

    def remove(self, words: dict[str, Any]) -> tuple[int, str, str]:
        where = self.ranges if "range" in words else self.plain
        if words["addr"] in where and self.mood != "liar":
            self.changes.append(f"rm {words['addr']}")
            del where[words["addr"]]
        return 0, "", "isn't blocklisted"


def stamp(when: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(when)) + ".000000+0000"


def cidr(net: str) -> str:
    address, _, mask = net.partition("/")
    return f"cidr:[{address}]:0/{mask}" if ":" in address else f"cidr:{address}:0/{mask}"


class FakeRados:
    """The module ``rados`` with one cluster behind it."""

    class Error(Exception):
        pass

    def __init__(self, monitors: FakeMonitors) -> None:
        self.monitors = monitors
        self.opened: list[dict[str, Any]] = []

    def Rados(self, **words: Any) -> FakeConnection:  # noqa: N802
        self.opened.append(words)
        return FakeConnection(self)


class FakeConnection:
    def __init__(self, lib: FakeRados) -> None:
        self.lib = lib
        self.monitors = lib.monitors

    def connect(self, timeout: int) -> None:  # noqa: ARG002
        if self.monitors.mood == "gone":
            raise self.lib.Error("[errno 110] error connecting to the cluster")

    def get_addrs(self) -> str:
        return self.monitors.seen_as

    def mon_command(self, command: str, inbuf: bytes) -> tuple[int, bytes, str]:  # noqa: ARG002
        code, output, said = self.monitors.command(json.loads(command))
        return code, output.encode(), said


class DeafHost(FakeHost):
    """A host on which monitors that are deaf never answer."""

    monitors: FakeMonitors

    def begin(self, step, function, *args):  # type: ignore[no-untyped-def]
        if self.monitors.mood == "deaf":
            self.hangs.add(step)
        return super().begin(step, function, *args)


class CephWorld:
    """Three nodes, their monitors, and calls of the agent from node1."""

    def __init__(self, agent: type[FenceDevice] = CephBlocklist) -> None:
        self.agent = agent
        self.monitors = FakeMonitors()
        self.rados = FakeRados(self.monitors)
        self.ours = {"10.1.0.1"}
        self.files: dict[str, Any] = {
            "/etc/ceph/ceph.conf": "",
            "/proc/sys/kernel/random/boot_id": BOOT + "\n",
            "/proc/stat": f"cpu 1\nbtime {NOW - 3600}\n",
        }
        self.saved: dict[str, str] = {}
        self.ended: set[int] = set()  # processes that are only waiting to be buried
        self.output = ""
        self.host = self.new_host()

    def new_host(self) -> FakeHost:
        host = DeafHost(self.files)
        host.monitors = self.monitors
        host.epoch = self.monitors.now - host.clock
        host.bindings["rados"] = self.rados
        host.processes = {pid: 1 for pid in (77, 78) if pid not in self.ended}
        host.ours, host.saved = self.ours, self.saved
        return host

    def on_node(self, number: int) -> None:
        """From now on the agent is called on this node."""
        self.ours = {f"10.1.0.{number}"}
        self.monitors.seen_as = f"10.1.0.{number}:0/4711"

    def call(self, action: str, plug: str = "node2", **options: str) -> int:
        given = {"addresses": NODES, "action": action, "plug": plug} | options
        stdin = "".join(f"{key}={value}\n" for key, value in given.items() if value)
        self.host = self.new_host()
        written: list[str] = []
        code = run(self.agent, (), stdin, self.host, written.append)
        self.output = "".join(written)
        return code

    def used(self) -> float:
        """Seconds the last call took."""
        return self.host.clock - 1000.0
