"""The model of Ceph's monitors with all their traps, and an agent that lies."""

from __future__ import annotations

from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import rule

from hactl_fencing.ceph_blocklist import CephBlocklist
from hactl_fencing.fence.device import OFF
from tests.fencing.fake_ceph import CephWorld
from tests.fencing.watched import ACTIONS, Watched


class Trusting(CephBlocklist):
    """A liar: the monitors said yes, so it is cut off.

    As many scripts do.
    """

    trusts = False

    def power(self) -> str:
        return OFF if self.trusts else super().power()

    def switch_off(self) -> None:
        super().switch_off()
        self.trusts = True


class CephModel(Watched):
    agent: ClassVar[type[CephBlocklist]] = CephBlocklist

    def __init__(self) -> None:
        super().__init__()
        self.was_off = False
        self.world = CephWorld(self.agent)
        self.command = self.world.monitors.command
        self.world.monitors.command = self.witnessed  # type: ignore[method-assign]

    def witnessed(self, words: dict[str, Any]) -> tuple[int, str, str]:
        self.witness()
        answer = self.command(words)
        self.witness()
        return answer

    def ask(self, action: str) -> int:
        self.world.on_node(2 if action == "on" else 1)
        return self.world.call(action, power_timeout="5")

    def truly_off(self) -> bool:
        return all(map(self.world.monitors.blocks, ("10.1.0.2", "fd00:1::2")))

    @rule(action=ACTIONS)
    def act(self, action: str) -> None:
        self.judge(action)

    @rule(
        mood=st.sampled_from(
            [
                "well",
                "well",
                "gone",
                "deaf",
                "denied",
                "liar",
                "forgetful",
                "old",
                "garbage",
                "half",
            ]
        ),
        action=ACTIONS,
    )
    def act_with_monitors_that_changed(self, mood: str, action: str) -> None:
        self.world.monitors.mood = mood
        self.judge(action)

    @rule(
        name=st.sampled_from(["10.1.0.2/32", "fd00:1::2/128", "10.1.0.0/24", "10.1.0.1/32"]),
        seconds=st.sampled_from([1, 3600, 86400, 10**8]),
        action=ACTIONS,
    )
    def act_after_somebody_blocked(self, name: str, seconds: int, action: str) -> None:
        self.world.monitors.ranges[name] = self.world.monitors.now + seconds
        self.judge(action)

    @rule(client=st.integers(0, 9), action=ACTIONS)
    def act_after_a_client_was_blocked(self, client: int, action: str) -> None:
        self.world.monitors.plain[f"10.1.0.2:0/{client}"] = self.world.monitors.now + 3600
        self.judge(action)

    @rule(seconds=st.sampled_from([1, 3600, 10**7, 2 * 10**8]), action=ACTIONS)
    def act_after_some_time(self, seconds: int, action: str) -> None:
        monitors = self.world.monitors
        monitors.now += seconds
        for where in (monitors.plain, monitors.ranges):
            for name in [name for name, until in where.items() if until <= monitors.now]:
                del where[name]
        self.judge(action)
