"""A machine that dies, panics or hangs is fenced, and its work goes on elsewhere."""

import time
from collections.abc import Callable

import pytest

from tests.vm.cluster import WITNESS, Cluster

pytestmark = [pytest.mark.vm, pytest.mark.timeout(1200)]
Measured = Callable[[str, float], None]


def test_a_power_cut_is_recovered_from_and_the_machine_comes_back(
    cluster: Cluster, measured: Measured
) -> None:
    victim = cluster.place_of(WITNESS, cluster.nodes[0])
    since = time.time()
    cluster.lab.power(victim, "off")
    measured("power cut to recovered", cluster.wait_moved(WITNESS, victim))
    assert_fenced(cluster, victim, since)


def test_a_kernel_panic_is_fenced(cluster: Cluster, measured: Measured) -> None:
    victim = cluster.place_of(WITNESS, cluster.nodes[0])
    since = time.time()
    # the panicking kernel answers nobody any more, the shell that asked for it included
    cluster.run(victim, "echo 0 >/proc/sys/kernel/panic; (sleep 1; echo c >/proc/sysrq-trigger) "
                        ">/dev/null 2>&1 &")  # fmt: skip
    measured("kernel panic to recovered", cluster.wait_moved(WITNESS, victim))
    assert_fenced(cluster, victim, since)


def test_a_frozen_machine_is_off_before_its_work_goes_on(
    cluster: Cluster, measured: Measured
) -> None:
    victim = cluster.place_of(WITNESS, cluster.nodes[0])
    since = time.time()
    cluster.lab.freeze(victim)
    measured("frozen to recovered", cluster.wait_moved(WITNESS, victim))
    assert_fenced(cluster, victim, since)
    frozen = {node["name"] for node in cluster.lab.status()["nodes"] if node["frozen"]}
    assert victim not in frozen, "it could still wake up and write"


def assert_fenced(cluster: Cluster, victim: str, since: float) -> None:
    """Others used the power switch: off, where it was not off already, and on again."""
    uses = cluster.fencing_of(victim, since)
    assert all(use["by"] != victim for use in uses)
    was_off = any(use["action"] == "off" for use in cluster.power_uses(victim, since))
    assert was_off, "its work was taken over while it may still have been running"
    assert uses[-1]["action"] == "on"
