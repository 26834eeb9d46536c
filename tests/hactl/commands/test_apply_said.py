"""What `hactl apply`, `plan` and `mend` say: whose cluster it is, and what has been left in it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from lxml import etree

from hactl.cib.temporary import Leftover, hold, leftovers, put_on_trial
from hactl.live import cibfile
from tests.hactl.cibs import ONLINE, cib, dummy_text, text
from tests.hactl.commands.place import NODES, Place
from tests.hactl.contracts import violations
from tests.hactl.scheduler import needs_scheduler

pytestmark = needs_scheduler
APPLY = "20261201T033000Z-node1"
VERBS = ("plan", "apply")


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_another_cluster_is_refused_with_both_names_and_the_mend(place: Place) -> None:
    place.write("cib.xml", text(cib(nodes=NODES)).replace('value="demo"', 'value="prod"'))
    before = (place.directory / "cib.xml").read_bytes()
    for verb in VERBS:
        done = place.hactl(verb, "t.yaml", "--cib", "cib.xml")
        assert done.returncode == 1
        assert "this is cluster 'prod', with the nodes node1, node2, node3" in done.stderr
        assert "the topology is for 'demo'" in done.stderr
        assert "--adopt-cluster prod" in done.stderr
        assert len(done.stderr.splitlines()) == 1
    assert (place.directory / "cib.xml").read_bytes() == before
    adopted = place.hactl("apply", "t.yaml", "--cib", "cib.xml", "--adopt-cluster", "prod")
    assert adopted.returncode == 0, adopted.stderr


def test_a_cluster_is_adopted_by_its_own_name_only(place: Place) -> None:
    done = place.hactl("plan", "t.yaml", "--cib", "cib.xml", "--adopt-cluster", "prod")
    assert done.returncode == 1
    assert "--adopt-cluster prod: this is cluster 'demo'" in done.stderr


@pytest.mark.parametrize("name", ["", "demo"])
def test_a_cluster_that_has_none_of_the_nodes_is_another_one(place: Place, name: str) -> None:
    others = NODES.replace("node", "host").replace("<host", "<node")
    place.write("cib.xml", text(cib(nodes=others)).replace('value="demo"', f'value="{name}"'))
    for verb in VERBS:
        done = place.hactl(verb, "t.yaml", "--cib", "cib.xml")
        assert done.returncode == 1
        assert "they have none in common; run hactl on a node of 'demo'" in done.stderr


@pytest.mark.parametrize("name", ["", "demo"])
def test_a_cluster_that_is_new_or_nameless_is_anybodys(place: Place, name: str) -> None:
    place.write("cib.xml", text(cib(nodes=NODES)).replace('value="demo"', f'value="{name}"'))
    assert place.hactl("plan", "t.yaml", "--cib", "cib.xml").returncode == 0


def test_one_reason_and_many_are_each_said_by_hactl_once(place: Place) -> None:
    place.write("cib.xml", text(cib(dummy_text("d1"), nodes=NODES)))
    one = place.hactl("apply", "t.yaml", "--cib", "cib.xml").stderr.splitlines()
    place.write("cib.xml", text(cib(dummy_text("d1"), nodes=NODES.replace("node3", "node4"))))
    two = place.hactl("apply", "t.yaml", "--cib", "cib.xml").stderr.splitlines()
    assert [len(one), len(two)] == [1, 2]
    assert all(line.count("hactl: ") == 1 and line.startswith("hactl: ") for line in one + two)
    assert one[0].endswith("nothing was changed") and two[-1].endswith("nothing was changed")


@pytest.mark.parametrize("more", [(), ("--dry-run",)])
def test_apply_reports_as_json_and_nothing_else(place: Place, more: tuple[str, ...]) -> None:
    done = place.hactl("apply", "t.yaml", "--cib", "cib.xml", "--format", "json", *more)
    made = json.loads(done.stdout)
    assert violations(made, "apply.schema.json") == []
    assert violations(made["plan"], "plan.schema.json") == []
    assert made["committed"] is not bool(more)


def test_what_an_apply_left_behind_is_shown_by_plan_and_mended(place: Place) -> None:
    leave_behind(place)
    planned = place.hactl("plan", "t.yaml", "--cib", "cib.xml")
    made = json.loads(place.hactl("plan", "t.yaml", "--cib", "cib.xml", "--format=json").stdout)
    assert "d2 is kept from running, because it was to be removed: written by the hactl apply" in (
        planned.stdout
    )
    assert [(left["resource"], left["what"]) for left in made["leftovers"]] == [
        ("d2", "hold"), ("d3", "trial"),
    ]  # fmt: skip
    assert violations(made, "plan.schema.json") == []
    dry = place.hactl("mend", "--cib", "cib.xml", "--dry-run")
    assert "d2 is kept from running" in dry.stdout and len(left_in(place)) == 2
    mended = place.hactl("mend", "--cib", "cib.xml")
    assert mended.returncode == 0, mended.stderr
    assert [left.about for left in left_in(place)] == ["d3"], "it has not run yet"
    assert "d3 stays on trial, until an apply has seen it run" in mended.stdout


def test_what_has_run_since_is_no_longer_on_trial(place: Place) -> None:
    leave_behind(place, started("d3"))
    assert place.hactl("mend", "--cib", "cib.xml").returncode == 0
    assert left_in(place) == ()
    assert place.hactl("mend", "--cib", "cib.xml").stdout == "nothing to mend\n"


def test_apply_of_any_topology_takes_away_what_was_left_behind(place: Place) -> None:
    leave_behind(place)
    applied = place.hactl("apply", "t.yaml", "--cib", "cib.xml")
    assert applied.returncode == 0, applied.stderr
    assert left_in(place) == ()


def test_what_somebody_has_changed_since_is_not_taken_away_unasked(place: Place) -> None:
    leave_behind(place)
    tree = cibfile.read(place.directory / "cib.xml")
    rule = tree.find(".//rsc_location/rule")
    assert rule is not None
    rule.set("score", "-500")
    place.write("cib.xml", text(tree))
    for words in (("apply", "t.yaml"), ("mend",)):
        refused = place.hactl(*words, "--cib", "cib.xml")
        assert refused.returncode == 1
        assert "d2" in refused.stderr and "--overwrite-edits" in refused.stderr
    assert len(left_in(place)) == 2
    assert place.hactl("mend", "--cib", "cib.xml", "--overwrite-edits").returncode == 0
    assert [left.about for left in left_in(place)] == ["d3"]


def test_copies_of_the_cib_do_not_outlive_the_next_command(place: Place) -> None:
    killed = (
        "import os\nfrom hactl.live.scratch import scratch\n"
        "with scratch() as found:\n"
        "    (found / 'old.xml').write_text('secret')\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    temporary = place.directory / "tmp"
    environment = {"TMPDIR": str(temporary), "PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run([sys.executable, "-c", killed], env=environment, check=False)
    assert done.returncode == -signal.SIGKILL
    assert list(temporary.rglob("old.xml")), "the detector fires"
    (temporary / "hactl-cib-theirs").symlink_to(place.directory)
    place.hactl("plan", "t.yaml", "--cib", "cib.xml")
    assert [path.name for path in temporary.iterdir()] == ["hactl-cib-theirs"]
    assert (place.directory / "cib.xml").exists()


def started(name: str) -> str:
    """The status of a cluster in which it runs on node1."""
    record = f'<lrm_rsc_op id="{name}_last_0" operation="start" interval="0" rc-code="0"/>'
    resource = f'<lrm_resource id="{name}" type="Dummy" class="ocf">{record}</lrm_resource>'
    return ONLINE.replace("<lrm_resources/>", f"<lrm_resources>{resource}</lrm_resources>", 1)


def leave_behind(place: Place, status: str = ONLINE) -> None:
    live = cib(dummy_text("d2") + dummy_text("d3"), nodes=NODES, status=status)
    hold(live, ["d2"], APPLY)
    new = live.find(".//primitive[@id='d3']")
    assert new is not None
    put_on_trial(new, APPLY)
    place.write("cib.xml", etree.tostring(live, encoding="unicode"))


def left_in(place: Place) -> tuple[Leftover, ...]:
    return leftovers(cibfile.read(place.directory / "cib.xml"))
