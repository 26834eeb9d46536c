"""`hactl plan`, `apply` and `status` as they are called, on CIB files."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from tests.hactl.cibs import cib, text
from tests.hactl.commands.place import NODES, RAW, Place
from tests.hactl.contracts import violations
from tests.hactl.scheduler import needs_scheduler
from tests.hactl.topologies import BASE

pytestmark = needs_scheduler


def test_a_plan_is_made_applied_and_then_there_is_nothing_left_to_do(place: Place) -> None:
    planned = place.hactl("plan", "t.yaml", "--cib", "cib.xml")
    assert planned.returncode == 0, planned.stderr
    assert "+ raw d1" in planned.stdout
    assert "d1" in planned.stdout.partition("Other resources")[2]
    applied = place.hactl("apply", "t.yaml", "--cib", "cib.xml")
    assert applied.returncode == 0, applied.stderr
    assert applied.stdout.endswith("Written to cib.xml.\n")
    again = place.hactl("apply", "t.yaml", "--cib", "cib.xml")
    assert again.returncode == 0, again.stderr
    assert "No changes. What is shown above the cluster does by itself." in again.stdout


def test_the_json_of_a_plan_keeps_its_contract(place: Place) -> None:
    done = place.hactl("plan", "t.yaml", "--cib", "cib.xml", "--format", "json")
    made = json.loads(done.stdout)
    assert violations(made, "plan.schema.json") == []
    assert made["simulated"] is True


def test_the_environment_may_name_the_file_as_pacemakers_tools_have_it(place: Place) -> None:
    done = place.hactl("plan", "t.yaml", CIB_file="cib.xml")
    assert "+ raw d1" in done.stdout


@pytest.mark.parametrize(("applied", "code"), [(False, 2), (True, 0)])
def test_the_detailed_exit_code_says_whether_anything_changes(
    place: Place, applied: bool, code: int
) -> None:
    if applied:
        place.hactl("apply", "t.yaml", "--cib", "cib.xml")
    done = place.hactl("plan", "t.yaml", "--cib", "cib.xml", "--detailed-exitcode")
    assert done.returncode == code


def test_without_the_scheduler_a_plan_is_no_plan(place: Place) -> None:
    broken = cib()
    broken.set("validate-with", "pacemaker-1.0")
    broken.set("unknown", "attribute")
    place.write("cib.xml", text(broken))
    done = place.hactl("plan", "t.yaml", "--cib", "cib.xml", "--format", "json")
    assert done.returncode == 1
    assert "no changes" not in done.stdout.lower()


def test_a_kept_plan_is_private_and_is_carried_out_exactly_or_not_at_all(place: Place) -> None:
    place.hactl("plan", "t.yaml", "--cib", "cib.xml", "-o", "plan.json")
    file = place.directory / "plan.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert violations(json.loads(file.read_text()), "plan.schema.json") == []
    place.write("t.yaml", BASE + RAW.replace("fake: one", "fake: two"))
    changed = place.hactl("apply", "t.yaml", "--cib", "cib.xml", "--plan", "plan.json")
    assert changed.returncode == 1
    assert "would now do something else" in changed.stderr
    place.write("t.yaml", BASE + RAW)
    assert place.hactl("apply", "t.yaml", "--cib", "cib.xml", "--plan", "plan.json").returncode == 0
    stale = place.hactl("apply", "t.yaml", "--cib", "cib.xml", "--plan", "plan.json")
    assert stale.returncode == 1
    assert "make a new plan; nothing was changed" in stale.stderr


@pytest.mark.parametrize("content", ["", "{}", "[1]", "\x00"])
def test_what_is_no_plan_is_a_wrong_use(place: Place, content: str) -> None:
    place.write("plan.json", content)
    done = place.hactl("apply", "t.yaml", "--cib", "cib.xml", "--plan", "plan.json")
    assert done.returncode == 2
    assert "plan.json: not a plan" in done.stderr


def test_a_topology_with_errors_gets_no_plan(place: Place) -> None:
    place.write("t.yaml", BASE.replace("lan:", "lan: {knid: bridge}\n  lan2:"))
    for verb in ("plan", "apply"):
        done = place.hactl(verb, "t.yaml", "--cib", "cib.xml")
        assert done.returncode == 1
        assert "t.yaml:" in done.stderr
        assert "Traceback" not in done.stderr


def test_a_node_the_cluster_does_not_have_is_refused(place: Place) -> None:
    place.write("cib.xml", text(cib(nodes=NODES.replace("node3", "other"))))
    for verb in ("plan", "apply"):
        done = place.hactl(verb, "t.yaml", "--cib", "cib.xml")
        assert done.returncode == 1
        assert (
            "hactl: node3: the cluster has no such node, it has node1, node2, other" in done.stderr
        )


def test_a_cluster_that_does_not_answer_is_said(place: Place) -> None:
    for words in (["plan", "t.yaml"], ["apply", "t.yaml"], ["status"]):
        done = place.hactl(*words)
        assert done.returncode == 1
        assert "no Pacemaker answers on this machine" in done.stderr
        assert "no changes" not in done.stdout.lower()


def test_a_timeout_needs_a_unit(place: Place) -> None:
    done = place.hactl("apply", "t.yaml", "--cib", "cib.xml", "--timeout", "soon")
    assert done.returncode == 2
    assert "'soon' is not a time" in done.stderr


def test_status_reads_a_file_and_says_what_is_wrong(place: Place) -> None:
    done = place.hactl("status", "--cib", "cib.xml")
    assert done.returncode == 1
    assert "fencing is disabled" in done.stdout
    made = json.loads(place.hactl("status", "--cib", "cib.xml", "--format", "json").stdout)
    assert violations(made, "status.schema.json") == []


@pytest.mark.parametrize("words", [["plan", "t.yaml"], ["apply", "t.yaml"], ["status"]])
def test_a_full_disk_behind_standard_output_is_said_and_nothing_is_written(
    place: Place, words: list[str]
) -> None:
    before = (place.directory / "cib.xml").read_bytes()
    with open("/dev/full", "wb") as full:  # noqa: PTH123
        done = place.hactl(*words, "--cib", "cib.xml", stdout=full)
    assert done.returncode == 1
    assert "standard output cannot be written" in done.stderr
    assert "Traceback" not in done.stderr
    assert (place.directory / "cib.xml").read_bytes() == before


def test_colours_are_for_terminals(place: Place) -> None:
    assert "\033" not in place.hactl("plan", "t.yaml", "--cib", "cib.xml", NO_COLOR="").stdout


def test_no_copy_of_the_cib_stays_anywhere(place: Place) -> None:
    place.hactl("apply", "t.yaml", "--cib", "cib.xml")
    assert list((place.directory / "tmp").iterdir()) == []


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)
