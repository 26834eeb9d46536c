"""The slim copy gives the same answer as the whole CIB, and says nothing it does not know."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest
from lxml import etree
from lxml.etree import _Element

from hactl.live.runner import Runner
from hactl.simulate.scenario import all_online, has_status, slim
from hactl.simulate.scheduler import answer
from tests.hactl.cibs import cib, dummy_text, text
from tests.hactl.scheduler import corpus, needs_corpora, needs_scheduler, runner, settled

# All 400 were compared when the rule was made; HACTL_EXHAUSTIVE=1 compares them again.
SAMPLED = 1 if os.environ.get("HACTL_EXHAUSTIVE") else 8


@needs_scheduler
def test_probes_that_found_nothing_are_left_out(tmp_path: Path) -> None:
    live = settled(cib(dummy_text("a") + dummy_text("b")), tmp_path)
    assert len(live.findall(".//lrm_resource")) == 6
    assert len(slim(live).findall(".//lrm_resource")) == 2
    assert len(live.findall(".//lrm_resource")) == 6, "the input stays untouched"


@needs_scheduler
def test_probes_stay_where_something_failed(tmp_path: Path) -> None:
    live = settled(cib(dummy_text("a") + dummy_text("b")), tmp_path)
    monitor = live.find(".//lrm_resource[@id='a']/lrm_rsc_op[@interval='10000']")
    assert monitor is not None
    monitor.set("rc-code", "1")
    kept = [resource.get("id") for resource in slim(live).iter("lrm_resource")]
    assert sorted(filter(None, kept)) == ["a", "a", "a", "b"]


@pytest.mark.parametrize(
    "resources",
    [
        '<primitive id="r1" class="ocf" provider="pacemaker" type="remote"/>',
        dummy_text("vm", meta="remote-node=vm-guest"),
        '<bundle id="b"><docker image="x"/></bundle>',
    ],
)
def test_a_cluster_with_remote_nodes_is_left_whole(resources: str) -> None:
    live = cib(resources)
    assert slim(live) is live


def test_a_cib_without_status_gets_every_node_online() -> None:
    live = cib(status="")
    assert not has_status(live)
    online = all_online(live)
    assert has_status(online)
    assert [state.get("uname") for state in online.iter("node_state")] == [
        "node1",
        "node2",
        "node3",
    ]
    assert not has_status(live), "the input stays untouched"


def test_a_remote_node_is_not_taken_to_be_online_by_itself() -> None:
    nodes = '<node id="1" uname="node1"/><node id="r" uname="r" type="remote"/>'
    assert len(all_online(cib(nodes=nodes, status="")).findall(".//node_state")) == 1


@needs_corpora
@needs_scheduler
def test_slim_copies_of_other_peoples_cibs_lead_to_the_same_actions(tmp_path: Path) -> None:
    different = []
    for path in list(corpus())[::SAMPLED]:
        whole = etree.parse(str(path)).getroot()
        pacemaker = runner(tmp_path)
        if actions(whole, pacemaker) != actions(slim(whole), pacemaker):
            different.append(path.name)
    assert different == []


def actions(cib: _Element, pacemaker: Runner) -> tuple[Counter[tuple[str, ...]], object]:
    found = answer(text(cib).encode(), pacemaker)
    said = ((a.verb, a.resource, a.source, a.target, str(a.blocked)) for a in found.actions)
    return Counter(said), found.fencing
