"""A drill of a DC that boots faster than Corosync misses it: it is said, and the node is back."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from hactl.lab.lab import Lab
from hactl.lab.lab_spec import LabSpec
from hactl.lab.start import up
from tests.cluster.labs import (
    FENCED_BY_LAB,
    Eventually,
    lab_name,
    running,
    skip_without_a_cluster_stack,
)

pytestmark = [pytest.mark.cluster, pytest.mark.extended]

TOKEN = 5000  # milliseconds; a node of the lab boots in two seconds
EARLY = "was up again before Corosync had missed it (11 s of silence)"


@pytest.fixture
def slow_to_miss() -> Iterator[Lab]:
    skip_without_a_cluster_stack()
    lab = up(LabSpec(lab_name("early"), 3, TOKEN))
    yield lab
    lab.down()


def test_a_dc_that_is_back_too_early_is_started_afresh(
    slow_to_miss: Lab, eventually: Eventually
) -> None:
    lab = slow_to_miss
    modify = ["cibadmin", "--modify", "--allow-create", "-p"]
    assert lab.exec("node1", *modify, stdin=FENCED_BY_LAB).returncode == 0
    eventually(lambda: "fence\t" in running(lab), "fence_lab runs")
    lost = lab.formation("node1").dc
    here = next(node for node in lab.nodes if node != lost)
    eventually(
        lambda: "S_IDLE" in lab.exec(here, "crmadmin", "-S", lost).stdout, "the DC is idle", 60
    )

    argv = ("hactl", "fence", "drill", lost, "--yes", "--format", "json", "--timeout", "90s")
    done = lab.exec(here, *argv, timeout=240)

    made = json.loads(done.stdout)
    assert (done.returncode, made["proven"]) == (0, True), done.stderr
    (level,) = made["levels"]
    assert level["seconds"]["back"] is not None, level
    # it may also come up a moment too late to hear of its own fencing; then nothing is to be done
    for note in level["notes"]:
        assert EARLY in note
        assert "it was fenced once more to start afresh, and is back" in note
    assert "waiting for" in done.stderr, "who looks on without a terminal is told"
    eventually(lambda: set(lab.formation(here).online) == set(lab.nodes), "all are online", 60)
    assert lab.formation(here).dc != lost
