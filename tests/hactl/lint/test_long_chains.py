"""Chains and crowds larger than Python's stack: the same problems as in small ones, none."""

import pytest

from hactl.cib import document
from hactl.errors import Severity
from hactl.lint.placement import matching
from tests.hactl.topologies import cluster_of, guests, problems_of

LONG = 1500  # Python's stack holds 1000


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("key", ["after", "together"])
def test_a_chain_longer_than_the_stack_is_checked_in_either_direction(
    key: str, backwards: bool
) -> None:
    step = 1 if backwards else -1
    lines = [
        f"g{n}: {key}: [g{n + step}]" if 0 <= n + step < LONG else f"g{n}: " for n in range(LONG)
    ]
    text = guests(*lines)
    document.cib(cluster_of(text))
    assert [each for each in problems_of(text) if each.severity is Severity.ERROR] == []


def test_more_guests_apart_than_the_stack_is_deep_find_a_node_each() -> None:
    nodes = [f"n{number}" for number in range(LONG)]
    names = [f"g{number}" for number in range(LONG)]
    # each may run on two nodes, and whoever comes first takes the other's
    allowed = {name: nodes[place : place + 2] for place, name in enumerate(names)}
    found = matching([*reversed(names)], {**allowed, names[-1]: [nodes[-1]]})
    assert sorted(found.values()) == sorted(names)


def test_a_node_that_is_not_there_is_the_only_thing_said() -> None:
    text = guests("web1: nodes: [typo]").replace("node1: {", "node1: {cpus: 8, memory: 8GiB, ")
    text = text.replace("node2: {", "node2: {cpus: 8, memory: 8GiB, ")
    text = text.replace("node3: {", "node3: {cpus: 8, memory: 8GiB, ")
    (problem,) = problems_of(text)
    assert "there is no node 'typo'" in problem.message
