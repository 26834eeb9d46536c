"""A drill leaves one level, says in the CIB that it does, and takes back everything."""

from __future__ import annotations

from hactl.cib import schema
from hactl.cib.canonical import canonical
from hactl.cib.merge import merge
from hactl.fencing.configuration import fencing
from hactl.fencing.drill.levels import levels_of
from hactl.fencing.drill.marks import Begun, begin, drills, is_only, leave_all_but, mended
from hactl.fencing.faults import faults
from tests.hactl.cibs import configuration
from tests.hactl.fencing.sites import LEVELS, site
from tests.hactl.pacemaker import needs_pacemaker

NOW = 1_800_000_000


def left(cib: object) -> list[int]:
    return [level.index for level in levels_of(fencing(cib), "node3")]  # type: ignore[arg-type]


def test_one_level_is_left_and_the_cib_it_came_from_is_untouched() -> None:
    before = site()
    assert left(begin(before, "node3", 2, "node1", 77, NOW)) == [2]
    assert left(before) == [1, 2]


def test_all_but_the_one_that_lied_are_left() -> None:
    assert left(leave_all_but(site(), "node3", 1, "node1", 77, NOW)) == [2]


def test_mending_leaves_no_trace() -> None:
    assert canonical(mended(begin(site(), "node3", 2, "node1", 77, NOW))) == canonical(site())
    assert canonical(mended(site())) == canonical(site())


def test_a_drill_says_who_does_it() -> None:
    (begun,) = drills(begin(site(), "node3", 2, "node1", 77, NOW))
    assert begun == Begun("node3", 2, "node1", 77, "2027-01-15T08:00:00Z")
    assert str(begun) == "a drill of node3, begun by node1 at 2027-01-15T08:00:00Z"
    assert drills(site()) == ()


def test_only_ones_own_drill_is_ended() -> None:
    theirs = begin(site(), "node3", 2, "node2", 77, NOW)
    assert canonical(mended(theirs, "node1", 77)) == canonical(theirs)
    assert canonical(mended(theirs, "node2", 78)) == canonical(theirs)
    assert canonical(mended(theirs, "node2", 77)) == canonical(site())


def test_a_level_whose_note_was_lost_is_put_back_all_the_same() -> None:
    half = begin(site(), "node3", 2, "node1", 77, NOW)
    attributes = half.find("configuration/nodes/node[@uname='node3']/instance_attributes")
    assert attributes is not None
    node = attributes.getparent()
    assert node is not None
    node.remove(attributes)
    assert [begun.node for begun in drills(half)] == ["node3"]
    assert canonical(mended(half)) == canonical(site())


def test_the_fencer_has_to_read_a_level_that_is_set_aside_anew() -> None:
    """The same id with another target is something a fencer of Pacemaker 2.1.5 overlooks."""
    ids = {each.get("id") for each in begin(site(), "node3", 2, "n", 1, NOW).iter("fencing-level")}
    assert ids == {"l1-set-aside", "l2"}


def test_whether_only_one_level_is_left_is_seen() -> None:
    assert is_only(begin(site(), "node3", 2, "node1", 77, NOW), "node3", 2)
    assert not is_only(site(), "node3", 2)
    assert is_only(site(levels=""), "node3", 1)


def test_a_check_finds_what_is_set_aside() -> None:
    found = [str(fault) for fault in faults(fencing(begin(site(), "node3", 2, "n", 1, NOW)))]
    assert any("set aside by hactl fence drill" in fault for fault in found)


def test_an_apply_puts_the_levels_back() -> None:
    """They are known by their ids, and those have changed."""
    ours = LEVELS.replace('id="l', 'id="hactl-level-')
    live = begin(site(ours), "node3", 2, "node1", 77, NOW)
    merged = merge(live, configuration(site(ours)), adopt=("bmc", "pdu", "left"))
    assert left(merged) == [1, 2]
    assert len(list(merged.iter("fencing-level"))) == 2


@needs_pacemaker
def test_a_cluster_takes_it() -> None:
    schema.check(begin(site(), "node3", 2, "node1", 77, NOW))
