"""A gateway of iSCSI on a real cluster: an initiator writes on while its group moves or is lost."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from hactl.lab.lab import Lab
from tests.cluster.labs import Eventually
from tests.support.iscsi.pair import INITIATOR, TARGET, Writing, writer

pytestmark = [
    pytest.mark.cluster,
    *(
        pytest.mark.skipif(shutil.which(tool) is None, reason=f"{tool} is not installed")
        for tool in ("tgtd", "iscsi-inq")
    ),
]
ADDRESS = "10.77.10.60"
TOPOLOGY = f"""\
cluster: {{name: gateway, token: 1s, dc_deadtime: 2s}}
nodes:
  node1: {{links: [10.77.1.1, 10.77.2.1], fencing: {{power: {{plug: node1}}}}}}
  node2: {{links: [10.77.1.2, 10.77.2.2], fencing: {{power: {{plug: node2}}}}}}
  node3: {{links: [10.77.1.3, 10.77.2.3], fencing: {{power: {{plug: node3}}}}}}
fencing: {{devices: {{power: {{agent: fence_lab, socket: /lab/power.sock}}}}}}
networks:
  san: {{kind: bridge, bridge: br-san, ports: [eth2]}}
gateways:
  disks:
    kind: iscsi
    backend: tgt
    address: {ADDRESS}/24
    network: san
    iqn: {TARGET}
    luns: [{{path: /srv/vms/disk}}]
    initiators: [{INITIATOR}]
"""


@pytest.fixture
def gateway(lab: Lab, eventually: Eventually) -> Iterator[Gateway]:
    assert lab.exec("node1", "truncate", "-s", "16M", "/srv/vms/disk").returncode == 0
    topology = TOPOLOGY.replace("name: gateway", f"name: {lab.name}")
    lab.write("node1", "/run/t.yaml", topology.encode())
    words = ("hactl", "apply", "/run/t.yaml", "--yes", "--allow-disruption")
    done = lab.exec("node1", *words, timeout=180)
    assert done.returncode == 0, done.stdout + done.stderr
    found = Gateway(lab, eventually)
    eventually(lambda: found.node(), "the gateway runs")
    yield found
    found.stop()


class Gateway:
    """The group, as an operator sees it."""

    def __init__(self, lab: Lab, eventually: Eventually) -> None:
        self.lab, self.eventually = lab, eventually

    def node(self) -> str:
        """Where the target runs; '' while it does not."""
        said = self.ask("crm_resource", "--locate", "-r", "disks-target", "--quiet")
        return said.strip().splitlines()[0] if said.strip() else ""

    def ask(self, *argv: str) -> str:
        return self.lab.exec(self.witness, *argv).stdout

    @property
    def witness(self) -> str:
        """A node that is on."""
        on = [node["name"] for node in self.lab.status()["nodes"] if node["power"] == "on"]
        return str(on[0])

    @contextmanager
    def writing(self) -> Iterator[Writing]:
        with self.lab.entrance("client") as entrance:
            command = entrance.command(writer(f"{ADDRESS}:3260", TARGET))
            writing = Writing(command, entrance.descriptors)
        try:
            writing.goes_on()
            yield writing
        finally:
            writing.end()

    # what befalls it

    def move(self) -> None:
        was = self.node()
        assert self.lab.exec(was, "crm_resource", "--move", "-r", "disks").returncode == 0
        self.eventually(lambda: self.node() not in ("", was), "the group has moved", 60)
        assert self.lab.exec(was, "crm_resource", "--clear", "-r", "disks").returncode == 0

    def lose_power(self) -> None:
        was = self.node()
        self.lab.kill(was)
        self.eventually(lambda: self.node() not in ("", was), "another node serves", 60)

    def flush(self) -> None:
        """As `systemctl reload nftables` does on Debian."""
        was = self.node()
        assert self.lab.exec(was, "nft", "flush", "ruleset").returncode == 0
        self.eventually(lambda: "disks-gate" in self.failures(), "it is missed", 40)
        self.eventually(lambda: self.node() and self.gate_is_open(), "it is mended", 60)

    def stop(self) -> None:
        """Pacemaker 2.1.5 may leave a group running whose configuration is removed under it."""
        self.ask("crm_resource", "--cleanup")
        self.ask("crm_resource", "-r", "disks", "--meta", "-p", "target-role", "-v", "Stopped")
        self.eventually(lambda: not self.node(), "the group stops", 60)

    def failures(self) -> str:
        """The operations that crm_mon shows as failed."""
        return self.ask("crm_mon", "-1").partition("Failed Resource Actions")[2]

    def gate_is_open(self) -> bool:
        listing = self.lab.exec(self.node(), "nft", "list", "table", "inet", "hactl-gate-disks")
        return "accept\n" in listing.stdout


@pytest.mark.parametrize(
    "befalls",
    [
        Gateway.move,
        pytest.param(Gateway.lose_power, marks=pytest.mark.extended),
        pytest.param(Gateway.flush, marks=pytest.mark.extended),
    ],
)
def test_a_writer_sees_no_error_and_loses_nothing(
    gateway: Gateway, befalls: Callable[[Gateway], None]
) -> None:
    with gateway.writing() as writing:
        befalls(gateway)
        writing.goes_on()
        report = writing.report()
    assert report.is_clean, report
    assert report.refused == 0, report


@pytest.mark.extended
@pytest.mark.timeout(900)
def test_nor_does_it_across_twenty_failovers(gateway: Gateway) -> None:
    ways = [Gateway.move, Gateway.lose_power] * 10
    random.Random(20).shuffle(ways)
    with gateway.writing() as writing:
        for befalls in ways:
            befalls(gateway)
            writing.goes_on()
            gateway.lab.wait_formed(90)
        report = writing.report()
    assert report.is_clean, report
    assert report.refused == 0, report
    assert report.acknowledged > len(ways) * 200
