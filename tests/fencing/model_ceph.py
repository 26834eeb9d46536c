"""The model of Ceph's monitors with all their traps, and agents that lie."""

from __future__ import annotations

from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import rule

from hactl_agents.ceph.blocklist import Entry
from hactl_agents.host.addresses import Network
from hactl_agents.host.host import Failed
from hactl_fencing.ceph_blocklist import CephBlocklist
from hactl_fencing.fence.device import OFF
from tests.fencing.fake_ceph import CephWorld
from tests.fencing.watched import ACTIONS, OTHERS, Event, Watched


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


class Hasty(CephBlocklist):
    """A liar: one address is enough.

    As whoever forgets that a node has two networks.
    """

    def networks(self) -> tuple[Network, ...]:
        return super().networks()[:1]


class Confused(CephBlocklist):
    """A liar: an entry with this address is this address.

    It may stand for one client alone.
    """

    def entries(self, osdmap: dict[str, Any]) -> list[Entry]:
        found = super().entries(osdmap)
        for entry in found:
            entry.whole = True
            entry.until += 10**9
        return found


class Hopeful(CephBlocklist):
    """A liar: who cannot be asked is cut off.

    As missing_as_off.
    """

    def power(self) -> str:
        try:
            return super().power()
        except Failed:
            return OFF


LIARS = (Trusting, Hasty, Confused, Hopeful)
EVENTS = st.sampled_from(
    [
        "they_fall_silent",
        "they_are_lost",
        "they_are_well",
        "somebody_clears_the_list",
        "somebody_takes_one_out",
        "another_cuts_it_off",
        "a_week_passes",
    ]
)
STRANGE = st.sampled_from(["", "node9", "NODE2", "node2,node3", "node2 node3", "*", "10.1.0.2"])
MOODS = st.sampled_from(
    ["well", "well", "gone", "deaf", "denied", "liar", "forgetful", "old", "garbage", "half"]
)


SOON = st.integers(0, 7)  # the agent asks them a few times only


class CephModel(Watched):
    agent: ClassVar[type[CephBlocklist]] = CephBlocklist

    def __init__(self) -> None:
        super().__init__()
        self.truths, self.contacts, self.coming = [], 0, {}
        self.world = CephWorld(self.watched(self.agent))
        self.command = self.world.monitors.command
        self.world.monitors.command = self.witnessed  # type: ignore[method-assign]

    def witnessed(self, words: dict[str, Any]) -> tuple[int, str, str]:
        self.witness()
        answer = self.command(words)
        self.witness()
        return answer

    def ask(self, action: str, plug: str | None = None) -> int:
        self.world.on_node(2 if action == "on" else 1)
        return self.world.call(action, "node2" if plug is None else plug, power_timeout="5")

    def state(self) -> object:
        monitors = self.world.monitors
        return dict(monitors.plain), dict(monitors.ranges)

    # events

    def they_fall_silent(self) -> None:
        self.world.monitors.mood = "deaf"

    def they_are_lost(self) -> None:
        self.world.monitors.mood = "gone"

    def they_are_well(self) -> None:
        self.world.monitors.mood = "well"

    def somebody_clears_the_list(self) -> None:
        self.world.monitors.plain.clear()
        self.world.monitors.ranges.clear()

    def somebody_takes_one_out(self) -> None:
        self.world.monitors.ranges.pop("10.1.0.2/32", None)

    def another_cuts_it_off(self) -> None:
        monitors = self.world.monitors
        for name in ("10.1.0.2/32", "fd00:1::2/128"):
            monitors.ranges[name] = monitors.now + 10**8

    def a_week_passes(self) -> None:
        self.pass_time(7 * 86400)

    # rules

    def truly_off(self) -> bool:
        return all(map(self.world.monitors.blocks, ("10.1.0.2", "fd00:1::2")))

    @rule(action=ACTIONS)
    def act(self, action: str) -> None:
        self.judge(action)

    @rule(mood=MOODS, action=ACTIONS)
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
        self.pass_time(seconds)
        self.judge(action)

    @rule(action=ACTIONS, first=st.tuples(SOON, EVENTS), second=st.tuples(SOON, EVENTS))
    def act_while_others_do(self, action: str, first: Event, second: Event) -> None:
        self.judge(action, first, second)

    @rule(action=ACTIONS, plug=STRANGE)
    def act_on_a_strange_plug(self, action: str, plug: str) -> None:
        self.calm()
        self.judge_wrong_plug(action, plug)

    @rule(action=OTHERS)
    def ask_something_else(self, action: str) -> None:
        self.calm()
        self.judge_other(action)

    def calm(self) -> None:
        """Nothing happens by itself."""
        if self.world.monitors.mood == "forgetful":
            self.world.monitors.mood = "well"

    def pass_time(self, seconds: int) -> None:
        monitors = self.world.monitors
        monitors.now += seconds
        for where in (monitors.plain, monitors.ranges):
            for name in [name for name, until in where.items() if until <= monitors.now]:
                del where[name]
