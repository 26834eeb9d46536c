"""What happened is compared with what was foreseen."""

from __future__ import annotations

from lxml import etree
from lxml.etree import _Element

from hactl.cib.history import failures
from hactl.result.compare import Difference, Observation, differences
from hactl.simulate.effect import Effect, What
from hactl.simulate.transition import Placed, Transition
from tests.hactl.cibs import cib


def test_a_guest_that_runs_where_it_should_is_no_difference() -> None:
    start = effect(What.STARTS, target="node1")
    assert found(start, after=ran("node1", "start")) == ()


def test_a_guest_that_runs_nowhere_is_a_grave_difference() -> None:
    start = effect(What.STARTS, target="node1")
    (difference,) = found(start, here=())
    assert difference == Difference("web1", "should run on node1, runs nowhere", grave=True)


def test_a_guest_that_runs_elsewhere_is_said_and_not_grave() -> None:
    start = effect(What.STARTS, target="node1")
    (difference,) = found(start, here=("node2",))
    assert difference == Difference("web1", "should run on node1, runs on node2")


def test_an_instance_too_few_is_grave() -> None:
    both = tuple(effect(What.STARTS, target=node) for node in ("node1", "node2"))
    missing = differences(both, (), seen(here=("node1",)))
    assert missing == (Difference("web1", "should run on node2, runs on node1", grave=True),)


def test_a_guest_that_should_stop_and_runs_is_grave() -> None:
    (difference,) = found(effect(What.STOPS, "node1"), here=("node1",))
    assert difference.grave
    assert found(effect(What.STOPS, "node1"), here=()) == ()


def test_a_live_migration_is_told_from_a_restart() -> None:
    migrate = effect(What.MIGRATES, "node1", "node2")
    assert found(migrate, here=("node2",), after=ran("node2", "migrate_from")) == ()
    (difference,) = found(migrate, here=("node2",), after=ran("node2", "start"))
    assert difference == Difference("web1", "should have migrated live, was restarted")


def test_a_restart_of_a_guest_that_should_be_left_alone_is_seen() -> None:
    alone = effect(What.STAYS, "node1", "node1")
    before = ran("node1", "start", call="5")
    assert found(alone, before=before, after=ran("node1", "start", call="5")) == ()
    (difference,) = found(alone, before=before, after=ran("node1", "start", call="9"))
    assert difference.text == "should have been left alone on node1, restarted"


def test_a_reload_is_on_record_as_a_start_and_no_restart() -> None:
    reload = effect(What.STAYS, "node1", "node1", why="reloads: memory 1 -> 2")
    before = ran("node1", "start", call="5")
    assert found(reload, before=before, after=ran("node1", "start", call="9")) == ()


def test_a_new_failure_is_said_and_an_old_one_is_not() -> None:
    start = effect(What.STARTS, target="node1")
    old = ran("node1", "monitor", code="1", call="5")
    new = ran("node1", "start", code="1", call="9")
    assert found(start, before=old, after=old) == ()
    (difference,) = found(start, before=old, after=new)
    assert str(difference) == "web1: start on node1 failed: no such file"


def test_a_fencing_nobody_foresaw_is_grave() -> None:
    seen_fencing = seen(fenced=("node2",))
    assert differences((), ("node2",), seen_fencing) == ()
    assert differences((), (), seen_fencing)[0].grave


def test_a_probe_that_finds_nothing_or_something_is_no_failure() -> None:
    for code in ("0", "5", "7", "8"):
        assert not failures(ran("node1", "monitor", code=code, interval="0"))
    assert failures(ran("node1", "monitor", code="1", interval="0"))


def test_a_degraded_resource_has_not_failed() -> None:
    assert not failures(ran("node1", "monitor", code="190"))
    assert failures(ran("node1", "monitor", code="7"))


def effect(what: What, source: str = "", target: str = "", why: str = "") -> Effect:
    return Effect("web1", "web1", "guest", what, source, target, why)


def found(
    predicted: Effect,
    here: tuple[str, ...] = ("node1",),
    before: _Element | None = None,
    after: _Element | None = None,
) -> tuple[Difference, ...]:
    return differences((predicted,), (), seen(here, before, after))


def seen(
    here: tuple[str, ...] = (),
    before: _Element | None = None,
    after: _Element | None = None,
    fenced: tuple[str, ...] = (),
) -> Observation:
    transition = Transition((), (), {"web1": Placed(here)})
    return Observation(
        cib() if before is None else before, cib() if after is None else after, transition, fenced
    )


def ran(
    node: str, operation: str, code: str = "0", call: str = "5", interval: str = "10000"
) -> _Element:
    """A CIB in which one operation on web1 is on record."""
    live = cib()
    resources = live.find(f"status/node_state[@uname='{node}']/lrm/lrm_resources")
    assert resources is not None
    resource = etree.SubElement(resources, "lrm_resource", id="web1")
    record = {
        "operation": operation,
        "rc-code": code,
        "op-status": "0",
        "call-id": call,
        "interval": interval,
        "last-rc-change": "1",
        "transition-key": "1:1:0:x",
        "exit-reason": "no such file",
    }
    etree.SubElement(resource, "lrm_rsc_op", record)
    return live
