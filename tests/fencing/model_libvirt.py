"""The model of two hosts with libvirt that fail, and a guest that moves; agents that lie."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule

from hactl_agents.host.host import Failed
from hactl_fencing.fence.device import OFF, ON
from hactl_fencing.libvirt import STOPPED, LibvirtGuest
from tests.fencing import hypervisors
from tests.fencing.hypervisors import World
from tests.fencing.watched import ACTIONS, AT, OTHERS, Event, Watched


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


class Nearsighted(LibvirtGuest):
    """A liar: where the guest was, it must be.

    As an agent for one host.
    """

    def everywhere(self) -> list[str]:
        return [self.at(self.uri[0])] * 2


class Coroner(LibvirtGuest):
    """A liar: a guest that has crashed is dead.

    Its QEMU is not.
    """

    def at(self, uri: str) -> str:
        with self.asking(uri) as connection:
            domain = self.find(connection)
            state = domain.call("virDomainGetState", 0)[0] if domain else hypervisors.SHUTOFF
        return STOPPED if state == hypervisors.CRASHED else super().at(uri)


class Believer(LibvirtGuest):
    """A liar: destroyed is destroyed.

    As fence_virsh reads an answer.
    """

    def power(self) -> str:
        return OFF if self.destroyed else super().power()


LIARS = (Optimist, Nearsighted, Coroner, Believer)
EVENTS = st.sampled_from(
    [
        "a_dies",
        "b_dies",
        "a_hangs",
        "b_hangs",
        "both_are_well",
        "it_moves",
        "another_destroys_it",
        "another_starts_it",
    ]
)
STRANGE = st.sampled_from(["", "vm", "vm2 vm1", "VM1", "vm1;", "*", "../vm1", "$(vm1)", "vm1,vm2"])


class LibvirtModel(Watched):
    agent: ClassVar[type[LibvirtGuest]] = LibvirtGuest

    def __init__(self) -> None:
        super().__init__()
        self.truths, self.contacts, self.coming = [], 0, {}
        self.world = World("a", "b", agent=self.watched(self.agent))
        self.world.libvirt = WitnessedLibvirt(self.world.libvirt, self.witness)  # type: ignore[assignment]
        self.world["a"].add("vm1")
        self.world["b"].add("vm2")

    def ask(self, action: str, plug: str | None = None) -> int:
        return self.world.call(action, "vm1" if plug is None else plug, power_timeout="5")

    def truly_off(self) -> bool:
        return not self.world.runs("vm1")

    def state(self) -> object:
        return {
            (name, guest.name): guest.state
            for name in "ab"
            for guest in self.world[name].guests.values()
        }

    @invariant()
    def nobody_else_is_touched(self) -> None:
        assert self.world.runs("vm2")

    # events

    def a_dies(self) -> None:
        self.world["a"].mood = "gone"

    def b_dies(self) -> None:
        self.world["b"].mood = "gone"

    def a_hangs(self) -> None:
        self.world["a"].mood = "deaf"

    def b_hangs(self) -> None:
        self.world["b"].mood = "deaf"

    def both_are_well(self) -> None:
        self.world["a"].mood = self.world["b"].mood = "well"

    def it_moves(self) -> None:
        for source, target in ("ab", "ba"):
            if self.world[source].runs("vm1"):
                self.world[target].add("vm1", persistent=True)
                self.world[source].add("vm1", hypervisors.SHUTOFF, reason=hypervisors.MIGRATED)
                return

    def another_destroys_it(self) -> None:
        for name in "ab":
            if self.world[name].runs("vm1"):
                self.world[name].add("vm1", hypervisors.SHUTOFF, reason=hypervisors.DESTROYED)

    def another_starts_it(self) -> None:
        if not self.world.runs("vm1"):
            self.world["b"].add("vm1")

    # rules

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
        spring=st.integers(0, 3),
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

    @rule(action=ACTIONS, first=st.tuples(AT, EVENTS), second=st.tuples(AT, EVENTS))
    def act_while_others_do(self, action: str, first: Event, second: Event) -> None:
        self.judge(action, first, second)

    @rule(action=ACTIONS, plug=STRANGE)
    def act_on_a_strange_plug(self, action: str, plug: str) -> None:
        self.still()
        self.judge_wrong_plug(action, plug)

    @rule(action=OTHERS)
    def ask_something_else(self, action: str) -> None:
        self.still()
        self.judge_other(action)

    def still(self) -> None:
        """Nothing happens by itself."""
        for name in "ab":
            for guest in self.world[name].guests.values():
                guest.spring = 0
