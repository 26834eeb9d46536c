"""The truth table: every agent, in every state, with every break, gives no answer that is a lie.

The rules are in table.py, what they are applied to in worlds/. With ``--seen FILE`` the answers
are noted, for ``scripts/truth`` to write a page of.
"""

import json
import os
import random
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from tests.truth.booted import MODULES, SEED, UNUSABLE, Booted
from tests.truth.impostors import LIES, ImpostorWorld
from tests.truth.play import play
from tests.truth.table import RULES, Lie, Seen, complaints
from tests.truth.world import WorldModule

RUN = os.environ.get("PYTEST_XDIST_TESTRUNUID", f"process {os.getpid()}")


def is_daily(module: Any, state: str, what: str) -> bool:
    """The rim of the table: every state with nothing broken, and what runs with every break. Of
    the states that take long to make one is drawn by the seed.
    """
    if getattr(module, "EXTENDED", False) or what in getattr(module, "SLOW", ()):
        return False
    sampled = getattr(module, "SAMPLED", ())
    if state in sampled and state != random.Random(f"{SEED} {module.AGENT}").choice(sampled):
        return False
    return what == "nothing" or state == "running" or getattr(module, "QUICK", False)


def is_impossible(module: Any, state: str, what: str) -> bool:
    none = getattr(module, "IMPOSSIBLE", ())
    return any((each.state, each.what) == (state, what) for each in none)


def marks(name: str, state: str, what: str) -> "list[pytest.MarkDecorator]":
    module = MODULES[name]
    share = module.STATES.index(state) % getattr(module, "SHARES", 1)
    found = [pytest.mark.xdist_group(f"truth-{name}-{share}"), pytest.mark.timeout(900)]
    found += [pytest.mark.skipif(True, reason=reason) for reason in module.lacking()]
    if name != "toy":
        found.append(pytest.mark.backend)
    if not is_daily(module, state, what):
        found.append(pytest.mark.extended)
    return found


CELLS = [
    pytest.param(name, state, what, marks=marks(name, state, what), id=f"{name}-{state}-{what}")
    for name, module in MODULES.items()
    for state in module.STATES
    for what in module.BREAKS
    if not is_impossible(module, state, what)
]


def lies(name: str) -> dict[str, Lie]:
    """What an agent of that world could say wrong."""
    return {**LIES, **getattr(MODULES[name], "LIES", {})}


IMPOSTORS = [
    pytest.param(name, lie, marks=marks(name, told.state, "nothing"), id=f"{name}-{lie}")
    for name in MODULES
    for lie, told in lies(name).items()
]


@pytest.fixture(scope="module")
def booted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Booted]:
    booted = Booted(tmp_path_factory)
    with booted.stack:
        yield booted


@pytest.mark.parametrize(("name", "state", "what"), CELLS)
def test_no_answer_is_a_lie(
    booted: Booted, name: str, state: str, what: str, pytestconfig: pytest.Config
) -> None:
    world = booted.world(name)
    module = MODULES[name]
    began = time.time()
    seen = list(play(module, world, state, what))
    note(pytestconfig.getoption("seen"), name, began, seen)
    exemptions = getattr(module, "EXEMPTIONS", ())
    lies = [lie for each in seen for lie in complaints(each, exemptions)]
    assert not lies, "\n".join([*lies, "", "all of it:", *map(str, seen)])


@pytest.mark.parametrize(("name", "lie"), IMPOSTORS)
def test_its_agent_would_be_found_out(booted: Booted, name: str, lie: str) -> None:
    told = lies(name)[lie]
    world = ImpostorWorld(booted.world(name), told)
    with closing(play(MODULES[name], world, told.state, "nothing")) as calls:
        assert any(map(told.is_told_by, calls)), "Nobody noticed."


def note(path: str, world: str, began: float, seen: list[Seen]) -> None:
    """Add a line of JSON to a file that several processes may write to."""
    if path:
        calls = [asdict(each) for each in seen]
        told = {"world": world, "run": RUN, "began": began, "ended": time.time(), "seen": calls}
        with Path(path).open("ab", buffering=0) as file:  # in one piece: others write, too
            file.write(json.dumps(told).encode() + b"\n")


def test_every_world_can_be_used() -> None:
    assert not UNUSABLE


@pytest.mark.parametrize("module", MODULES.values(), ids=MODULES)
def test_a_world_has_what_every_world_has(module: WorldModule) -> None:
    assert {"absent", "running", "foreign"} <= set(module.STATES)
    assert module.BREAKS[0] == "nothing"
    known = {"state": module.STATES, "what": module.BREAKS, "rule": RULES}
    for none in getattr(module, "IMPOSSIBLE", ()):
        assert none.state in module.STATES and none.what in module.BREAKS and none.why, none
        assert none.what != "nothing", none
    for exemption in getattr(module, "EXEMPTIONS", ()):
        for column, names in known.items():
            assert getattr(exemption, column) in ("*", *names), exemption
        assert exemption.why
    for some in ("UNHINDERED", "SLOW"):
        assert set(getattr(module, some, ())) <= set(module.BREAKS)
