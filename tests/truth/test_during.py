"""The table's other dimension: something breaks while the agent is at work.

``scripts/truth --during`` plays all cells and says how many; otherwise a sample of them, drawn by a
seed that is kept in booted.py, or by HACTL_SEED.
"""

import os
import random
from collections.abc import Iterator
from typing import Any

import pytest

from tests.truth import during
from tests.truth.booted import MODULES, SEED, Booted
from tests.truth.during import Played
from tests.truth.table import Seen

WHOLE = os.environ.get("HACTL_DURING", "") == "all"
SAMPLE = 1  # cells of each world, thing that breaks, and action
DAILY = ("iscsi_gateway", "nvmeof_gateway")  # worlds of which some is played daily
SHARE = 4  # one of so many tests
HOW = ("dies", "freezes")


def marks(name: str, *rest: str) -> "list[pytest.MarkDecorator]":
    module = MODULES[name]
    is_daily = name in DAILY and not random.Random(f"{SEED} {name} {rest}").randrange(SHARE)
    found = [pytest.mark.backend, pytest.mark.xdist_group(f"during-{name}")]
    found += [pytest.mark.timeout(3000)]
    found += [pytest.mark.skipif(True, reason=reason) for reason in module.lacking()]
    if not is_daily and not WHOLE:
        found.append(pytest.mark.extended)
    return found


def actions(module: Any) -> list[str]:
    found = ["start", "monitor", "stop"]
    found += ["deep"] if getattr(module, "DEEP", False) else []
    return found + (["reload-agent"] if getattr(module, "RELOADS", False) else [])


PLACES = [
    pytest.param(
        name, place, action, marks=marks(name, place, action), id=f"{name}-{place}-{action}"
    )
    for name, module in MODULES.items()
    for place in getattr(module, "PLACES", ())
    for action in actions(module)
]
DAEMONS = [
    pytest.param(
        name,
        each,
        how,
        action,
        marks=marks(name, each, how, action),
        id=f"{name}-{each}-{how}-{action}",
    )
    for name, module in MODULES.items()
    for each in getattr(module, "DAEMONS", ())
    for how in HOW
    for action in actions(module)
]


KERNELS = [
    pytest.param(name, action, marks=marks(name, "kernel", action), id=f"{name}-{action}")
    for name, module in MODULES.items()
    if getattr(module, "CHANGES", False)
    for action in ("start", "stop")
]


@pytest.fixture(scope="module")
def booted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Booted]:
    booted = Booted(tmp_path_factory)
    with booted.stack:
        yield booted


@pytest.fixture(scope="module", autouse=True)
def count() -> Iterator[list[int]]:
    cells: list[int] = []
    yield cells
    print(f"\n{sum(cells)} cells of what breaks during an action, seed {SEED}")


def drawn(what: str, steps: int) -> list[int]:
    """All steps, or some."""
    if WHOLE or steps <= SAMPLE:
        return list(range(steps))
    return sorted(random.Random(f"{SEED} {what}").sample(range(steps), SAMPLE))


@pytest.mark.parametrize(("name", "place", "action"), PLACES)
def test_storage_that_hangs_in_an_action(
    booted: Booted, name: str, place: str, action: str, count: list[int]
) -> None:
    module, world = MODULES[name], booted.world(name)
    asked = during.questions(module, world, place, action)
    played = [
        during.hang(module, world, place, action, after)
        for after in drawn(f"{name} {place} {action}", len(asked))
    ]
    judge(played, count)


@pytest.mark.parametrize(("name", "action"), KERNELS)
def test_a_kernel_that_hangs_in_an_action(
    booted: Booted, name: str, action: str, count: list[int]
) -> None:
    module, world = MODULES[name], booted.world(name)
    steps = during.changes(module, world, action)
    played = [
        during.hold(module, world, action, after)
        for after in drawn(f"{name} kernel {action}", len(steps))
    ]
    judge(played, count)


@pytest.mark.parametrize(("name", "daemon", "how", "action"), DAEMONS)
def test_a_daemon_that_is_lost_in_an_action(
    booted: Booted, name: str, daemon: str, how: str, action: str, count: list[int]
) -> None:
    module, world = MODULES[name], booted.world(name)
    words = during.words(module, world, action)
    played = [
        during.lose(module, world, daemon, how, action, words, at)
        for at in drawn(f"{name} {daemon} {how} {action}", len(words))
    ]
    judge(played, count)


def judge(played: list[Played | None], count: list[int]) -> None:
    done = [each for each in played if each is not None]
    count.append(len(done))
    wrong = [line for each in done if each.wrong for line in (*each.wrong, "all of it:", str(each))]
    assert not wrong, "\n".join(wrong)


def test_only_what_breaks_after_the_last_answer_is_true_when_asked() -> None:
    words = [("connect", 1), ("sendmsg", 1), ("recvfrom", 1), ("connect", 2), ("sendmsg", 2)]
    assert [during.is_the_last(words, at) for at in range(5)] == [False] * 4 + [True]
    assert during.is_the_last([*words, ("recvfrom", 2)], 4)
    assert not during.is_the_last([("clone3", 1)], 0), "nobody knows when that thread asks"


# the rules of this dimension see what they are for

SEEN = Seen("absent", "disk hangs", "stop", 4.0, 0, "", 0.1, "absent", "absent")


@pytest.mark.parametrize(
    ("lie", "rule"),
    [
        (Seen("absent", "disk hangs", "stop", 4.0, 1, "", 0.1), "absence is no matter of storage"),
        (Seen("absent", "disk hangs", "probe", 4.0, 1, "", 0.1), "absence is no matter of storage"),
        (Seen("running", "disk hangs", "monitor", 4.0, 0, "", 3.8), "a look is quick"),
    ],
)
def test_a_planted_answer_is_found(lie: Seen, rule: str) -> None:
    assert during.RULES[rule](SEEN)
    assert not during.RULES[rule](lie)
