"""The power switch and its memory."""

from __future__ import annotations

import pytest

from hactl.errors import ClusterError, HactlError
from hactl.lab.power import PowerSwitch


class Machines:
    """Nodes that are on or off, and may refuse to go."""

    def __init__(self) -> None:
        self.on = {"node1"}
        self.stuck: set[str] = set()
        self.switch = PowerSwitch(("node1", "node2"), self.on.__contains__, self.kill, self.on.add)

    def kill(self, node: str) -> None:
        if node in self.stuck:
            raise ClusterError("a process of the node is still there after 10 s")
        self.on.remove(node)


@pytest.mark.parametrize(
    ("before", "action", "after"),
    [
        (True, "off", "off"),
        (False, "off", "off"),
        (True, "on", "on"),
        (False, "on", "on"),
        (True, "reboot", "on"),
        (False, "reboot", "on"),
    ],
)
def test_it_says_the_state_after_the_action(before: bool, action: str, after: str) -> None:
    machines = Machines()
    machines.on = {"node1"} if before else set()
    machines.switch = PowerSwitch(
        ("node1", "node2"), machines.on.__contains__, machines.kill, machines.on.add
    )
    assert machines.switch.use("node1", action, "somebody") == after
    (use,) = machines.switch.history
    assert (use.node, use.action, use.by, use.result) == ("node1", action, "somebody", after)


def test_a_node_that_does_not_go_is_not_called_off() -> None:
    machines = Machines()
    machines.stuck.add("node1")
    with pytest.raises(ClusterError, match="still there"):
        machines.switch.use("node1", "off", "node2")
    assert machines.switch.state("node1") == "on"
    assert machines.switch.history[-1].result == "failed"


def test_an_unknown_node_gets_a_hint_and_no_record() -> None:
    machines = Machines()
    with pytest.raises(HactlError, match="did you mean 'node1'"):
        machines.switch.use("nod1", "off", "x")
    with pytest.raises(HactlError, match="there are node1, node2"):
        machines.switch.state("")
    with pytest.raises(HactlError, match="use on, off or reboot"):
        machines.switch.use("node1", "explode", "x")
    assert machines.switch.history == []
