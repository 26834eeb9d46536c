"""Whatever is mixed, Pacemaker does it in the right order, and no more than is needed."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from hactl.cib import document as cib_document
from hactl.model.cluster import Cluster
from hactl.model.resource import Operation, primitives
from tests.hactl.mixes import mixes
from tests.hactl.pacemaker import needs_pacemaker
from tests.hactl.topologies import cluster_of
from tests.hactl.transitions import Need, Step, lowers, needs, step, users, wrongs

pytestmark = needs_pacemaker
FEW = settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))


class Running:
    """A topology in which everything runs, as the scheduler would have started it."""

    def __init__(self, document: dict[str, Any], folder: Path) -> None:
        self.folder = folder
        self.cluster: Cluster = cluster_of(json.dumps(document))
        self.wanted = needs(document, self.cluster)
        cold = folder / "cold.xml"
        cold.write_bytes(cib_document.text(cib_document.cib(self.cluster)))
        self.started = step(cold, folder / "settled.xml")

    @property
    def all(self) -> set[str]:
        found = (unit for unit in self.cluster.resources if unit.kind != "fencing")
        return {primitive.id for unit in found for primitive in primitives(unit)}

    def after(self, *what: str) -> Step:
        return step(self.started.end, self.folder / "after.xml", *what)

    def in_standby(self, node: str) -> Step:
        root = etree.parse(str(self.started.end)).getroot()
        (element,) = root.xpath("//nodes/node[@uname=$name]", name=node)
        own = etree.SubElement(element, "instance_attributes", id="t-attributes")
        etree.SubElement(own, "nvpair", id="t-standby", name="standby", value="on")
        changed = self.folder / "standby.xml"
        changed.write_bytes(etree.tostring(root))
        return step(changed, self.folder / "after.xml")

    def failed(self, primitive: str, node: str) -> Step:
        role = "Promoted" if (primitive, node) in self.started.promoted else "Unpromoted"
        check = next(op for op in self.checks(primitive) if op.options.get("role", role) == role)
        return self.after("-i", f"{primitive}_monitor_{check.interval}@{node}=1")

    def checks(self, name: str) -> list[Operation]:
        every = (each for unit in self.cluster.resources for each in primitives(unit))
        (found,) = (each for each in every if each.id == name)
        return [op for op in found.operations if op.name == "monitor" and not op.depth]


@FEW
@given(mixes())
def test_all_of_it_starts_in_order_and_then_rests(document: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        run = Running(document, Path(folder))
        assert {name for name, _ in run.started.after} == run.all
        assert wrongs(run.started, run.wanted) == []
        assert run.after().idle


@FEW
@given(mixes(), st.data())
def test_a_node_that_goes_disturbs_no_other(document: dict[str, Any], data: st.DataObject) -> None:
    node = data.draw(st.sampled_from(sorted(document["nodes"])))
    with tempfile.TemporaryDirectory() as folder:
        run = Running(document, Path(folder))
        for seen in (run.in_standby(node), run.after("-f", node)):
            assert wrongs(seen, run.wanted) == []
            assert {place for place in seen.interrupted if place[1] != node} == set()


@FEW
@given(mixes(), st.data())
def test_what_fails_disturbs_only_what_needs_it(
    document: dict[str, Any], data: st.DataObject
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        run = Running(document, Path(folder))
        if not run.started.after:
            return
        failed, node = data.draw(st.sampled_from(sorted(run.started.after)))
        seen = run.failed(failed, node)
        assert wrongs(seen, run.wanted) == []
        assert {place for place in seen.interrupted if place[1] != node} == set()
        moved = lowers(run.wanted, users(run.wanted, failed))
        assert {name for name, _ in seen.interrupted} <= moved or seen.graph.fences


# Mixes in which a part once stayed down for want of a place, all others running.
IMAGE = {f"v{n}": {"kind": "rbd", "image": f"p/{n}"} for n in range(3)}
NEAR = {"kind": "directory", "path": "/srv", "device": "nas:/srv"}


def of_three(**sections: Any) -> dict[str, Any]:
    return {
        "cluster": {"name": "demo"},
        "nodes": {name: {"fencing": {"bmc": None}} for name in ("n1", "n2", "n3")},
        "fencing": {"devices": {"bmc": {"agent": "fence_lab"}}},
        **sections,
    }


def target(number: int, *luns: Any, **more: Any) -> dict[str, Any]:
    found = {"kind": "iscsi", "iqn": f"iqn.2026-11.demo:{number}", "luns": list(luns)}
    secret = {"file": f"/etc/hactl/{number}"}
    return {**found, "address": f"10.8.{number}.7/24", "chap": secret, **more}


def in_vg(volume: str) -> dict[str, str]:
    return {"storage": "vg", "volume": volume}


ON_V2 = {**IMAGE, "vg": {"kind": "lvm", "vg": "vg", "devices": ["v2"]}}
APART = {"t1": ["t0"], "t2": ["t0", "t1"]}
MEETING = {
    "an image beside a volume group that lies on another": of_three(
        storage=ON_V2, gateways={"t0": target(0, "v0", in_vg("l")), "t1": target(1, "v1")}
    ),
    "two that share a volume group, each with an image beside it": of_three(
        storage=ON_V2,
        gateways={"t0": target(0, "v0", in_vg("a")), "t1": target(1, "v1", in_vg("b"))},
    ),
    "as many that stay apart as there are nodes": of_three(
        storage=IMAGE,
        gateways={f"t{n}": target(n, f"v{n}", apart=APART.get(f"t{n}", [])) for n in range(3)},
    ),
    "addresses and images that stay apart": of_three(
        storage={**IMAGE, "home": NEAR},
        containers={
            f"t{n}": {
                "path": f"/srv/t{n}",
                "address": f"10.9.9.{n + 1}/24",
                "storage": [f"v{n}"],
                "apart": APART.get(f"t{n}", []),
            }
            for n in range(3)
        },
    ),
    "a container with an address together with a gateway": of_three(
        storage={**IMAGE, "home": NEAR},
        containers={"c": {"path": "/srv/c", "address": "10.9.9.1/24", "together": ["t0"]}},
        gateways={"t0": target(0, "v0"), "t1": target(1, "v1"), "t2": target(2, "v2")},
    ),
}


@pytest.mark.parametrize("document", MEETING.values(), ids=MEETING)
def test_what_has_to_meet_meets_and_rests(document: dict[str, Any], tmp_path: Path) -> None:
    run = Running(document, tmp_path)
    assert {name for name, _ in run.started.after} == run.all
    assert wrongs(run.started, run.wanted) == []
    assert run.after().idle


@pytest.mark.parametrize("need", [Need("g0", "lan-bridge"), Need("lan-bridge", "g0")])
def test_a_need_that_no_constraint_says_would_be_seen(need: Need, tmp_path: Path) -> None:
    """The detectors fire: one of the two starts first, and a guest may not outlive what is firm."""
    document = of_three(
        networks={"lan": {"kind": "bridge", "bridge": "br0"}},
        storage=IMAGE,
        guests={"g0": {"cpus": 1, "memory": "1GiB", "disks": ["v0"], "nics": ["lan"]}},
    )
    run = Running(document, tmp_path)
    (node,) = {node for name, node in run.started.after if name == "g0"}
    seen = [run.started, run.failed("lan-bridge", node)]
    assert [said for each in seen for said in wrongs(each, [need])]
