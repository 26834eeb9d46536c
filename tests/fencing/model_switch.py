"""The model of a power switch that obeys and answers as it likes, and an agent that lies."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import rule

from hactl_agents.host import Failed
from hactl_fencing.fence.device import OFF, ON, UNKNOWN, FenceDevice
from tests.fencing.switch import Call
from tests.fencing.watched import ACTIONS, Watched


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
        self.witness()
        seen = self.outlet.look()
        self.witness()
        return seen

    def switch_off(self) -> None:
        self.outlet.obey(OFF)
        self.witness()

    def switch_on(self) -> None:
        self.outlet.obey(ON)

    def plugs(self) -> dict[str, tuple[str, str]]:
        return {"a": ("", self.power())}


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


class SwitchModel(Watched):
    device: ClassVar[type[ModelSwitch]] = ModelSwitch

    def __init__(self) -> None:
        super().__init__()
        self.was_off = False
        self.outlet = Outlet()
        own = {
            "outlet": self.outlet,
            "witness": staticmethod(self.witness),
            "__doc__": self.device.__doc__,
        }
        self.own = type("Own", (self.device,), own)

    def ask(self, action: str) -> int:
        return Call(self.own, stdin=f"action={action}\nplug=a\npower_timeout=5\n").code

    def truly_off(self) -> bool:
        return self.outlet.power == OFF

    @rule(action=ACTIONS)
    def act(self, action: str) -> None:
        self.judge(action)

    @rule(
        obeys=st.sampled_from(
            ["at once", "late", "not", "refuses", "springs back", "does it and fails"]
        ),
        answers=st.sampled_from(["truly", "vaguely", "not", "rubbish"]),
        action=ACTIONS,
    )
    def act_on_a_changed_device(self, obeys: str, answers: str, action: str) -> None:
        self.outlet.obeys, self.outlet.answers = obeys, answers
        self.judge(action)

    @rule(power=st.sampled_from([ON, OFF]), action=ACTIONS)
    def act_after_somebody_else(self, power: str, action: str) -> None:
        self.outlet.power = power
        self.judge(action)
