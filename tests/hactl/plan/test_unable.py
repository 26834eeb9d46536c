"""A guest that should run and cannot is a failure of an apply, named and with its cause."""

from __future__ import annotations

from pathlib import Path

import pytest
from lxml import etree
from lxml.etree import _Element

from hactl.plan.plan import Plan, planned
from hactl.report.plan_json import document
from hactl.simulate.cause import Kind
from tests.hactl.cibs import cib, dummy, dummy_text, fail, wanted
from tests.hactl.cli import hactl, written
from tests.hactl.contracts import violations
from tests.hactl.scheduler import needs_scheduler, runner
from tests.hactl.topologies import ROOM

pytestmark = needs_scheduler
FOUR = "".join(f"  g{n}: {{cpus: 1, memory: 6GiB, disks: [vms]}}\n" for n in (1, 2, 3, 4))


def plan_of(live: _Element, folder: Path, want: _Element | None = None) -> Plan:
    return planned(live, want if want is not None else wanted(dummy("web1")), runner(folder)).plan


def test_what_can_run_is_not_named(tmp_path: Path) -> None:
    assert plan_of(cib(), tmp_path).unable == ()


@pytest.mark.parametrize("mode", ["maintenance-mode", "stop-all-resources"])
def test_a_new_guest_in_a_cluster_that_starts_nothing_is_named(tmp_path: Path, mode: str) -> None:
    live = cib(properties=f'<nvpair id="m" name="{mode}" value="true"/>')
    (found,) = plan_of(live, tmp_path).unable
    assert found.name == "web1"
    assert found.why is not None
    assert found.why.kind in (Kind.UNMANAGED, Kind.SWITCHED_OFF)


def test_a_guest_that_failed_everywhere_is_named_with_its_reason(tmp_path: Path) -> None:
    live = cib(dummy_text("web1"))
    live.find("configuration/resources/primitive").set("description", "")  # type: ignore[union-attr]
    ours = wanted(dummy("web1"))
    live = planned(cib(), ours, runner(tmp_path)).merged
    for state in live.iterfind("status/node_state"):
        fail(state)
    (found,) = plan_of(live, tmp_path, ours).unable
    assert found.why is not None
    assert (found.why.kind, found.why.hint) == (Kind.FAILED, "pcs resource cleanup web1")


def test_what_an_operator_has_switched_off_is_kept_and_not_named(tmp_path: Path) -> None:
    live = planned(cib(), wanted(dummy("web1")), runner(tmp_path)).merged
    guest = live.find("configuration/resources/primitive[@id='web1']")
    assert guest is not None
    meta = etree.SubElement(guest, "meta_attributes", id="web1-meta_attributes")
    etree.SubElement(meta, "nvpair", id="x", name="target-role", value="Stopped")
    plan = plan_of(live, tmp_path)
    assert [str(switch) for switch in plan.switches] == ["web1: target-role=Stopped"]
    assert plan.unable == ()


def test_what_is_not_ours_is_not_our_failure(tmp_path: Path) -> None:
    ban = "".join(
        f'<rsc_location id="b{n}" rsc="shop" node="node{n}" score="-INFINITY"/>' for n in (1, 2, 3)
    )
    assert plan_of(cib(dummy_text("shop"), ban), tmp_path).unable == ()


def test_what_guests_stand_on_is_named_as_well(tmp_path: Path) -> None:
    ban = "".join(
        f'<rsc_location id="hactl-b{n}" rsc="vms" node="node{n}" score="-INFINITY"/>'
        for n in (1, 2, 3)
    )
    (found,) = plan_of(cib(), tmp_path, wanted(dummy("vms", "storage"), constraints=ban)).unable
    assert (found.name, found.kind) == ("vms", "storage")


def test_the_json_names_it_and_keeps_its_contract(tmp_path: Path) -> None:
    live = cib(properties='<nvpair id="m" name="maintenance-mode" value="true"/>')
    made = document(plan_of(live, tmp_path))
    assert violations(made, "plan.schema.json") == []
    assert [(each["resource"], each["cause"]) for each in made["unable"]] == [
        ("web1", "maintenance")
    ]


def test_an_apply_of_what_cannot_run_fails_and_says_why(tmp_path: Path) -> None:
    """Also to a file, also when there is nothing left to change."""
    text = ROOM + FOUR.replace("6GiB", "5GiB", 1).replace("6GiB", "5GiB", 1)
    file, target = written(tmp_path, text), tmp_path / "cib.xml"
    target.write_bytes(etree.tostring(room_of_three()))
    first = hactl("apply", file, "--cib", str(target), "--yes")
    assert first.returncode == 1, first.stderr
    assert "cannot run." in first.stdout
    assert "runs nowhere: needs" in first.stdout
    again = hactl("apply", file, "--cib", str(target), "--yes")
    assert again.returncode == 1
    assert "runs nowhere: needs" in again.stdout
    text = text.replace("  g4: {cpus: 1, memory: 6GiB, disks: [vms]}\n", "")
    written(tmp_path, text)
    gone = hactl("apply", file, "--cib", str(target), "--yes", "--allow-disruption")
    assert (gone.returncode, gone.stdout.splitlines()[-1]) == (0, f"Written to {target}.")


def room_of_three() -> _Element:
    made = cib()
    name = made.find(".//nvpair[@name='cluster-name']")
    assert name is not None
    name.set("value", "room")
    for node in made.iterfind("configuration/nodes/node"):
        node.set("uname", node.get("uname", "").replace("node", "n"))
    for state in made.iterfind("status/node_state"):
        state.set("uname", state.get("uname", "").replace("node", "n"))
    return made
