"""What happens to a cluster in the lab when its nodes and cables fail: fenced when it must be."""

from __future__ import annotations

import time

import pytest

from hactl.lab.lab import Lab
from tests.cluster.labs import Eventually

pytestmark = pytest.mark.cluster


def fenced(lab: Lab, node: str, since: float) -> bool:
    """Whether another node has used the power switch of ``node`` since then."""
    return any(
        use["node"] == node and use["by"] in lab.nodes
        for use in lab.history()
        if use["time"] > since
    )


def back(lab: Lab, node: str) -> bool:
    return node in lab.formation("node1").online


def test_a_node_that_loses_power_is_fenced_and_comes_back(
    fenced_lab: Lab, eventually: Eventually
) -> None:
    lab, began = fenced_lab, time.time()
    lab.kill("node3")
    assert lab.power("node3", "status") == "off"
    eventually(lambda: fenced(lab, "node3", began), "node3 is fenced", 15)
    eventually(lambda: back(lab, "node3"), "node3 is online again")


def test_a_frozen_node_is_fenced(fenced_lab: Lab, eventually: Eventually) -> None:
    lab, began = fenced_lab, time.time()
    lab.freeze("node3")
    eventually(lambda: fenced(lab, "node3", began), "node3 is fenced", 15)
    eventually(lambda: back(lab, "node3"), "node3 is online again")


def test_losing_one_of_two_links_fences_nobody_and_losing_both_does(
    fenced_lab: Lab, eventually: Eventually
) -> None:
    lab, began = fenced_lab, time.time()
    lab.cut("node3", link=0)
    time.sleep(4)  # longer than token and consensus together
    assert not fenced(lab, "node3", began)
    assert lab.formation().complete(lab.nodes)
    lab.cut("node3", link=1)
    eventually(lambda: fenced(lab, "node3", began), "node3 is fenced", 15)
    lab.heal("node3")
    eventually(lambda: back(lab, "node3"), "node3 is online again")


def test_a_node_that_hears_but_is_not_heard_is_fenced(
    fenced_lab: Lab, eventually: Eventually
) -> None:
    lab, began = fenced_lab, time.time()
    lab.cut("node3", way="out")
    eventually(lambda: fenced(lab, "node3", began), "node3 is fenced", 20)
    lab.heal("node3")
    eventually(lambda: back(lab, "node3"), "node3 is online again")


def test_fencing_by_hand_goes_through_the_power_switch(fenced_lab: Lab) -> None:
    lab, began = fenced_lab, time.time()
    done = lab.exec("node1", "stonith_admin", "--reboot", "node2", timeout=30)
    assert done.returncode == 0, done.stderr
    assert fenced(lab, "node2", began)
    assert lab.power("node2", "status") == "on"


def test_pacemaker_and_pcs_read_the_metadata_of_fence_lab(fenced_lab: Lab) -> None:
    read = fenced_lab.exec("node1", "stonith_admin", "-M", "-a", "fence_lab")
    assert read.returncode == 0
    assert 'name="fence_lab"' in read.stdout
    described = fenced_lab.exec("node1", "pcs", "stonith", "describe", "fence_lab")
    assert described.returncode == 0, described.stderr
    assert "power_timeout" in described.stdout
