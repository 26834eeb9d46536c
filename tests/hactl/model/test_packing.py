"""A packing is found where there is one; where there is none, it is known, or the search ends."""

from __future__ import annotations

from itertools import product
from random import Random

import pytest

from hactl.model.capacity import Load
from hactl.model.packing import Packing, TooHard

SEEDS = range(200)


def fits(loads: list[Load], nodes: dict[str, dict[str, int]], where: tuple[str, ...]) -> bool:
    for node, offer in nodes.items():
        here = [load for load, on in zip(loads, where, strict=True) if on == node]
        if any(sum(load.uses[w] for load in here) > offer[w] for w in offer):
            return False
    allowed = zip(loads, where, strict=True)
    return all(not load.nodes or on in load.nodes for load, on in allowed)


@pytest.mark.parametrize("seed", SEEDS)
def test_it_is_what_trying_everything_says(seed: int) -> None:
    dice = Random(seed)
    nodes = {
        name: {"cpu": dice.randint(2, 6), "memory": dice.randint(2, 6)} for name in ("a", "b", "c")
    }
    loads = [
        Load(
            f"g{number}",
            {"cpu": dice.randint(1, 4), "memory": dice.randint(1, 4)},
            ("a", "b") if dice.random() < 0.2 else (),
        )
        for number in range(dice.randint(1, 6))
    ]
    every = product(nodes, repeat=len(loads))
    possible = any(fits(loads, nodes, where) for where in every)
    found = Packing(loads, nodes).find()
    assert (found is not None) == possible
    if found:
        assert fits(loads, nodes, tuple(found[load.name] for load in loads))


def test_those_who_stay_apart_do_not_meet() -> None:
    loads = [Load("a", {"cpu": 1}), Load("b", {"cpu": 1})]
    nodes = {"n1": {"cpu": 2}, "n2": {"cpu": 1}}
    found = Packing(loads, nodes, [frozenset(("a", "b"))]).find()
    assert found is not None
    assert found["a"] != found["b"]


def test_a_search_ends() -> None:
    loads = [Load(f"g{n}", {"cpu": 7 + n % 5, "memory": 11 - n % 5}) for n in range(60)]
    nodes = {f"n{n}": {"cpu": 31, "memory": 29} for n in range(16)}
    with pytest.raises(TooHard):
        Packing(loads, nodes, steps=500).find()
