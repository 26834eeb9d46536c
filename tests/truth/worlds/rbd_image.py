"""The world of RbdImage: a real Ceph in a private node, and a process for a mapper.

The kernel of a test machine may have neither krbd nor nbd; then a process that holds the image by
librbd, as rbd-nbd does, stands in for the mapper (rbd_driver.py). All the rest is the agent.
"""

import itertools
import json
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.ceph_cluster import CephCluster, ceph_cluster, lacking_ceph
from tests.support.execd import pacemaker_environment
from tests.support.private_node import LIBDIR, private_node, wait_until
from tests.truth.table import Exemption, nameless
from tests.truth.world import Presence

AGENT = "RbdImage"
STATES = ("absent", "running", "forgotten", "died", "start killed", "foreign")
BREAKS = (
    "nothing", "monitor frozen", "osd frozen", "no configuration", "no tools", "no state",
    "parameters broken", "name unreadable",
)  # fmt: skip
UNHINDERED = ("nothing", "no configuration", "no tools", "no state", "parameters broken")
EXTENDED = True
TIMEOUT = 8.0
DEEP = True
EXEMPTIONS: "list[Exemption]" = [*nameless("forgotten", "name unreadable")]
HERE = Path(__file__).parents[1]
PYTHON = "/usr/bin/python3"
COUNTER = itertools.count(1)
WATCH = 5  # seconds until Ceph forgets a silent watcher; 30 by default
A, B = "10.80.0.2", "10.80.0.3"


def lacking() -> list[str]:
    return lacking_ceph()


@contextmanager
def world(folder: Path) -> "Iterator[Images]":
    with small_ceph(folder) as ceph:
        yield Images(ceph)


@contextmanager
def small_ceph(folder: Path) -> Iterator[CephCluster]:
    """A running Ceph with a user client.vm, impatient with silent watchers."""
    with private_node(folder / "node") as node, ceph_cluster(node, folder / "c") as cluster:
        cluster.ceph("tell", "osd.0", "config", "set", "osd_client_watch_timeout", str(WATCH))
        cluster.user("vm", mon="profile rbd", osd="profile rbd pool=rbd")
        yield cluster


class Images:
    def __init__(self, ceph: CephCluster) -> None:
        self.ceph = ceph

    def fresh(self) -> "ImageCell":
        return ImageCell(Disk(self.ceph))


