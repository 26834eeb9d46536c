"""A lab of three nodes, shared by the tests of one worker and repaired before each of them.

    def test_something(fenced_lab, eventually):
        fenced_lab.kill("node2")
        eventually(lambda: fenced_lab.power("node2", "status") == "on", "node2 is fenced")

``lab``: all online, nothing configured. ``fenced_lab``: the same with fence_lab running.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from hactl.lab.lab import Lab, wait_until
from hactl.lab.lab_spec import LabSpec
from hactl.lab.start import up
from tests.cluster.applying import BASE, OURS, Here
from tests.cluster.labs import (
    FENCED_BY_LAB,
    Eventually,
    lab_name,
    repair,
    running,
    skip_without_a_cluster_stack,
)


@pytest.fixture(scope="session")
def shared_lab() -> Iterator[Lab]:
    """Three nodes with libvirt and LXC; started once for each worker."""
    skip_without_a_cluster_stack()
    lab = up(LabSpec(lab_name("shared"), 3, services=("libvirt", "lxc")))
    yield lab
    lab.down()


@pytest.fixture
def lab(shared_lab: Lab) -> Lab:
    """The shared lab: every node on and online, every cable whole, nothing configured."""
    repair(shared_lab)
    return shared_lab


@pytest.fixture
def fenced_lab(shared_lab: Lab) -> Lab:
    """The shared lab: every node on and online, every cable whole, fence_lab running, no more."""
    repair(shared_lab, keep=frozenset({"fence"}))
    modify = ["cibadmin", "--modify", "--allow-create", "-p"]
    done = shared_lab.exec("node1", *modify, stdin=FENCED_BY_LAB)
    assert done.returncode == 0, done.stderr
    assert wait_until(lambda: "fence\t" in running(shared_lab), 20), "fence_lab does not start"
    return shared_lab


@pytest.fixture
def here(shared_lab: Lab) -> Here:
    """The lab with BASE applied and at rest, and nothing else in it."""
    repair(shared_lab, keep=OURS)
    here = Here(shared_lab)
    if "shop" in here.configuration():
        here.sh("crm_resource --resource shop --resource-type primitive --delete --force")
    applied = here.apply(BASE, "--overwrite-edits")
    assert applied.returncode == 0, applied.stdout + applied.stderr
    return here


@pytest.fixture
def eventually() -> Eventually:
    """Wait for a condition, or fail with a sentence on what has not come true."""

    def wait(condition: Callable[[], object], what: str, within: float = 30.0) -> None:
        assert wait_until(lambda: bool(condition()), within), f"not within {within} s: {what}"

    return wait
