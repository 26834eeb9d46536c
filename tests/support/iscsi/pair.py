"""Two private nodes that serve one disk by iSCSI in turn, and an initiator on the same LAN.

The group is what Pacemaker would run: PortGate, IPaddr2, IscsiGateway. Knows how such a pair fails
over, gracefully or not; judges nothing.
"""

import json
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from tests.support.iscsi.writer import Report
from tests.support.private_node import PrivateNode, lacking, private_node, public_folder, wait_until

IPADDR2 = "/usr/lib/ocf/resource.d/heartbeat/IPaddr2"
TARGET = "iqn.2026-11.example.test:disks"
INITIATOR = "iqn.2026-11.example.test:writer"
ADDRESS, PORTAL = "192.0.2.100", "192.0.2.100:3260"
WRITER = Path(__file__).with_name("writer.py")
ADDRESS_OPTIONS = {"ip": ADDRESS, "cidr_netmask": "24", "nic": "eth0"}
__all__ = ["Pair", "Side", "Writing", "lacking", "lan", "pair", "plug_in"]


class Side:
    """One of the two nodes, with the group's three resources."""

    def __init__(self, node: PrivateNode, luns: str, *, gated: bool = True) -> None:
        self.node = node
        self.gated = gated
        self.gate: dict[str, Any] = {"gate": "disks", "portals": PORTAL}
        self.target: dict[str, Any] = {
            "iqn": TARGET, "portals": PORTAL, "backend": "tgt", "luns": luns,
            "initiators": INITIATOR, **({"gate": "disks"} if gated else {}),
        }  # fmt: skip

    def start(self) -> None:
        """In the group's order."""
        if self.gated:
            self.ours("PortGate", "start", **self.gate)
        self.address("start")
        self.ours("IscsiGateway", "start", **self.target)

    def stop(self) -> None:
        """In the reverse of the group's order."""
        self.ours("IscsiGateway", "stop", **self.target)
        self.address("stop")
        if self.gated:
            self.ours("PortGate", "stop", **self.gate)

    def ours(self, agent: str, action: str, **params: Any) -> None:
        name = f"disks-{agent.lower()}"
        done = self.node.call(agent, action, resource=name, timeout=30, **params)
        assert done.returncode == 0, f"{agent} {action}: {done.stderr}"

    def address(self, action: str) -> None:
        env = {f"OCF_RESKEY_{name}": value for name, value in ADDRESS_OPTIONS.items()}
        env |= {"OCF_ROOT": "/usr/lib/ocf", "OCF_RESOURCE_INSTANCE": "disks-address"}
        self.node.run(IPADDR2, action, env=env)

    # sudden ends

    def kill_target(self) -> None:
        self.node.sh("kill -9 $(pgrep -x tgtd)")
        wait_until(lambda: not self.serves(), "tgtd does not die", 10)

    def serves(self) -> bool:
        return self.node.run("pgrep", "-x", "tgtd", check=False).returncode == 0

    def unplug(self) -> None:
        self.node.sh("ip link set eth0 down")

    def come_back(self) -> None:
        """As after a reboot: all is forgotten, and the network works again."""
        self.node.sh(
            "ip addr flush dev eth0; nft flush ruleset; rm -rf /run/hactl; "
            "ip link set eth0 up; ip addr add $(cat /run/address) dev eth0; "
            "test ! -e /run/routes || ip -batch /run/routes"
        )


def writer(portal: str, target: str) -> tuple[str, ...]:
    """The command that writes to LUN 1 of a target."""
    return ("/usr/bin/python3", str(WRITER), portal, target, "1", INITIATOR)


