"""Ids: readable, and never shared by two things that differ."""

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from hactl.cib.ids import constraint_id
from hactl.model.constraint import (
    INFINITY,
    BaseScore,
    Colocation,
    Confinement,
    Constraint,
    Location,
    Order,
    OrderKind,
    Promotion,
)
from hactl.model.dependency import lives_beside, lives_on_its_own, needs
from hactl.model.fencing import FencingLevel
from tests.hactl.strategies import names

ACTIONS = st.sampled_from(["start", "stop", "promote", "demote"])
SCORES = st.sampled_from([-INFINITY, -5, -1, 0, 1, 5, INFINITY])
ROLES = st.sampled_from(["", "Started", "Promoted"])
NAMES = names()
GROUPS = st.lists(NAMES, min_size=1, max_size=3, unique=True).map(tuple)
THINGS = st.one_of(
    st.builds(Order, NAMES, NAMES, st.sampled_from(OrderKind), ACTIONS, ACTIONS, st.booleans()),
    st.builds(Colocation, NAMES, NAMES, SCORES, ROLES, ROLES, st.booleans()),
    st.builds(BaseScore, NAMES, st.integers(1, INFINITY)),
    st.builds(Location, NAMES, NAMES, SCORES),
    st.builds(Confinement, NAMES, GROUPS),
    st.builds(Promotion, NAMES, NAMES, st.integers(1, INFINITY)),
    st.builds(FencingLevel, NAMES, st.integers(1, 9), GROUPS),
)
NCNAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")


@settings(max_examples=100)
@given(st.lists(THINGS, min_size=2, max_size=40))
def test_different_content_has_different_ids(things: list[Constraint]) -> None:
    different = set(things)
    assert len({constraint_id(thing) for thing in different}) == len(different)


@given(THINGS)
def test_every_id_is_an_xml_name_of_hactls_own(thing: Constraint) -> None:
    assert NCNAME.fullmatch(constraint_id(thing))
    assert constraint_id(thing).startswith("hactl-")


def test_ids_read_like_sentences() -> None:
    made = [
        *lives_beside("web1", "lan", live=True),
        *needs("web1", "vms"),
        *lives_on_its_own("www1", "www1-address"),
        Colocation("web1", "vg1", influence=False),
        Colocation("web1", "db1", -INFINITY),
        Colocation("web1", "db1", 100),
        Location("web1", "node1", 100),
        BaseScore("web1", 150),
        Location("bmc-node1", "node1", -INFINITY),
        Confinement("web1", ("node1", "node2")),
        Promotion("san1", "node1", 101),
        FencingLevel("node1", 2, ("pdu-a-node1", "pdu-b-node1")),
    ]
    assert [constraint_id(thing) for thing in made] == [
        "hactl-order-lan-then-web1-optional-oneway",
        "hactl-stop-web1-then-lan-serialize",
        "hactl-colocate-web1-with-lan",
        "hactl-order-vms-then-web1",
        "hactl-colocate-web1-with-vms",
        "hactl-order-www1-address-then-www1-optional-oneway",
        "hactl-stop-www1-then-www1-address",
        "hactl-colocate-www1-with-www1-address",
        "hactl-follow-web1-with-vg1",
        "hactl-apart-web1-from-db1",
        "hactl-near-web1-with-db1-100",
        "hactl-prefer-web1-on-node1-100",
        "hactl-base-web1-150",
        "hactl-ban-bmc-node1-from-node1",
        "hactl-only-web1-on-node1-and-node2",
        "hactl-promote-san1-on-node1-101",
        "hactl-level-2-for-node1-by-pdu-a-node1-and-pdu-b-node1",
    ]


def test_names_made_of_hactls_own_words_cannot_make_two_ids_equal() -> None:
    one = Order("a-then-b", "c")
    other = Order("a", "b-then-c")
    assert constraint_id(one) != constraint_id(other)
    assert constraint_id(one).endswith("-order-a-then-b-then-c")
