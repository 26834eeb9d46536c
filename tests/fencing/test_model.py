"""No false off: random devices, actions and failures, thousands of steps; and a liar is found."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.fencing.model_ceph import CephModel, Trusting
from tests.fencing.model_libvirt import LibvirtModel, Optimist
from tests.fencing.model_switch import Believer, SwitchModel
from tests.fencing.watched import Watched

STEPS, RUNS = 50, 260  # of one run; together more than 10,000


def explore(machine: type[Watched], **more: Any) -> type[Watched]:
    """Run a model; the class it ran as, which has counted."""
    own = type(machine.__name__, (machine,), {"steps": 0, "said_off": 0, **more})
    checks = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
    run_state_machine_as_test(
        own,
        settings=settings(
            max_examples=RUNS,
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            derandomize=True,
            suppress_health_check=checks,
            phases=[Phase.generate],
        ),
    )
    return own


MODELS = [
    pytest.param(machine, part, liar, id=machine.__name__)
    for machine, part, liar in (
        (SwitchModel, "device", Believer),
        (LibvirtModel, "agent", Optimist),
        (CephModel, "agent", Trusting),
    )
]


@pytest.mark.parametrize(("machine", "part", "liar"), MODELS)
def test_no_false_off(machine: type[Watched], part: str, liar: type) -> None:  # noqa: ARG001
    ran = explore(machine)
    print(f"{ran.__name__}: {ran.steps} steps, {ran.said_off} times off")
    assert ran.steps >= 10_000
    assert ran.said_off > ran.steps / 20  # it was put to the test at all


@pytest.mark.parametrize(("machine", "part", "liar"), MODELS)
def test_the_model_finds_an_agent_that_lies(machine: type[Watched], part: str, liar: type) -> None:
    with pytest.raises(AssertionError, match="a false off"):
        explore(machine, **{part: liar})