class Disk:
    """One image, and the resource that is to map it on nodes ``a`` and ``b``."""

    def __init__(self, ceph: CephCluster) -> None:
        self.ceph = ceph
        self.name = f"disk{next(COUNTER)}"
        self.params: dict[str, object] = {
            "pool": "rbd", "image": self.name, "conf": ceph.conf, "client": "vm",
            "keyring": ceph.dir / "vm.keyring",
        }  # fmt: skip
        features = ("--image-feature", "layering,exclusive-lock")
        ceph.rbd("create", self.name, "--size", "16", *features)
        self.extra: dict[str, str] = {}

    def is_held(self, node: str) -> bool:
        """Whether the stand-in lives: a witness of its own."""
        pid = (self.state(node).split() or ["none"])[0]
        return self.ceph.node.sh(f"cat /proc/{pid}/comm 2>/dev/null || :") != ""

    def call(
        self,
        action: str,
        node: str = "a",
        timeout: float = 60,
        level: int = 0,
        meta: "Mapping[str, str] | None" = None,
        **more: Any,
    ) -> "subprocess.CompletedProcess[str]":
        """An action on a node, with the stand-in for a mapper."""
        given = (timeout, level, meta or {}, self.params | more)
        env = pacemaker_environment(self.name, "RbdImage", *given) | self.extra
        at = self.ceph.client(A if node == "a" else B)
        driver = (*at, PYTHON, str(HERE / "rbd_driver.py"), LIBDIR, node, action)
        return self.ceph.node.run(*driver, env=env, check=False, timeout=timeout + 20)

    def code(self, action: str, node: str = "a", **more: Any) -> int:
        return self.call(action, node, **more).returncode

    def state(self, node: str, what: str = "") -> str:
        return self.ceph.node.sh(f"cat /run/held-{node}-rbd-{self.name}{what} 2>/dev/null || :")

    def pid(self, node: str) -> str:
        return self.state(node).split()[0]

    def signal(self, node: str, name: str) -> None:
        self.ceph.node.sh(f"kill -{name} {self.pid(node)}")

    def signal_daemon(self, daemon: str, name: str) -> None:
        """Signal mon.a or osd.0."""
        self.ceph.node.sh(f"kill -{name} $(cat {self.ceph.run_dir}/{daemon}.pid)")

    def writes(self, node: str) -> int:
        return int(self.state(node, ".written") or 0)

    def content(self) -> str:
        return self.ceph.node.sh(
            f"rbd -c {self.ceph.conf} export --no-progress {self.name} - | head -c 4"
        )

    def locks(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(
            self.ceph.rbd("lock", "list", self.name, "--format", "json")
        )
        return found

    def clean_up(self) -> None:
        """By other means than the agent's; nobody is cut off any more."""
        node, ceph = self.ceph.node, self.ceph
        for daemon in ("mon.a", "osd.0"):
            self.signal_daemon(daemon, "CONT")
        for file in node.sh(f"ls /run/held-*-{self.name} 2>/dev/null || :").split():
            node.sh(f'kill -KILL $(cut -d" " -f1 {file}) || :; rm -f {file} {file}.*')
        node.sh("rm -rf /run/state-*")
        for entry in ceph.json("osd", "dump")["blocklist"]:
            ceph.ceph("osd", "blocklist", "rm", entry)
        for entry in ceph.json("osd", "dump")["range_blocklist"]:
            address = entry.removeprefix("cidr:")
            network, _, bits = address.rpartition(":")
            ceph.ceph("osd", "blocklist", "range", "rm", f"{network}/{bits.partition('/')[2]}")


class ImageCell:
    """An image on node ``a``; in the foreign state it is mapped on ``b``, by another resource."""

    def __init__(self, disk: Disk) -> None:
        self.disk = disk
        self.sh = disk.ceph.node.sh
        self.other = Disk(disk.ceph)
        self.frozen = ""  # a daemon
        self.hidden = False
        self.given: dict[str, Any] = {}
        self.foreign = ""
        assert self.other.code("start") == 0  # a neighbour on the same node

    def bring_into(self, state: str) -> None:
        disk = self.disk
        if state == "foreign":
            assert disk.code("start", "b") == 0
            self.foreign = "b"
        if state in ("absent", "foreign"):
            return
        assert disk.code("start") == 0
        if state == "forgotten":
            self.sh("rm -rf /run/state-a")
        if state in ("died", "start killed"):
            disk.signal("a", "KILL")  # the lock stays behind in Ceph
            wait_until(lambda: not disk.is_held("a"), "it does not die", 10)
        if state == "died":
            self.sh(f"rm /run/held-a-rbd-{disk.name}")

    def do_break(self, what: str) -> None:
        self.frozen = {"monitor frozen": "mon.a", "osd frozen": "osd.0"}.get(what, "")
        if self.frozen:
            self.disk.signal_daemon(self.frozen, "STOP")
        elif what == "no state":
            self.sh("rm -rf /run/state-a")
        elif what == "no tools":
            self.disk.extra = {"OCF_TESTER_FAIL_HAVE_BINARY": "1"}
        elif what == "no configuration":
            self.given = {"conf": "/nowhere", "keyring": "/nowhere"}
        elif what == "parameters broken":
            self.given = {"conf": "relative", "read_only": "perhaps"}
        elif what == "name unreadable":
            self.given = {"image": "a@b"}

    def heal(self) -> None:
        if self.frozen:
            self.disk.signal_daemon(self.frozen, "CONT")
            self.disk.ceph.rbd("info", self.disk.name)
        self.frozen, self.given, self.disk.extra = "", {}, {}

    def clean(self) -> None:
        for disk in (self.disk, self.other):
            disk.clean_up()

    def witness(self) -> Presence:
        return "there" if self.disk.is_held("a") else "absent"

    def foreign_untouched(self) -> bool:
        return self.other.is_held("a") and (not self.foreign or self.disk.is_held(self.foreign))

    def call(
        self, action: str, *, timeout: float, meta: Mapping[str, str], **more: Any
    ) -> "subprocess.CompletedProcess[str]":
        return self.disk.call(action, "a", timeout, meta=meta, **{**more, **self.given})
