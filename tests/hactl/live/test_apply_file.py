"""Apply on a CIB file: what is gated, what is refused, what is written. No cluster is needed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from lxml.etree import _Element

from hactl.errors import ClusterError, ConcurrentEdit
from hactl.live import cibfile
from hactl.live.apply import Outcome, apply
from hactl.live.operator import Options
from hactl.live.pacemaker import Pacemaker
from hactl.live.runner import Runner
from hactl.live.session import World
from hactl.plan.gate import Forbidden
from hactl.plan.plan import Plan, planned
from hactl.report.plan_json import document, fingerprint
from hactl.simulate.scheduler import CannotSimulate
from tests.hactl.cibs import cib, dummy, text, wanted
from tests.hactl.live.somebody import Somebody
from tests.hactl.scheduler import needs_scheduler, runner, settled

pytestmark = needs_scheduler


def test_a_new_guest_is_written_and_recorded(tmp_path: Path) -> None:
    outcome = run(tmp_path, cib(), wanted(dummy("web1")))
    assert outcome.committed
    assert written(tmp_path).find(".//primitive[@id='web1']") is not None
    assert outcome.record is not None
    assert b"web1" not in outcome.record.cib.read_bytes(), "the CIB as it was before"
    assert json.loads(outcome.record.plan.read_bytes())["changes"]


def test_the_same_again_changes_nothing(tmp_path: Path) -> None:
    run(tmp_path, cib(), wanted(dummy("web1")))
    before = (tmp_path / "cib.xml").read_bytes()
    outcome = run(tmp_path, None, wanted(dummy("web1")))
    assert not outcome.committed
    assert outcome.plan.simulated, "'no change' is said only after a simulation"
    assert (tmp_path / "cib.xml").read_bytes() == before


def test_nothing_is_written_without_a_prediction(tmp_path: Path) -> None:
    broken = Broken(runner(tmp_path).env)
    with pytest.raises(CannotSimulate, match="nothing was changed"):
        run(tmp_path, cib(), wanted(dummy("web1")), tools=broken)
    assert written(tmp_path).find(".//primitive") is None
    with pytest.raises(CannotSimulate):
        run(tmp_path, cib(), wanted(), tools=broken)


def test_a_running_guest_is_not_restarted_unasked(tmp_path: Path) -> None:
    live = settled(cib(text(dummy("web1", memory="1"))), tmp_path)
    with pytest.raises(Forbidden, match="web1 would restart; allow it with --allow-disruption"):
        run(tmp_path, live, wanted(dummy("web1", memory="2")))
    assert run(tmp_path, live, wanted(dummy("web1", memory="2")), allow_disruption=True).committed


def test_somebody_at_a_terminal_is_asked_about_a_disruption(tmp_path: Path) -> None:
    live = settled(cib(text(dummy("web1"))), tmp_path)
    no, yes = Somebody(there=True, answer=False), Somebody(there=True)
    with pytest.raises(Forbidden):
        run(tmp_path, live, wanted(), operator=no)
    assert run(tmp_path, live, wanted(), operator=yes, yes=True).committed
    assert no.asked == yes.asked == ["web1 would stop. Go on?"], "--yes does not cover that"


def test_somebody_at_a_terminal_is_asked_about_any_plan_unless_yes(tmp_path: Path) -> None:
    no, quiet = Somebody(there=True, answer=False), Somebody(there=True)
    with pytest.raises(Forbidden, match="not carried out"):
        run(tmp_path, cib(), wanted(dummy("web1")), operator=no)
    run(tmp_path, cib(), wanted(dummy("web1")), operator=quiet, yes=True)
    assert (no.asked, quiet.asked) == (["Carry out this plan?"], [])


def test_a_dry_run_writes_nothing_and_asks_nothing(tmp_path: Path) -> None:
    somebody = Somebody(there=True)
    outcome = run(tmp_path, cib(), wanted(dummy("web1")), operator=somebody, dry_run=True)
    assert not outcome.committed
    assert not somebody.asked
    assert written(tmp_path).find(".//primitive") is None
    assert not (tmp_path / "records").exists()


def test_an_edit_by_hand_is_not_undone_unless_said(tmp_path: Path) -> None:
    edited = dummy("web1", memory="1")
    edited[0][0].set("value", "4096")
    live, want = cib(text(edited)), wanted(dummy("web1", memory="1"))
    with pytest.raises(Forbidden, match=r"edited by hand .*: web1; take the edit into"):
        run(tmp_path, live, want)
    assert run(tmp_path, live, want, overwrite_edits=True).committed


def test_a_recorded_plan_holds_for_its_epoch_only(tmp_path: Path) -> None:
    want = wanted(dummy("web1"))
    recorded = recorded_plan(cib(), want, tmp_path)
    moved = cib()
    moved.set("epoch", "11")
    with pytest.raises(
        ConcurrentEdit, match=r"made at epoch 0\.10, the configuration is now at 0\.11"
    ):
        run(tmp_path, moved, want, recorded=recorded)
    assert run(tmp_path, cib(), want, recorded=recorded).committed


def test_a_recorded_plan_holds_for_its_topology_only(tmp_path: Path) -> None:
    recorded = recorded_plan(cib(), wanted(dummy("web1")), tmp_path)
    with pytest.raises(ConcurrentEdit, match="would now do something else"):
        run(tmp_path, cib(), wanted(dummy("web2")), recorded=recorded)


def test_an_edit_between_reading_and_writing_that_changes_the_plan_is_refused(
    tmp_path: Path,
) -> None:
    def edits_web1() -> None:
        live = written(tmp_path)
        pair = live.find(".//nvpair[@name='memory']")
        assert pair is not None
        pair.set("value", "9999")
        live.set("epoch", "11")
        (tmp_path / "cib.xml").write_text(text(live))

    live = settled(cib(text(dummy("web1", memory="1"))), tmp_path)
    with pytest.raises(ConcurrentEdit, match="no longer the one shown"):
        run(
            tmp_path,
            live,
            wanted(dummy("web1", memory="2")),
            operator=Meddler(edits_web1),
            allow_disruption=True,
        )
    pair = written(tmp_path).find(".//nvpair[@name='memory']")
    assert pair is not None
    assert pair.get("value") == "9999"
    assert list((tmp_path / "records").iterdir()) == [], "no record of what was not done"


def test_an_edit_that_leaves_the_plan_as_it_is_is_kept_and_the_plan_carried_out(
    tmp_path: Path,
) -> None:
    def adds_a_role() -> None:
        live = written(tmp_path)
        live[0].append(cib(more='<acls><acl_role id="operator"/></acls>')[0][-1])
        live.set("epoch", "11")
        (tmp_path / "cib.xml").write_text(text(live))

    assert run(tmp_path, cib(), wanted(dummy("web1")), operator=Meddler(adds_a_role)).committed
    assert written(tmp_path).find(".//acl_role[@id='operator']") is not None
    assert written(tmp_path).find(".//primitive[@id='web1']") is not None


class Meddler(Somebody):
    """Edits the configuration while the plan is being looked at."""

    def __init__(self, edit) -> None:  # type: ignore[no-untyped-def]
        super().__init__()
        self.edit = edit

    def show(self, plan: Plan) -> None:
        super().show(plan)
        self.edit()


class Broken(Runner):
    """A machine on which crm_simulate is killed."""

    def run(self, argv: Any, stdin: bytes = b"", timeout: float = 30.0) -> Any:
        if argv[0] == "crm_simulate":
            return super().run(["/bin/sh", "-c", "kill -9 $$"], b"", timeout)
        return super().run(argv, stdin, timeout)


def run(
    directory: Path,
    live: _Element | None,
    want: _Element,
    operator: Somebody | None = None,
    tools: Runner | None = None,
    **options: Any,
) -> Outcome:
    file = directory / "cib.xml"
    if live is not None:
        file.write_text(text(live))
    tools = tools or runner(directory)
    world = World(Pacemaker(tools, file), tools, directory)
    return apply(world, want, Options(directory / "records", **options), operator or Somebody())


def written(directory: Path) -> _Element:
    return cibfile.read(directory / "cib.xml")


def recorded_plan(live: _Element, want: _Element, directory: Path) -> dict[str, Any]:
    plan = planned(live, want, runner(directory)).plan
    kept = {**document(plan), "fingerprint": fingerprint(plan)}
    return dict(json.loads(json.dumps(kept)))


def test_a_schema_newer_than_the_tools_is_refused(tmp_path: Path) -> None:
    newer = cib()
    newer.set("validate-with", "pacemaker-99.0")
    with pytest.raises(ClusterError, match=r"CIB schema newer than the tools: .*pacemaker-99.0"):
        run(tmp_path, newer, wanted(dummy("web1")))


def test_what_would_break_the_schema_is_not_written(tmp_path: Path) -> None:
    bad = dummy("web1")
    bad.set("unknown", "attribute")
    with pytest.raises(ClusterError, match=r"would break the CIB schema pacemaker-3\.7"):
        run(tmp_path, cib(), wanted(bad))


@pytest.mark.parametrize(
    ("feature_set", "said"),
    [
        (None, r"cib\.xml: its <cib> has no crm_feature_set.*; write crm_feature_set="),
        ("", r"has no crm_feature_set"),
        ("three", r"says crm_feature_set='three'"),
        ("3.99.0", r"its feature set 3\.99\.0 is newer than \d.*; run hactl where the newer"),
    ],
)
def test_a_file_that_the_tools_cannot_write_to_is_refused_before_anything_is_shown(
    feature_set: str | None, said: str, tmp_path: Path
) -> None:
    live, somebody = cib(), Somebody()
    live.attrib.pop("crm_feature_set")
    if feature_set is not None:
        live.set("crm_feature_set", feature_set)
    with pytest.raises(ClusterError, match=said):
        run(tmp_path, live, wanted(dummy("web1")), somebody)
    assert somebody.shown == []
    assert written(tmp_path).find(".//primitive") is None
