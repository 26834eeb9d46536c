"""What is written for a moment says whose it is, keeps to the schema, and goes without a trace."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from lxml import etree
from lxml.etree import _Element

from hactl.cib import schema
from hactl.cib.canonical import canonical
from hactl.cib.temporary import hold, leftovers, lifted, name, put_on_trial, trials
from tests.hactl.cibs import cib, dummy_text
from tests.hactl.pacemaker import needs_pacemaker

APPLY, OTHER = "20261201T033000Z-node1", "20261201T044500Z-node_2"
ON_FAIL = ("", "fence", "standby", "restart", "ignore", "block")


@needs_pacemaker
@pytest.mark.parametrize("seed", range(40))
def test_what_is_lifted_leaves_no_trace(seed: int) -> None:
    plain = random_cib(Random(seed))
    marked = cib_of(plain)
    for primitive in marked.iterfind("configuration/resources/primitive"):
        put_on_trial(primitive, APPLY)
    hold(marked, ["r0", "r1"], APPLY)
    schema.check(marked)
    assert all(left.proven for left in leftovers(marked))
    assert dict(trials(marked)).keys() <= {"r0", "r1", "r2"}
    assert canonical(lifted(marked)) == canonical(plain)


def test_only_what_would_take_a_node_is_blocked_and_what_was_said_is_kept() -> None:
    one = etree.fromstring(
        '<primitive id="r" class="ocf" provider="pacemaker" type="Dummy"><operations>'
        '<op id="start" name="start" interval="0s" on-fail="fence"/>'
        '<op id="stop" name="stop" interval="0s" on-fail="ignore"/>'
        '<op id="monitor" name="monitor" interval="9s" on-fail="restart"/></operations></primitive>'
    )
    put_on_trial(one, APPLY)
    sets = {op.get("id"): [p.get("value") for p in op.iter("nvpair")] for op in one.iter("op")}
    assert sets == {"start": ["block", "fence"], "stop": [], "monitor": []}
    assert [op.get("on-fail") for op in one.iter("op")] == [None, "ignore", "restart"]


@pytest.mark.parametrize("path", ["rsc_location/rule", "rsc_location", "nvpair[@value='block']"])
def test_what_somebody_has_changed_is_not_proven_ours(path: str) -> None:
    marked = cib(dummy_text("r0"))
    primitive = marked.find(".//primitive")
    assert primitive is not None
    etree.SubElement(primitive[0], "op", id="r0-stop", name="stop", interval="0s")
    put_on_trial(primitive, APPLY)
    hold(marked, ["r0"], APPLY)
    found = marked.find(f".//{path}")
    assert found is not None
    found.set("score" if "rsc" in path else "value", "77")
    assert len([left for left in leftovers(marked) if not left.proven]) == 1


def test_an_apply_lifts_its_own_and_leaves_what_it_is_told_to() -> None:
    marked = cib(dummy_text("r0") + dummy_text("r1"))
    hold(marked, ["r0"], APPLY)
    hold(marked, ["r1"], OTHER)
    assert [left.about for left in leftovers(lifted(marked, APPLY))] == ["r1"]
    assert [left.about for left in leftovers(lifted(marked, keep={"r0"}))] == ["r0"]
    assert lifted(cib()) is not None and leftovers(cib()) == ()


def test_no_two_applies_share_a_name_though_they_begin_in_one_second() -> None:
    """An apply that took another's marks for its own lifted them, and held nothing itself."""
    second = datetime(2026, 12, 1, 3, 30, tzinfo=UTC)
    names = {name(second + timedelta(microseconds=each), "node-1") for each in (0, 1, 999_999)}
    assert len(names) == 3
    marked = cib(dummy_text("r0"))
    for each in sorted(names):
        hold(marked, ["r0"], each)
    assert [left.begun for left in leftovers(marked)] == ["2026-12-01T03:30:00Z"] * 3
    assert {left.node for left in leftovers(marked)} == {"node_1"}
    assert {left.apply for left in leftovers(marked)} == names
    assert all(left.proven for left in leftovers(marked))


@pytest.mark.parametrize("when", ["20261301T000000Z", "00000000T000000Z", "20261201T256199Z"])
def test_what_is_no_time_is_no_apply(when: str) -> None:
    id_ = f"hactl-temporary-{when}-node1-hold-r0"
    marked = cib(dummy_text("r0"), f'<rsc_location id="{id_}" rsc="r0" node="node1" score="0"/>')
    assert leftovers(marked) == ()
    assert lifted(marked) is marked


def random_cib(rng: Random) -> _Element:
    made = cib("".join(dummy_text(f"r{number}") for number in range(3)))
    for primitive in made.iterfind("configuration/resources/primitive"):
        operations = primitive.find("operations")
        assert operations is not None
        for operation in rng.sample(["start", "stop", "promote", "migrate_to"], rng.randint(0, 4)):
            id_ = f"{primitive.get('id')}-{operation}"
            op = etree.SubElement(operations, "op", id=id_, name=operation, interval="0s")
            on_fail = rng.choice(ON_FAIL)
            if on_fail:
                op.set("on-fail", on_fail)
        if rng.random() < 0.3:
            primitive.remove(operations)
    return made


def cib_of(plain: _Element) -> _Element:
    return etree.fromstring(etree.tostring(plain))
