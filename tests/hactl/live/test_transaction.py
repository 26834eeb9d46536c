"""An apply of several commits on a cluster that Pacemaker's scheduler plays: what it leaves."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from lxml import etree
from lxml.etree import _Element

from hactl.cib.merge import merge
from hactl.cib.ownership import mark
from hactl.cib.temporary import hold, leftovers, put_on_trial
from hactl.commands.mend import mended
from hactl.errors import HactlError
from hactl.live import cibfile
from hactl.live.apply import Outcome, apply
from hactl.live.ledger import Ledger
from hactl.live.operator import Options
from hactl.live.transaction import Transaction
from hactl.plan.diff import changes
from hactl.plan.plan import planned
from hactl.plan.stages import STAGES, Stage
from hactl.report.plan_json import document, fingerprint
from hactl.result.conclusion import Ended
from tests.hactl.cibs import dummy, dummy_text, wanted
from tests.hactl.live.cluster_on_file import Cluster, Hook, nothing, world
from tests.hactl.live.disk_then_web import DISK_THEN_WEB, old, start
from tests.hactl.live.somebody import Somebody
from tests.hactl.scheduler import needs_scheduler, runner

pytestmark = needs_scheduler
ON = '<nvpair id="hactl-stonith" name="fencing-enabled" value="true"/>'
APPLY = "20261201T033000Z-node3"


def test_what_goes_is_stopped_and_then_removed(tmp_path: Path) -> None:
    here = start(tmp_path)
    want = wanted(dummy("stays", memory="2"))
    outcome = carry_out(here, want)
    assert outcome.committed
    assert outcome.differences == ()
    assert as_wanted(here, want, tmp_path)


def test_a_recorded_plan_goes_through_all_its_commits(tmp_path: Path) -> None:
    here, want = start(tmp_path), wanted(dummy("stays", memory="2"))
    plan = planned(here.cib(), want, runner(tmp_path)).plan
    recorded = {**document(plan), "fingerprint": fingerprint(plan)}
    assert carry_out(here, want, recorded=recorded).committed
    assert as_wanted(here, want, tmp_path)


def test_a_new_resource_is_on_trial_until_it_runs(tmp_path: Path) -> None:
    here, seen = start(tmp_path), []

    def looks(_number: int, argv: Any) -> None:
        if argv[:2] == ("cibadmin", "--query"):
            seen.extend(str(left.what) for left in leftovers(here.cib()))

    want = wanted(*old(), dummy("new"), constraints=DISK_THEN_WEB)
    outcome = carry_out(here, want, hook=looks)
    assert outcome.differences == ()
    assert set(seen) == {"trial"}
    assert as_wanted(here, want, tmp_path)


def test_a_new_resource_that_neither_starts_nor_stops_fences_nobody(tmp_path: Path) -> None:
    fails = [f"bad_{op}_0@node{n}=1" for op in ("start", "stop") for n in (1, 2, 3)]
    here = start(tmp_path, fails)
    before = here.cib()
    want = wanted(*old(), dummy("bad"), constraints=DISK_THEN_WEB)
    with pytest.raises(Ended, match="so the configuration was taken back") as problem:
        carry_out(here, want)
    assert problem.value.standing == "taken back"
    assert here.fenced == []
    assert changes(before, here.cib()) == ()


def test_what_another_apply_put_on_trial_and_has_not_run_is_still_new(tmp_path: Path) -> None:
    """It was killed while it took that back: nothing has failed on record any more."""
    here = left_on_trial_and_held(tmp_path)
    want = wanted(*old(), dummy("bad"), constraints=DISK_THEN_WEB)
    with pytest.raises(Ended, match="did not go as predicted"):
        carry_out(here, want)
    assert here.fenced == []


def test_what_is_taken_back_does_not_put_back_what_another_apply_left(tmp_path: Path) -> None:
    here = left_on_trial_and_held(tmp_path)
    want = wanted(*old(), dummy("bad"), dummy("more"), constraints=DISK_THEN_WEB)
    with pytest.raises(Ended, match="so the configuration was taken back"):
        carry_out(here, want)
    assert [left.about for left in leftovers(here.cib()) if left.what == "hold"] == []


def test_what_is_held_already_is_forgotten_all_the_same_before_it_goes(tmp_path: Path) -> None:
    """Whoever wrote the same before: an apply that forgot only what it held would fence."""
    here = left_blocked(tmp_path, held=True)

    def of_the_same_name(ledger: Ledger, *args: Any) -> Transaction:
        ledger.name = APPLY
        return Transaction(ledger, *args)

    want = wanted(*old(), constraints=DISK_THEN_WEB)
    assert carry_out(here, want, transaction=of_the_same_name).committed
    assert here.fenced == []
    assert as_wanted(here, want, tmp_path)


def test_what_did_not_stop_is_not_removed_while_the_cluster_remembers(tmp_path: Path) -> None:
    """The detector fires: without the stage that has it forgotten."""
    here = left_blocked(tmp_path)
    with pytest.raises(HactlError, match=r"bad cannot be stopped on \w+: removed, it would fence"):
        carry_out(here, wanted(*old(), constraints=DISK_THEN_WEB), stages=STAGES[1:])
    assert here.fenced == []
    assert "bad" in configured(here)


def test_what_cannot_be_stopped_stays_and_fences_nobody(tmp_path: Path) -> None:
    here = left_blocked(tmp_path)
    here.lasting = True
    with pytest.raises(HactlError, match="bad cannot be stopped on"):
        carry_out(here, wanted(*old(), constraints=DISK_THEN_WEB))
    assert here.fenced == []
    assert "bad" in configured(here)


@pytest.mark.parametrize("on_fail", ["block", "fence", "standby"])
def test_what_never_came_to_its_stop_is_stopped_on_trial_before_it_goes(
    on_fail: str, tmp_path: Path
) -> None:
    """Blocked by its start, it is no longer known to fail once it is removed; and does not stop."""
    here = left_blocked(tmp_path, on_start=on_fail)
    want = wanted(*old(), constraints=DISK_THEN_WEB)
    assert carry_out(here, want).committed
    assert here.fenced == []
    assert as_wanted(here, want, tmp_path)


@pytest.mark.parametrize("on_fail", ["block", "fence", "standby"])
@pytest.mark.parametrize("heals", ["apply", "mend"])
def test_a_trial_does_not_end_where_that_would_take_a_node_now_or_once_it_goes(
    on_fail: str, heals: str, tmp_path: Path
) -> None:
    here = left_blocked(tmp_path, on_start=on_fail)
    if heals == "mend":
        mended(world(here), allow_disruption=False, overwrite_edits=False)
    else:
        want = wanted(*old(), declared("bad", on_fail), constraints=DISK_THEN_WEB)
        carry_out(here, want)
    assert [left.about for left in leftovers(here.cib())] == ["bad"]
    assert carry_out(here, wanted(*old(), constraints=DISK_THEN_WEB)).committed
    assert (here.fenced, here.emptied) == ([], [])


def left_blocked(directory: Path, on_start: str = "", held: bool = False) -> Cluster:
    """Return a cluster where an apply died once ``bad`` had failed, on trial; also its stop does.

    ``on_start`` is what the topology says of a start that fails.
    """
    fails = [f"bad_{op}_0@node{n}=1" for op in ("start", "stop") for n in (1, 2, 3)]
    here = start(directory, fails)
    want = wanted(*old(), declared("bad", on_start), constraints=DISK_THEN_WEB)
    live = merge(here.cib(), want)
    put_on_trial(primitive(live, "bad"), APPLY)
    here.write(live)
    here.settled_at = ""
    if held:
        live = here.cib()
        hold(live, ["bad"], APPLY)
        here.write(live)
        here.settled_at = ""
    here.cib()
    return here


def declared(name: str, on_start: str) -> _Element:
    """Return a resource whose topology says what follows where its start fails."""
    made = etree.fromstring(dummy_text(name))
    if on_start:
        op = {"id": f"{name}-start-interval-0s", "name": "start", "interval": "0s"}
        etree.SubElement(made[-1], "op", op | {"on-fail": on_start})
    return mark(made, "guest")


def configured(here: Cluster) -> set[str]:
    found = here.cib().iterfind("configuration/resources/primitive")
    return {each.get("id", "") for each in found}


def primitive(cib: _Element, name: str) -> _Element:
    found = cib.find(f".//primitive[@id='{name}']")
    assert found is not None
    return found


def left_on_trial_and_held(directory: Path) -> Cluster:
    fails = [f"bad_{op}_0@node{n}=1" for op in ("start", "stop") for n in (1, 2, 3)]
    here = start(directory, fails)
    live = merge(here.cib(), wanted(*old(), dummy("bad"), constraints=DISK_THEN_WEB))
    put_on_trial(primitive(live, "bad"), APPLY)
    hold(live, ["bad", "stays"], APPLY)
    here.write(live)
    here.settled_at = ""
    here.cib()
    return here


@pytest.mark.parametrize(
    ("way_out", "code"), [(KeyboardInterrupt(), 130), (SystemExit(143), 143)], ids=str
)
@pytest.mark.parametrize(
    ("commits", "said"),
    [
        (0, "interrupted; nothing was changed"),
        (1, "interrupted; so far disk, web1 kept from running"),
        (2, "interrupted; the configuration is committed and stays"),
    ],
)
def test_an_interruption_says_what_has_been_written(
    way_out: BaseException, code: int, commits: int, said: str, tmp_path: Path
) -> None:
    here, left = start(tmp_path), [way_out]

    def interrupts(number: int, argv: Any) -> None:
        if number > 5 and here.sent == commits and argv[0] == "crm_simulate" and left:
            raise left.pop()

    with pytest.raises(Ended, match=said) as problem:
        carry_out(here, wanted(dummy("stays", memory="2")), hook=interrupts)
    assert problem.value.exit_code == code


def test_a_machine_without_room_between_two_commits_takes_back_the_first(tmp_path: Path) -> None:
    here = start(tmp_path)
    before, records = here.cib(), here.directory / "records"

    def no_room(_number: int, _argv: Any) -> None:
        if here.sent == 1 and records.is_dir():
            shutil.rmtree(records)
            records.write_text("")

    with pytest.raises(HactlError, match="no way back; all that was written has been taken back"):
        carry_out(here, wanted(dummy("stays", memory="2")), hook=no_room)
    assert changes(before, here.cib()) == ()


def test_a_take_back_is_tried_again_when_others_edit_something_else(tmp_path: Path) -> None:
    here = start(tmp_path, [f"bad_start_0@node{n}=1" for n in (1, 2, 3)])
    edited = []

    def edits_before_each_take_back(_number: int, _argv: Any) -> None:
        if here.sent in (2, 3) and here.sent not in edited:  # after the plan was written
            edited.append(here.sent)
            add_foreign(here, f"theirs-{here.sent}")

    want = wanted(*old(), dummy("bad"), constraints=DISK_THEN_WEB)
    with pytest.raises(Ended, match="so the configuration was taken back"):
        carry_out(here, want, hook=edits_before_each_take_back)
    resources = [each.get("id", "") for each in here.cib().iterfind("configuration/resources/*")]
    assert here.sent == 4
    assert {"theirs-2", "theirs-3"} <= set(resources) and "bad" not in resources


def add_foreign(here: Cluster, name: str) -> None:
    xml = f'<primitive id="{name}" class="ocf" provider="pacemaker" type="Dummy"/>'
    argv = ["cibadmin", "--create", "-o", "resources", "-X", xml]
    subprocess.run(argv, check=True, env=here.environment())


def test_what_fails_only_since_it_was_changed_takes_one_node_and_not_all(tmp_path: Path) -> None:
    here, before = one_that_will_not_stop(tmp_path)
    here.pace = 5
    fails = here.failing
    want = wanted(*changed(), constraints=DISK_THEN_WEB)
    with pytest.raises(Ended, match="did not stop on node2, which is fenced for it") as problem:
        carry_out(here, want, hook=fails_once_changed(here, fails))
    assert problem.value.standing == "taken back"
    here.pace = 0
    assert len(here.fenced) == 1
    assert changes(before, here.cib()) == ()


def test_without_an_alarm_it_takes_one_node_after_the_other(tmp_path: Path) -> None:
    """The detector fires: the cluster by itself, with the new configuration."""
    here, before = one_that_will_not_stop(tmp_path)
    here.write(merge(before, wanted(*changed(), constraints=DISK_THEN_WEB)))
    here.settled_at = ""
    here.cib()
    assert len(here.fenced) > 1


def fails_once_changed(here: Cluster, fails: tuple[str, ...]) -> Hook:
    """Something fails for as long as its parameter is the new one."""

    def looks(_number: int, _argv: Any) -> None:
        pair = cibfile.read(here.file).find(".//primitive[@id='stays']//nvpair[@name='memory']")
        here.failing = fails if pair is not None and pair.get("value") == "2" else ()

    return looks


def one_that_will_not_stop(directory: Path) -> tuple[Cluster, _Element]:
    here = start(directory)
    fails = [f"stays_{op}_0@node{n}=1" for op in ("start", "stop") for n in (1, 2, 3)]
    here.failing = tuple(fails)
    return here, here.cib()


def changed() -> list[_Element]:
    return [*old()[:2], dummy("stays", memory="2")]


def carry_out(
    here: Cluster,
    want: _Element,
    hook: Hook = nothing,
    stages: Sequence[Stage] = STAGES,
    transaction: Callable[..., Transaction] = Transaction,
    **options: Any,
) -> Outcome:
    allowed = {"allow_disruption": True, **options}
    given = Options(here.directory / "records", **allowed)
    return apply(world(here, hook), want, given, Somebody(), transaction, stages)


def as_wanted(here: Cluster, want: _Element, directory: Path) -> bool:
    return not planned(here.cib(), want, runner(directory)).plan.changes
