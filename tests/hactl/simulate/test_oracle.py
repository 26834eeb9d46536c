"""The scheduler is asked, and what it does not answer nobody makes up."""

from __future__ import annotations

from pathlib import Path

import pytest

from hactl.simulate.scheduler import CannotSimulate, simulate
from hactl.simulate.transition import Action
from tests.hactl.cibs import cib, dummy_text
from tests.hactl.scheduler import Canned, needs_scheduler, runner, settled


@needs_scheduler
def test_a_new_resource_is_started(tmp_path: Path) -> None:
    found = simulate(cib(dummy_text("web1")), runner(tmp_path))
    assert found.actions == (Action("start", "web1", "web1", target="node1"),)
    assert not found.quiet


@needs_scheduler
def test_a_settled_cluster_has_nothing_to_do(tmp_path: Path) -> None:
    found = simulate(settled(cib(dummy_text("web1")), tmp_path), runner(tmp_path))
    assert found.quiet
    assert found.running("web1") == ("node1",)


@needs_scheduler
def test_no_copy_of_the_cib_is_left_behind(tmp_path: Path) -> None:
    simulate(cib(dummy_text("web1")), runner(tmp_path))
    assert list(tmp_path.iterdir()) == []


@needs_scheduler
def test_a_feature_set_newer_than_the_tools_is_simulated_or_said_to_be_unknown(
    tmp_path: Path,
) -> None:
    live = cib(dummy_text("web1"))
    live.set("crm_feature_set", "3.99.0")
    try:
        assert simulate(live, runner(tmp_path)).actions
    except CannotSimulate as problem:
        assert "feature set is 3.99.0" in problem.message


def test_an_answer_that_is_about_no_node_is_no_answer() -> None:
    """What crm_simulate of Pacemaker 3.0.3 says to a CIB of a newer feature set."""
    said = b"""<transition_graph/><pacemaker-result><cluster_status>
      <nodes/></cluster_status><actions/><status code="0" message="OK"/></pacemaker-result>"""
    with pytest.raises(CannotSimulate, match="reads nothing of this CIB"):
        simulate(cib(dummy_text("web1")), Canned(said))


@needs_scheduler
def test_a_cib_the_scheduler_refuses_is_no_quiet_cluster(tmp_path: Path) -> None:
    live = cib(dummy_text("web1"))
    live.set("validate-with", "pacemaker-3.99")
    with pytest.raises(CannotSimulate, match=r"Invalid configuration|Error occurred"):
        simulate(live, runner(tmp_path))


@pytest.mark.parametrize(
    ("scheduler", "said"),
    [
        (Canned(returncode=-6), "died of signal 6"),
        (Canned(b"<pacemaker-result/>"), "without an answer"),
        (Canned(b"not xml"), "without an answer"),
        (Canned(b"<pacemaker-result><actions/></pacemaker-result>"), "without an answer"),
        (Canned(b"<pacemaker-result><actions/></pacemaker-result>", returncode=1), "exited 1"),
        (Canned(b"", b"error: out of memory\nmore\n", 70), "out of memory"),
    ],
)
def test_no_answer_is_no_prediction(scheduler: Canned, said: str) -> None:
    with pytest.raises(CannotSimulate, match=said):
        simulate(cib(), scheduler)


def test_nothing_is_executed_or_injected() -> None:
    scheduler = Canned(b"<transition_graph/><pacemaker-result><actions/></pacemaker-result>")
    simulate(cib(nodes=""), scheduler)
    (argv,) = scheduler.asked
    assert not {"-S", "--simulate", "-f", "--node-fail", "-X"} & set(argv)