class Writing:
    """A writer under way, and what it tells."""

    def __init__(self, command: Sequence[str], pass_fds: Sequence[int] = ()) -> None:
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, pass_fds=pass_fds,
        )  # fmt: skip
        self.told: dict[str, Any] = {"acknowledged": 0}
        self.listener = threading.Thread(target=self.listen)
        self.listener.start()

    def listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.told = json.loads(line)

    @property
    def acknowledged(self) -> int:
        return int(self.told["acknowledged"])

    def goes_on(self, writes: int = 200, within: float = 40.0) -> None:
        """Wait until so many more writes are acknowledged."""
        enough = self.acknowledged + writes
        wait_until(
            lambda: self.acknowledged >= enough or self.process.poll() is not None,
            f"no more than {self.acknowledged} writes, {enough} were to be", within,
        )  # fmt: skip

    def report(self) -> Report:
        """End the writing, and let it read all back."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(120)
        self.listener.join()
        assert self.process.stderr is not None
        assert "verified" in self.told, self.process.stderr.read()
        return Report(**self.told)

    def end(self) -> None:
        """Also where a test has failed."""
        streams = (self.process.stdin, self.process.stdout, self.process.stderr)
        if streams[0] is not None:
            streams[0].close()
        self.end_process()
        for stream in streams[1:]:
            if stream is not None:
                stream.close()

    def end_process(self) -> None:
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.listener.join()


class Pair:
    """``serving`` is the side that has the group, ``other`` takes over."""

    def __init__(self, serving: Side, other: Side, client: PrivateNode) -> None:
        self.serving, self.other, self.client = serving, other, client

    @contextmanager
    def writing(self) -> Iterator[Writing]:
        enter = ("nsenter", "-t", str(self.client.pid), "-n")
        writing = Writing((*enter, *writer(PORTAL, TARGET)))
        try:
            writing.goes_on()
            yield writing
        finally:
            writing.end()

    def take_over(self) -> None:
        self.serving, self.other = self.other, self.serving
        self.serving.start()

    def move(self) -> None:
        """As Pacemaker moves a group."""
        self.serving.stop()
        self.take_over()

    def lose_power(self) -> None:
        """The node is gone from one moment to the other, and comes back empty."""
        lost = self.serving
        lost.unplug()
        lost.kill_target()
        self.take_over()
        lost.come_back()

    def isolate(self) -> None:
        """The node goes on by itself, without its network, until it is fenced."""
        self.serving.unplug()
        threading.Event().wait(1)
        self.lose_power()

    def crash(self) -> None:
        """tgtd ends for no reason; its node stops what is left, and the other one takes over."""
        self.serving.kill_target()
        self.move()


@contextmanager
def pair(*, gated: bool = True) -> Iterator[Pair]:
    with lan() as (left, right, client), public_folder() as folder:
        disk = folder / "disk"
        with disk.open("wb") as file:
            file.truncate(16 << 20)
        sides = [Side(node, f"1={disk}", gated=gated) for node in (left, right)]
        sides[0].start()
        yield Pair(sides[0], sides[1], client)


@contextmanager
def lan() -> Iterator[tuple[PrivateNode, PrivateNode, PrivateNode]]:
    """Two nodes with an eth0, 192.0.2.2 and 192.0.2.3, and a third that is the switch."""
    with ExitStack() as stack:
        folders = [stack.enter_context(public_folder()) for _ in range(3)]
        left, right, client = (stack.enter_context(private_node(path)) for path in folders)
        client.sh(
            "ip link add lan type bridge; ip link set lan up; ip addr add 192.0.2.1/24 dev lan"
        )
        for number, node in enumerate((left, right), 2):
            plug_in(node, client, number)
        yield left, right, client


def plug_in(node: PrivateNode, client: PrivateNode, number: int) -> None:
    """Give a node its port on the client's bridge, as eth0."""
    into = ["nsenter", "-t", str(client.pid), "-n", "ip", "link", "add", f"port{number}", "type"]
    subprocess.run([*into, "veth", "peer", "name", "eth0", "netns", str(node.pid)], check=True)
    client.sh(f"ip link set port{number} master lan up")
    node.sh(
        f"ip link set eth0 up; ip addr add 192.0.2.{number}/24 dev eth0; "
        f"echo 192.0.2.{number}/24 >/run/address; mkdir -p /run/resource-agents"
    )
