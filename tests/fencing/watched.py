"""A model's rule: an agent may say off only if its plug truly was off while it last looked.

While an agent is at work, others are too: an event of the model may fall on any contact that the
agent has with its device.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine

ACTIONS = st.sampled_from(["off", "on", "reboot", "status"])
OTHERS = st.sampled_from(["monitor", "list", "list-status", "validate-all", "metadata", "blow"])
AT = st.integers(0, 24)  # at which contact; later than the last one is never
Event = tuple[int, str]


class Watched(RuleBasedStateMachine):
    """Calls an agent, and remembers whether its plug was truly off since it began to look."""

    steps: ClassVar[int]
    said_off: ClassVar[int]
    happened: ClassVar[int]
    truths: list[bool]
    coming: dict[int, str]
    contacts: int

    def ask(self, action: str, plug: str | None = None) -> int:
        raise NotImplementedError

    def truly_off(self) -> bool:
        raise NotImplementedError

    def state(self) -> object:
        """All there is of the device that an action could change."""
        raise NotImplementedError

    def judge(self, action: str, *events: Event) -> None:
        type(self).steps += 1
        self.truths, self.contacts, self.coming = [self.truly_off()], 0, dict(events)
        code = self.ask(action)
        assert code in (0, 1, 2)
        if (action in ("off", "reboot") and code == 0) or (action == "status" and code == 2):
            type(self).said_off += 1
            assert any(self.truths), f"a false off: {action} exits {code}"

    def judge_wrong_plug(self, action: str, plug: str) -> None:
        """What is not there is never off, and nothing else is touched."""
        type(self).steps += 1
        self.truths, self.contacts, self.coming = [self.truly_off()], 0, {}
        before = self.state()
        code = self.ask(action, plug)
        assert code == 1, f"a false off: {action} of {plug!r}, which is not there, exits {code}"
        assert self.state() == before, f"{action} of {plug!r} has changed something"

    def judge_other(self, action: str) -> None:
        """Whatever else is asked of it changes nothing."""
        type(self).steps += 1
        self.truths, self.contacts, self.coming = [self.truly_off()], 0, {}
        before = self.state()
        assert self.ask(action) in (0, 1)
        assert self.state() == before, f"{action} has changed something"

    # what the model's device calls

    def begins_to_look(self) -> None:
        self.truths = [self.truly_off()]

    def witness(self) -> None:
        """Called at every contact of the agent with its device."""
        event = self.coming.pop(self.contacts, "")
        self.contacts += 1
        if event:
            type(self).happened += 1
            getattr(self, event)()
        self.truths.append(self.truly_off())

    def watched(self, agent: type[Any]) -> type[Any]:
        """The agent, with a word to us whenever it begins to look at the power."""
        begins: Callable[[], None] = self.begins_to_look

        def power(device: Any) -> str:
            begins()
            return str(agent.power(device))

        own = {"power": power, "__doc__": agent.__doc__, "__module__": agent.__module__}
        return type(agent.__name__, (agent,), own)
