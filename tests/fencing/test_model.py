"""No false off: random devices, actions, failures and events, thousands of steps; liars are found.

HACTL_SEED=7 takes another way through the models; without it, it is the same one every time.
"""

from __future__ import annotations

import os
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.fencing import model_ceph, model_libvirt, model_switch
from tests.fencing.model_ceph import CephModel
from tests.fencing.model_libvirt import LibvirtModel
from tests.fencing.model_switch import SwitchModel
from tests.fencing.watched import Watched

STEPS, RUNS = 50, 260  # of one run; together more than 10,000
SEED = os.environ.get("HACTL_SEED", "")


def explore(machine: type[Watched], **more: Any) -> type[Watched]:
    """Run a model; the class it ran as, which has counted."""
    own = type(machine.__name__, (machine,), {"steps": 0, "said_off": 0, "happened": 0, **more})
    checks = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
    run_state_machine_as_test(
        seed(int(SEED))(own) if SEED else own,
        settings=settings(
            max_examples=RUNS,
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            derandomize=not SEED,
            suppress_health_check=checks,
            phases=[Phase.generate],
        ),
    )
    return own


MODELS = {
    SwitchModel: ("device", model_switch.LIARS),
    LibvirtModel: ("agent", model_libvirt.LIARS),
    CephModel: ("agent", model_ceph.LIARS),
}
LIARS = [
    pytest.param(machine, part, liar, id=f"{machine.__name__}-{liar.__name__}")
    for machine, (part, liars) in MODELS.items()
    for liar in liars
]


@pytest.mark.parametrize("machine", MODELS)
def test_no_false_off(machine: type[Watched]) -> None:
    ran = explore(machine)
    print(
        f"{ran.__name__}: {ran.steps} steps, {ran.said_off} times off, {ran.happened} events "
        "while an agent was at work"
    )
    assert ran.steps >= 10_000
    assert ran.said_off > ran.steps / 20  # it was put to the test at all
    assert ran.happened > ran.steps / 40


@pytest.mark.parametrize(("machine", "part", "liar"), LIARS)
def test_the_model_finds_an_agent_that_lies(machine: type[Watched], part: str, liar: type) -> None:
    with pytest.raises(AssertionError, match="a false off"):
        explore(machine, **{part: liar})
