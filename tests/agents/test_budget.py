"""The time of an action, split: what a stop needs so that it asks for as long as it was told."""

from hypothesis import given
from hypothesis import strategies as st

from hactl.derive import stop_time
from hactl_agents.host import asking, budget

seconds = st.floats(0.1, 100_000)


@given(seconds)
def test_a_stop_that_is_allowed_what_it_needs_asks_as_long_as_it_was_told(asked: float) -> None:
    allowed = asking.needed(asked)
    assert abs(asking.asking(budget.split(allowed).work) - asked) < 1e-6 * asked
    assert asking.asking(budget.split(allowed * 0.99).work) < asked


@given(seconds)
def test_force_has_its_part_of_every_stop(allowed: float) -> None:
    work = budget.split(allowed).work
    assert work - asking.asking(work) >= min(asking.FORCE, work * asking.SHARE_OF_FORCE) * 0.999


@given(st.integers(1000, 100_000_000))
def test_the_stop_that_a_topology_gets_leaves_its_guest_all_of_its_time(shutdown: int) -> None:
    shortest = stop_time.shortest_stop(shutdown)
    assert shutdown <= stop_time.time_to_shut_down(shortest) + 1
    assert stop_time.time_to_shut_down(stop_time.stop_timeout(shutdown)) >= shutdown
    # what docs/how-to tell: shutdown_timeout plus 30 seconds
    assert shortest <= shutdown + 30_000
