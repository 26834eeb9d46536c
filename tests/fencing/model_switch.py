"""The model of a power switch that obeys and answers as it likes, and agents that lie."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import rule

from hactl_agents.host.host import Failed, TimedOut
from hactl_fencing.fence.device import OFF, ON, UNKNOWN, FenceDevice
from tests.fencing.switch import Call
from tests.fencing.watched import ACTIONS, AT, OTHERS, Event, Watched


class Outlet:
    """The true state of one plug, and how the device answers and obeys."""

    def __init__(self) -> None:
        self.power = ON
        self.obeys = "at once"
        self.answers = "truly"
        self.pending = 0
        self.spring = 0

    def obey(self, wanted: str) -> None:
        if self.obeys == "refuses":
            raise Failed("it refuses")
        if self.obeys == "at once":
            self.power = wanted
        elif self.obeys == "late":
            self.pending = 3
        elif self.obeys == "springs back":
            self.power, self.spring = wanted, 2
        elif self.obeys == "does it and fails":
            self.power = wanted
            raise Failed("the line was cut")

    def look(self) -> str:
        self.pending -= 1
        if self.pending == 0:
            self.power = OFF
        if self.answers == "hangs":
            raise TimedOut("no answer in time")
        seen = self.power
        self.spring -= 1
        if self.spring == 0:
            self.power = ON
        if self.answers == "not":
            raise Failed("no answer")
        return {"truly": seen, "vaguely": UNKNOWN, "rubbish": "perhaps"}[self.answers]


class ModelSwitch(FenceDevice):
    """A power switch for the model.

    Its outlet is true.
    """

    outlet: ClassVar[Outlet]
    witness: ClassVar[Callable[[], None]]

    def power(self) -> str:
        if self.plug != "a":
            raise Failed(f"there is no plug {self.plug!r}")
        self.witness()
        seen = self.outlet.look()
        self.witness()
        return seen

    def switch_off(self) -> None:
        if self.plug == "a":
            self.outlet.obey(OFF)
        self.witness()

    def switch_on(self) -> None:
        if self.plug == "a":
            self.outlet.obey(ON)
        self.witness()

    def plugs(self) -> dict[str, tuple[str, str]]:
        return {"a": ("", self.outlet.power)}


class Believer(ModelSwitch):
    """A liar: takes an obedient answer for a fact.

    As fence_virsh does.
    """

    believes = False

    def power(self) -> str:
        return OFF if self.believes else super().power()

    def switch_off(self) -> None:
        super().switch_off()
        self.believes = True


class Vague(ModelSwitch):
    """A liar: what is not on is off.

    As most agents built on a match of words.
    """

    def power(self) -> str:
        return ON if super().power() == ON else OFF


class Deaf(ModelSwitch):
    """A liar: what does not answer has no power.

    As missing_as_off.
    """

    def power(self) -> str:
        try:
            return super().power()
        except Failed:
            return OFF


class Ashamed(ModelSwitch):
    """A liar: that it could not be done is kept quiet.

    As a script that ends with true.
    """

    failed = False

    def switch_off(self) -> None:
        try:
            super().switch_off()
        except Failed:
            self.failed = True

    def power(self) -> str:
        return OFF if self.failed else super().power()


LIARS = (Believer, Vague, Deaf, Ashamed)
OBEYS = ["at once", "late", "not", "refuses", "springs back", "does it and fails"]
ANSWERS = ["truly", "vaguely", "not", "rubbish", "hangs"]
EVENTS = st.sampled_from(
    ["somebody_powers_on", "somebody_powers_off", "it_falls_silent", "it_answers", "it_sticks"]
)
STRANGE = st.sampled_from(
    ["", "b", "A", "a,b", "a b", "a;off", "*", "../a", "$(a)", "a\tb", "\x00"]
)


class SwitchModel(Watched):
    device: ClassVar[type[ModelSwitch]] = ModelSwitch

    def __init__(self) -> None:
        super().__init__()
        self.outlet = Outlet()
        own = {
            "outlet": self.outlet,
            "witness": staticmethod(self.witness),
            "__doc__": self.device.__doc__,
        }
        self.own = self.watched(type("Own", (self.device,), own))

    def ask(self, action: str, plug: str | None = None) -> int:
        named = "a" if plug is None else plug
        return Call(self.own, stdin=f"action={action}\nplug={named}\npower_timeout=5\n").code

    def truly_off(self) -> bool:
        return self.outlet.power == OFF

    def state(self) -> object:
        return self.outlet.power

    # events

    def somebody_powers_on(self) -> None:
        self.outlet.power = ON

    def somebody_powers_off(self) -> None:
        self.outlet.power = OFF

    def it_falls_silent(self) -> None:
        self.outlet.answers = "hangs"

    def it_answers(self) -> None:
        self.outlet.answers = "truly"

    def it_sticks(self) -> None:
        self.outlet.obeys = "not"

    # rules

    @rule(action=ACTIONS)
    def act(self, action: str) -> None:
        self.judge(action)

    @rule(obeys=st.sampled_from(OBEYS), answers=st.sampled_from(ANSWERS), action=ACTIONS)
    def act_on_a_changed_device(self, obeys: str, answers: str, action: str) -> None:
        self.outlet.obeys, self.outlet.answers = obeys, answers
        self.judge(action)

    @rule(power=st.sampled_from([ON, OFF]), action=ACTIONS)
    def act_after_somebody_else(self, power: str, action: str) -> None:
        self.outlet.power = power
        self.judge(action)

    @rule(action=ACTIONS, first=st.tuples(AT, EVENTS), second=st.tuples(AT, EVENTS))
    def act_while_others_do(self, action: str, first: Event, second: Event) -> None:
        self.judge(action, first, second)

    @rule(action=ACTIONS, plug=STRANGE)
    def act_on_a_strange_plug(self, action: str, plug: str) -> None:
        self.outlet.pending = 0
        self.judge_wrong_plug(action, plug)

    @rule(action=OTHERS)
    def ask_something_else(self, action: str) -> None:
        self.outlet.pending = 0
        self.judge_other(action)
