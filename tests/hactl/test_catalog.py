"""What an agent says to all of its parameters is words, never an exception, whatever they are."""

from __future__ import annotations

import random

import pytest

from hactl import catalog
from hactl.install.agents import fence_agents, resource_agents
from tests.support.hostile import HOSTILE

SEED, DRAWN = 20261201, 150  # cases of each agent
EVERY = [
    *(f"ocf:hactl:{name}" for name in resource_agents()),
    *(f"stonith:{name}" for name in fence_agents()),
]
# Half right: what a check that reads on gets to see.
LIKELY = (
    "a b", "a\nb", "0", "-1", "1=/dev/a", "1=", "=1", "node1=10.0.0.1", "node1=10.0.0.1 node1=x",
    "10.0.0.1:3260", "10.0.0.1:0", "[fd00::1]:3260", "qemu:///system", "://", "iqn.2026-11.a:b",
    "nqn.2026-11.a:b", "/dev/x", "true", "off", "1s", "9" * 30, "eth0", "a,b", "\u0660", "\ud800",
)  # fmt: skip


def drawn(agent: str, seed: str) -> dict[str, str]:
    """Parameters of an agent: what it requires, and some of the others, hostile or half right."""
    chance = random.Random(seed)
    params = catalog.declared_by(agent) or {}
    names = [name for name, param in params.items() if param.required or chance.random() < 0.3]
    return {name: chance.choice(chance.choice((HOSTILE, LIKELY))) for name in names}


@pytest.mark.parametrize("name", EVERY)
def test_every_agent_judges_whatever_it_is_given(name: str) -> None:
    for number in range(DRAWN):
        given = drawn(name, f"{SEED} {name} {number}")
        try:
            said = catalog.judge(name, given)
        except Exception as exc:
            pytest.fail(f"{type(exc).__name__}: {exc}, of {given}")
        assert all(isinstance(each, str) and each for each in said)


@pytest.mark.parametrize("name", EVERY)
def test_one_parameter_after_the_other_is_judged_alone(name: str) -> None:
    """A check that reads only one of them would else be hidden by the complaint about another."""
    for param in catalog.declared_by(name) or ():
        for text in (*HOSTILE, *LIKELY):
            catalog.judge(name, {param: text})


def test_a_plug_that_is_two_names_is_a_bad_value() -> None:
    assert catalog.judge("stonith:fence_lab", {"plug": "0 node2"}) == [
        "plug: '0 node2' is not the name of one node, without spaces"
    ]
