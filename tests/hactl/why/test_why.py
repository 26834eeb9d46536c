"""What `hactl why` answers, as it is called."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from lxml import etree
from lxml.etree import _Element

from hactl.cib import document
from tests.hactl.cli import hactl
from tests.hactl.contracts import violations
from tests.hactl.scheduler import needs_scheduler, settled
from tests.hactl.topologies import cluster_of
from tests.hactl.why.planted import FAILED, SHARED, add, section, state, transient

pytestmark = needs_scheduler
HUGE = "  big: {cpus: 1, memory: 26GiB, disks: [vms], nodes: [node2]}\n"


def healthy(folder: Path, text: str = SHARED) -> _Element:
    return settled(document.cib(cluster_of(text)), folder)


def kept(cib: _Element, folder: Path) -> str:
    path = folder / "cib.xml"
    path.write_bytes(etree.tostring(cib))
    return str(path)


def three_ways(folder: Path) -> _Element:
    """web3 is banned from node1, has no room on node2, and has failed three times on node3."""
    text = SHARED.replace("web1: {cpus: 1, memory: 20GiB", "web1: {cpus: 1, memory: 1GiB")
    text = text.replace("web2: {cpus: 1, memory: 20GiB", "web2: {cpus: 1, memory: 1GiB")
    cib = settled(document.cib(cluster_of(text + HUGE)), folder)
    ban = '<rsc_location id="cli-ban-web3-on-node1" rsc="web3" node="node1" score="-INFINITY"/>'
    add(cib, "configuration/constraints", ban)
    now = str(int(time.time()))
    transient(cib, "node3", "fail-count-web3#start_0", "3")
    transient(cib, "node3", "last-failure-web3#start_0", now)
    resources = section(state(cib, "node3"), "lrm/lrm_resources")
    for old in resources.findall("lrm_resource[@id='web3']"):
        resources.remove(old)
    resources.append(etree.fromstring(FAILED.format("web3", "node3", now)))
    return settled(cib, folder)


def test_three_nodes_three_reasons_and_what_would_start_it(tmp_path: Path) -> None:
    path = kept(three_ways(tmp_path), tmp_path)
    done = hactl("why", "web3", "--cib", path)
    lines = done.stdout.splitlines()
    assert (done.returncode, lines[0]) == (0, "web3 runs nowhere")
    assert lines[1] == ("  node1  may not: banned by cli-ban-web3-on-node1, left over from a move")
    assert lines[2].startswith("  node2  cannot: needs 8192MiB memory: ")
    assert lines[3].startswith("  node3  failed here: start of web3 failed 3 times of 3 at 20")
    assert lines[3].endswith(': "no such device"')
    assert lines[4:] == [
        "Any one of these would start it, as simulated:",
        "  on node1: crm_resource --clear --resource web3 --node node1",
        "  on node3: crm_resource --cleanup --resource web3 --node node3",
    ]


def test_one_node_alone_is_asked_about(tmp_path: Path) -> None:
    path = kept(three_ways(tmp_path), tmp_path)
    done = hactl("why", "web3", "--on", "node1", "--cib", path, "--format", "json")
    found = json.loads(done.stdout)
    assert violations(found, "why.schema.json") == []
    assert [at["node"] for at in found["nodes"]] == ["node1"]
    assert (
        hactl("why", "web3", "node1", "--cib", path)
        .stdout.splitlines()[1]
        .startswith("  node1  may not")
    )


def test_what_runs_elsewhere_has_scores(tmp_path: Path) -> None:
    cib = healthy(tmp_path)
    prefer = '<rsc_location id="cli-prefer-web3" rsc="web3" node="node2" score="INFINITY"/>'
    add(cib, "configuration/constraints", prefer)
    path = kept(settled(cib, tmp_path), tmp_path)
    done = hactl("why", "web3", "--on", "node3", "--cib", path)
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert lines[0] == "web3 runs on node2"
    assert "nothing keeps it from there" in lines[1]
    assert lines[2].startswith("  node2 scores INFINITY (cli-prefer-web3 +1000000)")


def test_what_it_stands_on_is_followed(tmp_path: Path) -> None:
    """Its storage failed on one node and is switched off on none: the storage is cleaned up."""
    cib = healthy(tmp_path)
    for node in ("node1", "node2", "node3"):
        transient(cib, node, "fail-count-vms-mount#start_0", "INFINITY")
    path = kept(settled(cib, tmp_path), tmp_path)
    text = hactl("why", "web3", "--cib", path).stdout
    assert "waits for vms: vms-mount failed for good" in text
    assert "crm_resource --cleanup --resource vms-mount --node node" in text


def test_a_clone_is_asked_about_node_by_node(tmp_path: Path) -> None:
    cib = healthy(tmp_path)
    transient(cib, "node2", "fail-count-vms-mount#start_0", "INFINITY")
    path = kept(settled(cib, tmp_path), tmp_path)
    lines = hactl("why", "vms", "--cib", path).stdout.splitlines()
    assert lines[0] == "vms runs on node1, node3"
    assert lines[1].startswith("  node2  failed here: vms-mount failed for good")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["web4"], "there is no resource 'web4'; did you mean 'web"),
        (["web3", "--on", "nod3"], "there is no node 'nod3'; did you mean 'node3'?"),
        (["web3", "node1", "--on", "node2"], "name one node"),
    ],
)
def test_a_name_that_is_not_there_is_said(words: list[str], said: str, tmp_path: Path) -> None:
    path = kept(healthy(tmp_path), tmp_path)
    done = hactl("why", *words, "--cib", path)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr


def test_what_a_plan_foresees(tmp_path: Path) -> None:
    topology = tmp_path / "t.yaml"
    topology.write_text(SHARED + "  big: {cpus: 1, memory: 30GiB, disks: [vms]}\n")
    path = kept(healthy(tmp_path), tmp_path)
    text = hactl("why", "big", "--plan", str(topology), "--cib", path).stdout
    assert text.startswith("big runs nowhere\n")
    assert "cannot: needs 30720MiB memory: " in text


def test_a_plan_and_a_status_say_the_first_of_it(tmp_path: Path) -> None:
    """A ticket is nothing that the short list of causes knows."""
    cib = healthy(tmp_path)
    made = '<rsc_ticket id="t1" rsc="web3" ticket="paris" loss-policy="stop"/>'
    add(cib, "configuration/constraints", made)
    path = kept(settled(cib, tmp_path), tmp_path)
    topology = tmp_path / "t.yaml"
    topology.write_text(SHARED)
    for done in (
        hactl("plan", str(topology), "--cib", path, "--format", "json"),
        hactl("status", "--cib", path),
    ):
        assert "ticket paris is not granted here (t1)" in done.stdout
