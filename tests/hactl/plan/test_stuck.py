"""What failed and was not seen to stop: what takes its node, and what is spared by its trial."""

from __future__ import annotations

import pytest
from lxml import etree
from lxml.etree import _Element

from hactl.cib.temporary import put_on_trial
from hactl.plan.stuck import severe, spared, stuck, unstopped
from tests.hactl.cibs import cib, dummy_text

APPLY = "20261201T033000.000001Z-node1"


@pytest.mark.parametrize(
    ("failed", "declared", "taken"),
    [
        ("stop", "", True),
        ("stop", "fence", True),
        ("stop", "block", False),
        ("start", "", False),
        ("start", "fence", True),
        ("start", "standby", True),
        ("start", "restart", False),
    ],
)
def test_what_takes_its_node_is_told_by_the_operation_and_its_on_fail(
    failed: str, declared: str, taken: bool
) -> None:
    live = failing(failed, declared)
    assert severe(live) == ({("r", "node1", failed)} if taken else set())
    put_on_trial(primitive(live), APPLY)
    assert severe(live) == set()
    assert unstopped(live) == {("r", "node1")}


@pytest.mark.parametrize("declared", ["", "block", "fence"])
@pytest.mark.parametrize("failed", ["start", "stop"])
def test_what_never_ran_and_was_not_seen_to_stop_stays_on_trial_and_is_stuck(
    failed: str, declared: str
) -> None:
    live = failing(failed, "" if failed == "stop" else declared)
    put_on_trial(primitive(live), APPLY)
    assert spared(live) == {"r"}
    assert stuck(live, cib()) == {("r", "node1")}
    assert stuck(live, live) == set()


def test_a_stop_that_succeeded_since_ends_it() -> None:
    live = failing("start", "fence")
    put_on_trial(primitive(live), APPLY)
    history = live.find(".//lrm_resource")
    assert history is not None
    history.append(record("stop", "9", "0"))
    assert (unstopped(live), spared(live), stuck(live, cib())) == (set(), set(), set())
    history[-1].set("call-id", "4")
    assert unstopped(live) == {("r", "node1")}, "the stop was before"


@pytest.mark.parametrize("number", ["", "x", "-1", "9" * 5000])
def test_a_record_with_an_odd_number_is_no_traceback(number: str) -> None:
    live = failing("stop", "")
    live.findall(".//lrm_rsc_op")[0].set("call-id", number)
    assert unstopped(live) == {("r", "node1")}


def failing(operation: str, declared: str) -> _Element:
    live = cib(dummy_text("r"))
    if declared:
        op = {"id": f"r-{operation}", "name": operation, "interval": "0s", "on-fail": declared}
        etree.SubElement(primitive(live)[-1], "op", op)
    there = live.find(".//node_state[@uname='node1']/lrm/lrm_resources")
    assert there is not None
    history = etree.SubElement(there, "lrm_resource", id="r")
    history.append(record(operation, "5", "1"))
    return live


def record(operation: str, call: str, code: str) -> _Element:
    known = {"id": f"r_{operation}", "operation": operation, "interval": "0", "call-id": call}
    key = {"transition-key": "1:1:0:x"}
    return etree.Element("lrm_rsc_op", known | key | {"rc-code": code, "op-status": "0"})


def primitive(live: _Element) -> _Element:
    found = live.find(".//primitive")
    assert found is not None
    return found
