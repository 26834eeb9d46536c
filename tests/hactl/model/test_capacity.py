"""A quick packing."""

from hypothesis import given
from hypothesis import strategies as st

from hactl.model.capacity import Load, fits, hosts, shortfall, stranded

NODES = {"n1": {"cpu": 4000, "memory": 8}, "n2": {"cpu": 2000, "memory": 16}}


def test_a_guest_that_fits_nowhere_has_no_host() -> None:
    assert hosts(Load("g", {"memory": 16}), NODES) == ["n2"]
    assert hosts(Load("g", {"memory": 16, "cpu": 4000}), NODES) == []


def test_a_guest_has_only_the_hosts_it_may_have() -> None:
    assert hosts(Load("g", {"memory": 1}, ("n1",)), NODES) == ["n1"]


def test_the_largest_choose_first() -> None:
    loads = [Load("small", {"memory": 8}), Load("large", {"memory": 16})]
    assert stranded(loads, NODES) == []
    assert stranded([*loads, Load("more", {"memory": 1})], NODES) == ["more"]


def test_what_is_missing_in_all_is_certain() -> None:
    assert shortfall([Load("a", {"memory": 20}), Load("b", {"memory": 10})], NODES) == {"memory": 6}
    assert shortfall([Load("a", {"memory": 20})], NODES) == {}


SIZES = st.lists(st.integers(1, 10), max_size=8)


@given(SIZES, SIZES)
def test_nobody_is_stranded_where_there_is_still_room(sizes: list[int], rooms: list[int]) -> None:
    loads = [Load(f"g{n}", {"memory": size}) for n, size in enumerate(sizes)]
    nodes = {f"n{n}": {"memory": room} for n, room in enumerate(rooms)}
    left = stranded(loads, nodes)
    placed = [load for load in loads if load.name not in left]
    assert not shortfall(placed, nodes)
    free = sum(rooms) - sum(load.uses["memory"] for load in placed)
    for load in loads:
        if load.name in left and len(nodes) == 1:
            assert not fits(load.uses, {"memory": free})
