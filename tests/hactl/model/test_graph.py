"""Circles and groups."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from hactl.model.graph import Edge, Groups, cycles

EDGES = st.lists(st.tuples(st.sampled_from("abcdefgh"), st.sampled_from("abcdefgh")), max_size=20)


def test_a_circle_is_told_as_a_way_back() -> None:
    assert list(cycles([("a", "b"), ("b", "c"), ("c", "a")])) == [["a", "b", "c", "a"]]


def test_two_circles_are_both_told() -> None:
    assert list(cycles([("a", "b"), ("b", "a"), ("x", "x")])) == [["a", "b", "a"], ["x", "x"]]


def test_two_ways_to_the_same_are_no_circle() -> None:
    assert list(cycles([("a", "b"), ("a", "c"), ("b", "d"), ("c", "d")])) == []


@given(EDGES)
def test_what_is_told_is_a_circle(edges: list[Edge]) -> None:
    for circle in cycles(edges):
        assert circle[0] == circle[-1]
        assert all(step in edges for step in pairwise(circle))


@given(EDGES)
def test_a_circle_is_found_if_there_is_one(edges: list[Edge]) -> None:
    # What nothing leads to cannot be part of one: take it away until nothing is left, or a circle.
    left = set(edges)
    while True:
        targets = {then for _, then in left}
        fewer = {edge for edge in left if edge[0] in targets}
        if fewer == left:
            break
        left = fewer
    assert bool(left) == bool(list(cycles(edges)))


@given(EDGES)
def test_groups_are_what_pairs_connect(edges: list[Edge]) -> None:
    groups = Groups(edges)
    for one, other in edges:
        assert groups.same(one, other)
    for one in "abcdefgh":
        reached = {one}
        for _ in edges:
            for a, b in edges:
                if a in reached or b in reached:
                    reached |= {a, b}
        assert reached == {other for other in "abcdefgh" if groups.same(one, other)}
