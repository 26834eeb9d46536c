"""What `hactl fence drill` says, and who is reminded of it; tests/cluster has the drill itself."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from lxml import etree

from hactl.cli import hactl
from hactl.fencing.configuration import Level, fencing
from hactl.live.fencing.drill import Outcome
from hactl.live.fencing.permit import Refused, about_level, about_node, about_state, shortened
from hactl.report.drill import document, dry, intended, text
from hactl.simulate.loss import Loss, Move
from hactl.status.values import FencingStatus, NodeStatus, ResourceStatus, State, Status
from tests.hactl.contracts import violations
from tests.hactl.fencing.sites import site

LEVEL = Level("node3", 1, ("bmc",))
SECONDS = {"fenced": 2.5, "lost": 2.4, "recovered": 4.9, "back": 9.0}
PROVEN = Outcome(LEVEL, "", SECONDS, {"web1": ("node1", 4.9)})
FAILED = Outcome(Level("node3", 2, ("pdu", "left")), "No such device", {}, {}, ("look at it",))
MINIMAL = "cluster: {name: demo}\nnodes: {node1: {}, node2: {}, node3: {}}\n"


@pytest.mark.parametrize("outcomes", [[], [PROVEN], [PROVEN, FAILED]])
def test_the_json_keeps_its_contract(outcomes: list[Outcome]) -> None:
    made = document("node3", outcomes)
    assert violations(json.loads(json.dumps(made)), "drill.schema.json") == []
    assert made["proven"] is (outcomes == [PROVEN])


def test_a_drill_is_told_in_the_order_of_what_happened() -> None:
    said = text("node3", [PROVEN, FAILED])
    moments = ["Corosync has lost it", "the device says off", "its services run", "it is back"]
    assert sorted(moments, key=said.index) == moments
    assert "web1 on node1 after 4.9 s" in said
    assert "level 2 (pdu, left)" in said and "not proven: No such device" in said


def test_what_would_be_interrupted_is_told_first() -> None:
    said = intended("node3", [LEVEL], Loss("node3", (Move("web1", "node3", "node1"),), (), ()))
    assert "web1  node3 -> node1" in said
    assert "Nothing" in intended("node3", [LEVEL], Loss("node3", (), (), ()))


def test_what_would_happen_is_told_as_json_too() -> None:
    foreseen = Loss("node3", (Move("web1", "node3", "node1"),), (), ())
    made = dry("node3", [LEVEL], foreseen)
    assert violations(json.loads(json.dumps(made)), "drill.schema.json") == []
    assert made["foreseen"]["moves"] == [{"resource": "web1", "from": "node3", "to": "node1"}]


def test_where_nobody_can_be_asked_yes_has_to_be_said() -> None:
    done = CliRunner().invoke(hactl, ["fence", "drill", "node3"], standalone_mode=False)
    assert "say --yes" in str(done.exception)


@pytest.mark.parametrize(("node", "said"), [("node9", "no node 'node9'"), ("node1", "this is")])
def test_a_node_has_to_be_another_one_of_this_cluster(node: str, said: str) -> None:
    assert said in "".join(about_node(site(), node, "node1"))
    assert list(about_node(site(), "node3", "node1")) == []


def test_a_level_needs_devices_that_are_there() -> None:
    found = fencing(site())
    assert list(about_level(found, LEVEL)) == []
    assert "not a device" in "".join(about_level(found, Level("node3", 1, ("bmc", "gone"))))
    assert list(about_level(found, Level("node3", 1, ("watchdog",)))) == []
    off = fencing(site(enabled=False))
    assert "switched off" in "".join(about_level(off, LEVEL))


def cluster(**differently: object) -> Status:
    well: dict[str, object] = {
        "cluster": "demo", "quorate": True, "dc": "node1", "failures": (), "fencing": (),
        "nodes": tuple(NodeStatus(f"node{number}", "online") for number in (1, 2, 3)),
        "resources": (ResourceStatus("web1", "guest", State.RUNNING, ("node3",)),),
        "fencing_enabled": True, "maintenance": False,
    }  # fmt: skip
    return Status(**{**well, **differently})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("differently", "said"),
    [
        ({"quorate": False}, "there is no quorum"),
        ({"dc": ""}, "there is no DC"),
        ({"maintenance": True}, "maintenance mode"),
        ({"nodes": (NodeStatus("node2", "unclean"),)}, "node2 is unclean"),
        ({"nodes": (NodeStatus("node2", "standby"),)}, ""),
        ({"resources": (ResourceStatus("web1", "guest", State.FAILED),)}, "web1 is failed"),
        ({"resources": (ResourceStatus("web1", "guest", State.DISABLED),)}, ""),
        ({"fencing": (FencingStatus("node2", "reboot", "pending", ""),)}, "just being fenced"),
        ({"fencing": (FencingStatus("node2", "reboot", "failed", ""),)}, ""),
    ],
)
def test_only_a_cluster_in_order_can_lose_a_node_on_purpose(
    differently: dict[str, object], said: str
) -> None:
    reasons = list(about_state(cluster(**differently)))
    assert len(reasons) == (1 if said else 0)
    assert said in "".join(reasons)


def test_every_reason_is_a_line_and_many_are_counted() -> None:
    assert Refused(["a", "b"]).printed() == "hactl: no drill: a\nhactl: no drill: b"
    assert shortened([str(number) for number in range(8)])[-1] == "and 3 more"


def test_a_check_of_a_file_reminds_of_drills_where_it_is_given_a_cluster(tmp_path: Path) -> None:
    file, cib = tmp_path / "cluster.yaml", tmp_path / "cib.xml"
    file.write_text(MINIMAL)
    cib.write_bytes(etree.tostring(site()))
    alone = CliRunner().invoke(hactl, ["check", str(file)])
    assert "drill" not in alone.output
    told = CliRunner().invoke(hactl, ["check", str(file), "--cib", str(cib)])
    assert "no level of fencing has ever been proven by a drill" in told.output
