"""A small Ceph of its own in a private node, for tests: one monitor, one OSD, no manager.

Up in about five seconds, its data in memory; goes with the node. Knows nothing of any agent.
"""

import json
import subprocess
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.private_node import PrivateNode, lacking, wait_until

TOOLS = ("ceph-mon", "ceph-osd", "ceph-authtool", "monmaptool", "ceph", "rbd")
ADDRESS = "10.80.0.1"
PYTHON = "/usr/bin/python3"  # the one that has rados and rbd

CONF = """\
[global]
fsid = {fsid}
mon initial members = a
mon host = [v2:{address}:3300,v1:{address}:6789]
public addr = {address}
ms bind ipv6 = false
run dir = {run}
crash dir = {run}
admin socket = {run}/$cluster-$name.$pid.$cctid.asok
pid file = {run}/$name.pid
log file = {dir}/log/$name.log
keyring = {dir}/keyring
osd pool default size = 1
osd pool default min size = 1
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
# a pool of one copy serves nobody any more once its OSD was stopped for longer than its read lease,
# which is 0.8 of this (ceph-container issue 1682): tests stop it for some 20 seconds
osd heartbeat grace = 600
mon allow pool size one = true
mon allow pool delete = true
auth allow insecure global id reclaim = false
# a client waits for the monitors' agreement; nobody disagrees here
paxos propose interval = 0.05
[mon.a]
mon data = {dir}/mon
[osd]
osd data = {dir}/osd
osd objectstore = memstore
memstore device bytes = 1073741824
osd op num shards = 2
osd op num threads per shard = 1
[client]
log file = /dev/null
"""

# Clients are told apart by address, so each has a network namespace on a cable of its own.
CLIENT = """\
ip netns add {name}
ip link add {name} type veth peer name eth0 netns {name}
ip link set {name} up
ip route add {address}/32 dev {name}
ip -n {name} address add {address}/32 dev eth0
ip -n {name} link set lo up
ip -n {name} link set eth0 up
ip -n {name} route add {server}/32 dev eth0
"""

CAPS = {
    "mon.": {"mon": "allow *"},
    "client.admin": {"mon": "allow *", "osd": "allow *", "mgr": "allow *"},
    "osd.0": {"mon": "allow profile osd", "osd": "allow *"},
}


def lacking_ceph() -> list[str]:
    """What this machine lacks for a Ceph, as reasons to skip."""
    return lacking(*TOOLS)


class CephCluster:
    """A Ceph in ``node``, below ``directory``; it has a pool ``rbd``.

    ``conf`` and ``keyring`` (of client.admin) are paths. What runs in the node calls from the
    cluster's own address; ``client`` gives others.
    """

    def __init__(self, node: PrivateNode, directory: Path) -> None:
        self.node = node
        self.dir = directory
        self.run_dir = "/run/ceph-test"  # short: it holds unix sockets
        self.conf = directory / "ceph.conf"
        self.keyring = directory / "keyring"
        self.clients: list[str] = []

    def up(self) -> None:
        (self.dir / "log").mkdir(parents=True)
        self.node.sh(f"mkdir -p {self.run_dir}")
        self.node.run("ip", "address", "add", f"{ADDRESS}/32", "dev", "lo")
        fsid = str(uuid.uuid4())
        self.conf.write_text(
            CONF.format(fsid=fsid, address=ADDRESS, run=self.run_dir, dir=self.dir)
        )
        for name, caps in CAPS.items():
            self.make_key(self.keyring, name, caps)
        self.start_monitor(fsid)
        self.start_osd()
        self.ceph("osd", "pool", "create", "rbd", "8")
        self.ceph("osd", "pool", "application", "enable", "rbd", "rbd")

    def start_monitor(self, fsid: str) -> None:
        where = f"[v2:{ADDRESS}:3300,v1:{ADDRESS}:6789]"
        monmap = f"{self.dir}/monmap"
        self.node.run("monmaptool", "--create", "--fsid", fsid, "--addv", "a", where, monmap)
        words = ("ceph-mon", "-c", str(self.conf), "-i", "a")
        self.node.run(*words, "--mkfs", "--monmap", monmap, "--keyring", str(self.keyring))
        self.node.run(*words)

    def start_osd(self) -> None:
        (self.dir / "osd").mkdir(exist_ok=True)
        name = str(uuid.uuid4())
        self.ceph("osd", "new", name, "0")
        words = ("ceph-osd", "-c", str(self.conf), "-i", "0")
        self.node.run(*words, "--mkfs", "--osd-uuid", name)
        self.node.run(*words)
        wait_until(lambda: self.json("osd", "stat")["num_up_osds"] == 1, "the OSD is not up", 30)

    def make_key(self, keyring: Path, name: str, caps: Mapping[str, str]) -> None:
        """Add a new key to a keyring, for a monitor that is not made yet."""
        words = ["--create-keyring"] if not keyring.exists() else []
        given = [word for kind, cap in caps.items() for word in ("--cap", kind, cap)]
        self.node.run("ceph-authtool", *words, str(keyring), "--gen-key", "-n", name, *given)

    # using it

    def ceph(self, *words: str, check: bool = True) -> str:
        """What ceph(8) prints."""
        done = self.node.run("ceph", "-c", str(self.conf), *words, check=check)
        return done.stdout.strip()

    def json(self, *words: str) -> Any:
        return json.loads(self.ceph(*words, "-f", "json"))

    def rbd(self, *words: str, check: bool = True) -> str:
        """What rbd(8) prints."""
        return self.node.run("rbd", "-c", str(self.conf), *words, check=check).stdout.strip()

    def user(self, name: str, **caps: str) -> Path:
        """A new user client.NAME; the path of its keyring."""
        path = self.dir / f"{name}.keyring"
        given = [word for kind, cap in caps.items() for word in (kind, cap)]
        self.ceph("auth", "get-or-create", f"client.{name}", *given, "-o", str(path))
        path.chmod(0o600)
        return path

    def client(self, address: str) -> tuple[str, ...]:
        """The words before a command that make it call from ``address``, such as 10.80.0.2."""
        name = f"c{address.rpartition('.')[2]}"
        if address not in self.clients:
            self.node.sh(CLIENT.format(name=name, address=address, server=ADDRESS))
            self.clients.append(address)
        return ("nsenter", f"--net=/run/netns/{name}", "--")

    def popen(self, *argv: str) -> "subprocess.Popen[str]":
        """A command in the node that the test talks to."""
        enter = ("nsenter", "-t", str(self.node.pid), "-n", "-m", "-p", "-i", "-u", "--")
        return subprocess.Popen(
            [*enter, *argv], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )


@contextmanager
def ceph_cluster(node: PrivateNode, directory: Path) -> Iterator[CephCluster]:
    """A running Ceph for the length of a ``with`` block; the node takes it down."""
    cluster = CephCluster(node, directory)
    cluster.up()
    yield cluster
