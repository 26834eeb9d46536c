"""A proof stands in the CIB, grows old, and is void once its device is configured differently."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some
from lxml.etree import _Element

from hactl.cib import schema
from hactl.cib.merge import merge
from hactl.fencing.configuration import Level, fencing
from hactl.fencing.drill.levels import fingerprint, levels_of, unsaid
from hactl.fencing.drill.proofs import (
    DAY,
    DEFAULT_EVERY,
    Proof,
    State,
    instant,
    parsed,
    record,
    standings,
    unproven,
)
from tests.hactl.cibs import configuration
from tests.hactl.fencing.sites import site
from tests.hactl.pacemaker import needs_pacemaker

NOW = 1_800_000_000
SECONDS = {"fenced": 2.5, "lost": 2.4, "recovered": 4.9, "back": 9.0}


def proven(cib: _Element, index: int = 1, ago: int = DAY) -> _Element:
    level = levels_of(fencing(cib), "node3")[index - 1]
    digest = fingerprint(fencing(cib), level)
    return record(cib, Proof("node3", index, level.devices, digest, NOW - ago, "node1", SECONDS))


def states(cib: _Element) -> list[State]:
    return [each.state for each in standings(cib, NOW)]


def test_a_level_that_was_never_drilled_says_so() -> None:
    assert states(site()) == [State.NEVER, State.NEVER]
    assert list(unproven(site(), NOW))[1] == ("level 2 of node3 (pdu, left) has never been proven")


def test_a_proof_is_read_back_as_it_was_written() -> None:
    found = standings(proven(site()), NOW)[0]
    assert (found.state, found.age) == (State.PROVEN, DAY)
    assert found.proof is not None
    assert (found.proof.by, found.proof.seconds) == ("node1", SECONDS)


def test_each_level_keeps_its_own_proof() -> None:
    assert states(proven(proven(site(), 2), 1)) == [State.PROVEN, State.PROVEN]


def test_a_new_proof_takes_the_place_of_the_old_one() -> None:
    twice = proven(proven(site(), ago=3 * DAY), ago=DAY)
    assert standings(twice, NOW)[0].age == DAY
    assert len(twice.findall(".//node/instance_attributes/nvpair")) == 1


def test_a_proof_grows_stale() -> None:
    assert states(proven(site(), ago=DEFAULT_EVERY))[0] is State.PROVEN
    old = proven(site(), ago=DEFAULT_EVERY + 1)
    assert states(old)[0] is State.STALE
    assert next(unproven(old, NOW)) == (
        "level 1 of node3 (bmc) was proven 90 days ago, longer than 90 days"
    )


@pytest.mark.parametrize(
    ("value", "state"),
    [("7d", State.STALE), ("9d", State.PROVEN), ("nonsense", State.PROVEN), ("3600", State.STALE)],
)
def test_how_long_a_proof_holds_is_a_property_of_the_cluster(value: str, state: State) -> None:
    pair = f'<nvpair id="hactl-x" name="hactl-drill-every" value="{value}"/>'
    assert states(proven(site(properties=pair), ago=8 * DAY))[0] is state


@pytest.mark.parametrize("xpath", [".//nvpair[@id='bmc-ip']", ".//nvpair[@id='bmc-list']"])
def test_a_device_that_is_configured_differently_is_no_longer_proven(xpath: str) -> None:
    changed = proven(site())
    pair = changed.find(xpath)
    assert pair is not None
    pair.set("value", pair.get("value", "") + " node4")
    assert states(changed)[0] is State.CHANGED


def test_other_devices_in_the_level_are_no_longer_that_level() -> None:
    changed = proven(site(), 2)
    level = changed.find(".//fencing-level[@id='l2']")
    assert level is not None
    level.set("devices", "pdu")
    assert states(changed)[1] is State.CHANGED


def test_another_device_elsewhere_changes_nothing() -> None:
    changed = proven(site())
    pair = changed.find(".//nvpair[@id='pdu-ip']")
    assert pair is not None
    pair.set("value", "10.0.0.10")
    assert states(changed)[0] is State.PROVEN


def test_without_fencing_there_is_nothing_to_prove() -> None:
    assert standings(site(enabled=False), NOW) == ()


def test_the_new_name_of_a_property_counts_before_the_old_one() -> None:
    off = '<nvpair id="new" name="fencing-enabled" value="false"/>'
    assert standings(site(properties=off), NOW) == ()
    longer = '<nvpair id="new" name="fencing-timeout" value="90s"/>'
    assert fencing(site(properties=longer)).timeout == "90s"


def test_a_node_with_one_device_needs_no_level() -> None:
    only = site(levels="")
    for name in ("pdu", "left"):
        device = only.find(f".//primitive[@id='{name}']")
        parent = device.getparent() if device is not None else None
        assert device is not None and parent is not None
        parent.remove(device)
    assert levels_of(fencing(only), "node3") == (Level("node3", 1, ("bmc",)),)
    assert unsaid(fencing(only), "node2") == "no device fences node2"


def test_several_devices_without_levels_cannot_be_told_apart() -> None:
    found = fencing(site(levels=""))
    assert levels_of(found, "node3") == ()
    assert "several devices (bmc, pdu, left) and no levels" in unsaid(found, "node3")


def test_levels_for_a_pattern_cannot_be_set_aside_for_one_node() -> None:
    found = fencing(site(levels=(
        '<fencing-topology><fencing-level id="l" target-pattern="node.*" index="1" devices="bmc"/>'
        "</fencing-topology>"
    )))  # fmt: skip
    assert levels_of(found, "node3") == ()
    assert "pattern" in unsaid(found, "node3")


@given(some.text())
def test_no_attribute_breaks_it_or_proves_anything(text: str) -> None:
    assert parsed("node3", 1, text) is None


def test_an_instant_is_utc() -> None:
    assert instant(0) == "1970-01-01T00:00:00Z"


@needs_pacemaker
def test_a_proof_is_valid_in_the_cib_and_an_apply_leaves_it_alone() -> None:
    live = proven(site())
    schema.check(live)
    nothing = configuration(site())
    for section in nothing:
        for element in list(section):
            if section.tag == "nodes":
                continue
            section.remove(element)
    assert states(merge(live, nothing))[0] is State.PROVEN
