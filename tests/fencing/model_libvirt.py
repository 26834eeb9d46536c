"""The model of two hosts with libvirt that fail, and a guest that moves; an agent that lies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import rule

from hactl_agents.host import Failed
from hactl_fencing.fence.device import OFF, ON
from hactl_fencing.libvirt import LibvirtGuest
from tests.fencing import hypervisors
from tests.fencing.hypervisors import World
from tests.fencing.watched import ACTIONS, Watched


class WitnessedLibvirt:
    """The fake binding, with a look at the truth around every call."""

    def __init__(self, inner: Any, witness: Callable[[], None]) -> None:
        self.inner = inner
        self.witness = witness

    def __getattr__(self, name: str) -> Any:
        function = getattr(self.inner, name)

        def call(*args: Any) -> Any:
            self.witness()
            result = function(*args)
            self.witness()
            return result

        return call


class Optimist(LibvirtGuest):
    """A liar: what is not running must be off.

    As fence_virsh reads it.
    """

    def power(self) -> str:
        try:
            return super().power() if super().power() == ON else OFF
        except Failed:
            return OFF


class LibvirtModel(Watched):
    agent: ClassVar[type[LibvirtGuest]] = LibvirtGuest

    def __init__(self) -> None:
        super().__init__()
        self.was_off = False
        self.world = World("a", "b", agent=self.agent)
        self.world.libvirt = WitnessedLibvirt(self.world.libvirt, self.witness)  # type: ignore[assignment]
        self.world["a"].add("vm1")

    def ask(self, action: str) -> int:
        return self.world.call(action, power_timeout="5")

    def truly_off(self) -> bool:
        return not self.world.runs("vm1")

    @rule(action=ACTIONS)
    def act(self, action: str) -> None:
        self.judge(action)

    @rule(
        host=st.sampled_from(["a", "b"]),
        mood=st.sampled_from(["well", "well", "gone", "deaf", "broken", "liar", "stubborn"]),
        action=ACTIONS,
    )
    def act_with_a_host_that_changed(self, host: str, mood: str, action: str) -> None:
        self.world[host].mood = mood
        self.judge(action)

    @rule(
        host=st.sampled_from(["a", "b"]),
        state=st.integers(0, 8),
        persistent=st.booleans(),
        spring=st.integers(0, 1),
        action=ACTIONS,
    )
    def act_on_a_guest_that_changed(
        self, host: str, state: int, persistent: bool, spring: int, action: str
    ) -> None:
        reason = hypervisors.DESTROYED if state == hypervisors.SHUTOFF else 1
        self.world[host].add("vm1", state, reason=reason, persistent=persistent, spring=spring)
        self.judge(action)

    @rule(action=ACTIONS, to=st.sampled_from(["a", "b"]), keeps=st.booleans())
    def act_after_it_moved(self, action: str, to: str, keeps: bool) -> None:
        source = self.world["b" if to == "a" else "a"]
        if source.runs("vm1"):
            self.world[to].add("vm1", persistent=keeps)
            source.add("vm1", hypervisors.SHUTOFF, reason=hypervisors.MIGRATED)
        self.judge(action)

    @rule(action=ACTIONS, host=st.sampled_from(["a", "b"]))
    def act_after_it_was_undefined(self, action: str, host: str) -> None:
        if not self.world[host].runs("vm1"):
            self.world[host].guests.pop("vm1", None)
        self.judge(action)
