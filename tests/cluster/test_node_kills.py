"""A node is lost, fenced and recovered, again and again.

    HACTL_KILLS=20 pytest tests/cluster/test_node_kills.py

Times are printed and not asserted, but for a bound no healthy recovery comes near; the figures a
quiet machine gives stand in docs/explanation/recovery.md.
"""

import os
import statistics
from collections.abc import Iterator

import pytest

from benchmarks import node_kills
from hactl.lab.lab import Lab
from hactl.lab.lab_spec import LabSpec
from hactl.lab.start import up
from tests.cluster.labs import lab_name, skip_without_a_cluster_stack

KILLS = int(os.environ.get("HACTL_KILLS", "3"))
FAR_TOO_LONG = 30.0  # seconds

pytestmark = pytest.mark.cluster


@pytest.fixture
def bare_lab() -> Iterator[Lab]:
    skip_without_a_cluster_stack()
    lab = up(LabSpec(lab_name("kills")))
    yield lab
    lab.down()


@pytest.mark.timeout(120 + 30 * KILLS)
def test_every_kill_is_fenced_before_the_resource_is_recovered(bare_lab: Lab) -> None:
    node_kills.prepare(bare_lab)
    found = list(node_kills.kills(bare_lab, KILLS))
    for recovery in found:
        print(recovery)
        assert recovery.detected < recovery.fenced < recovery.started < FAR_TOO_LONG
    started = [recovery.started for recovery in found]
    print(f"median {statistics.median(started):.2f} s, worst {max(started):.2f} s")
    assert len(found) == KILLS
