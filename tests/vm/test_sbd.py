"""SBD with softdog: a node that is cut off resets itself, with no power switch to help it."""

import time
from collections.abc import Callable, Iterator
from xml.etree import ElementTree

import pytest

from tests.vm.cluster import WITNESS, Cluster

pytestmark = [pytest.mark.vm, pytest.mark.timeout(1800)]
Measured = Callable[[str, float], None]

SETTINGS = """\
SBD_PACEMAKER=yes
SBD_STARTMODE=always
SBD_DELAY_START=no
SBD_WATCHDOG_DEV=/dev/watchdog
SBD_WATCHDOG_TIMEOUT={watchdog}
SBD_TIMEOUT_ACTION=flush,reboot
"""


@pytest.fixture
def self_fencing(cluster: Cluster) -> Iterator[Cluster]:
    """SBD without a disk on every node, and a power switch that nobody may use."""
    watchdog = cluster.site.timing.watchdog // 1000
    settings = SETTINGS.format(watchdog=watchdog)
    try:
        restart_with(cluster, f"echo '{settings}' >/etc/default/sbd; systemctl -q enable sbd")
        first = cluster.nodes[0]
        cluster.run(first, f"crm_attribute -n stonith-watchdog-timeout -v {2 * watchdog}s")
        for device in fence_devices(cluster):
            cluster.run(first, f"crm_resource --meta -r {device} -p target-role -v Stopped")
        for device in fence_devices(cluster):
            cluster.wait_stopped(device)
        yield cluster
    finally:
        cluster.make_whole()
        first = cluster.nodes[0]
        for device in fence_devices(cluster):
            cluster.run(first, f"crm_resource --meta -r {device} -d target-role")
        cluster.run(first, "crm_attribute -n stonith-watchdog-timeout -D")
        restart_with(cluster, "systemctl -q disable sbd")


def restart_with(cluster: Cluster, change: str) -> None:
    """Stop the cluster everywhere, change something, start it again."""
    for command in ("systemctl stop pacemaker corosync", change, "systemctl start pacemaker"):
        cluster.on_all(command)
    cluster.make_whole()


def fence_devices(cluster: Cluster) -> list[str]:
    said = cluster.run(cluster.nodes[0], "cibadmin --query --scope resources")
    found = ElementTree.fromstring(said).iterfind(".//primitive[@class='stonith']")
    return sorted(each.get("id", "") for each in found)


def test_a_node_that_is_cut_off_resets_itself(self_fencing: Cluster, measured: Measured) -> None:
    cluster = self_fencing
    victim = cluster.place_of(WITNESS, cluster.nodes[0])
    since, began = time.time(), time.monotonic()
    cluster.lab.cut(victim)
    cluster.wait("its watchdog has reset it", lambda: cluster.happened(victim, "RESET", since))
    measured("cut off to reset by the watchdog", time.monotonic() - began)
    cluster.wait_moved(WITNESS, victim)
    measured("cut off to recovered elsewhere", time.monotonic() - began)
    assert cluster.power_uses(victim, since) == [], "the power switch had nothing to do with it"
