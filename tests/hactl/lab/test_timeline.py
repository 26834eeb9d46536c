"""Reading a recovery from what the logs, the power switch and a client wrote down."""

from datetime import datetime

from hactl.lab import timeline
from hactl.lab.prober import Sample

LOST_AT = datetime(2026, 11, 21, 2, 43, 50).astimezone().timestamp()
LOG = """\
Nov 21 02:43:49.000 node1 pacemaker-controld  [40] (x) \tnotice: Node node3 state is now lost | old
Nov 21 02:43:52.076 node2 pacemaker-based     [35] (x) \tnotice: Node node3 state is now lost | id=3
Nov 21 02:43:53.084 node2 pacemaker-controld  [40] (x) \tnotice: Node node3 state is now lost | id=3
Nov 21 02:43:54.156 node2 pacemaker-controld  [40] (x) \tnotice: Result of start operation for \
web1 on node2: ok | CIB update 72
Nov 21 02:43:54.900 node2 pacemaker-controld  [40] (x) \tnotice: Result of start operation for \
web10 on node2: ok | CIB update 73
Nov 21 02:43:55.000 node2 pacemaker-controld  [40] (x) \tnotice: Result of start operation for \
www1 on node2: error | CIB update 74
a line without a stamp: Node node3 state is now lost
""".splitlines()


def entry(action: str, by: str, after: float) -> dict[str, object]:
    return {"node": "node3", "action": action, "by": by, "time": LOST_AT + after, "took": 0.05}


def samples(*answers: float) -> list[Sample]:
    return [Sample(LOST_AT + after, True, "") for after in answers]


def test_the_first_to_notice_counts() -> None:
    found = timeline.detected(LOG, "node3", LOST_AT)
    assert found is not None
    assert round(found, 3) == 2.076


def test_a_node_nobody_misses_was_not_detected() -> None:
    assert timeline.detected(LOG, "node1", LOST_AT) is None


def test_only_successful_starts_of_the_named_resources_count() -> None:
    found = timeline.started(LOG, ["web1", "www1"], LOST_AT)
    assert {name: round(after, 3) for name, after in found.items()} == {"web1": 4.156}


def test_the_operators_hand_on_the_switch_is_not_fencing() -> None:
    pulled = entry("off", "operator (pid 7)", 0.0)
    assert timeline.fenced([pulled], "node3", LOST_AT) is None
    assert timeline.fenced([entry("on", "node3", 1.0)], "node3", LOST_AT) is None


def test_fencing_ends_when_the_switch_has_done_its_work() -> None:
    history = [entry("off", "operator (pid 7)", 0.0), entry("on", "node1", 4.0)]
    found = timeline.fenced(history, "node3", LOST_AT)
    assert found is not None
    assert round(found, 2) == 4.05


def test_an_outage_lasts_from_the_last_answer_to_the_next() -> None:
    gap = timeline.longest_outage(samples(-0.1, 0.0, 3.5, 3.6), LOST_AT, LOST_AT + 3.6)
    assert (round(gap.seconds, 3), gap.back) == (3.5, LOST_AT + 3.5)


def test_silence_to_the_end_has_no_way_back() -> None:
    gap = timeline.longest_outage(samples(-0.1, 0.5), LOST_AT, LOST_AT + 9.0)
    assert (round(gap.seconds, 3), gap.back) == (8.5, None)


def test_no_answer_at_all_is_an_outage_all_the_time() -> None:
    assert timeline.longest_outage([], LOST_AT, LOST_AT + 5.0) == timeline.Outage(5.0, None)
