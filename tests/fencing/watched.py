"""A model's rule: an agent may say off only if its plug truly was off during that very call."""

from __future__ import annotations

from typing import ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine

ACTIONS = st.sampled_from(["off", "on", "reboot", "status"])


class Watched(RuleBasedStateMachine):
    """Calls an agent, and remembers whether its plug was truly off in between."""

    steps: ClassVar[int]
    said_off: ClassVar[int]

    def ask(self, action: str) -> int:
        raise NotImplementedError

    def truly_off(self) -> bool:
        raise NotImplementedError

    def judge(self, action: str) -> None:
        type(self).steps += 1
        self.was_off = self.truly_off()
        code = self.ask(action)
        self.was_off = self.was_off or self.truly_off()
        assert code in (0, 1, 2)
        if (action in ("off", "reboot") and code == 0) or (action == "status" and code == 2):
            type(self).said_off += 1
            assert self.was_off, f"a false off: {action} exits {code}"

    def witness(self) -> None:
        """Called at every contact of the agent with its device."""
        self.was_off = self.was_off or self.truly_off()
