"""The power switch of the nodes, and the record of every time it was used.

It stands outside the nodes, as a BMC does: what it says is what it has seen.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

from hactl.errors import HactlError
from hactl.suggest import did_you_mean


@dataclass(frozen=True, slots=True)
class PowerAction:
    """One use of the switch. ``time`` is in seconds since the epoch, ``took`` in seconds."""

    time: float
    node: str
    action: str
    by: str
    result: str
    took: float

    def to_dict(self) -> dict[str, object]:
        return asdict(self)


class PowerSwitch:
    """Turns nodes off and on by functions passed in, and remembers it."""

    def __init__(
        self,
        nodes: tuple[str, ...],
        is_on: Callable[[str], bool],
        cut_off: Callable[[str], None],
        boot: Callable[[str], None],
    ) -> None:
        self.nodes = nodes
        self.is_on = is_on
        self.cut_off = cut_off
        self.boot = boot
        self.history: list[PowerAction] = []

    def state(self, node: str) -> str:
        """``on`` or ``off``. Raises HactlError for a node there is not."""
        self.known(node)
        return "on" if self.is_on(node) else "off"

    def use(self, node: str, action: str, by: str) -> str:
        """Do ``on``, ``off`` or ``reboot``; the state afterwards. Raises HactlError."""
        self.known(node)
        if action not in ("on", "off", "reboot"):
            raise HactlError(f"the power switch has no {action!r}", "use on, off or reboot")
        started, clock = time.time(), time.monotonic()
        result = "failed"
        try:
            if action in ("off", "reboot") and self.is_on(node):
                self.cut_off(node)
            if action in ("on", "reboot") and not self.is_on(node):
                self.boot(node)
            result = self.state(node)
        finally:
            took = round(time.monotonic() - clock, 4)
            self.history.append(PowerAction(started, node, action, by, result, took))
        return result

    def reply(self, question: str, by: str) -> str:
        """Answer a line of fence_lab's protocol: ok and what it asked for, or error and why."""
        try:
            return f"ok {self.carried_out(question.split(), by)}\n"
        except (HactlError, OSError) as exc:
            return f"error {exc}\n"

    def carried_out(self, words: list[str], by: str) -> str:
        match words:
            case ["list"]:
                return "\n".join(f"{name} {self.state(name)}" for name in self.nodes)
            case ["status", name]:
                return self.state(name)
            case ["on" | "off" as action, name]:
                return self.use(name, action, by)
        raise HactlError("the power switch knows: list, status NODE, on NODE, off NODE")

    def happened(self, node: str, action: str, by: str) -> None:
        """Remember what a node did to itself."""
        self.history.append(PowerAction(time.time(), node, action, by, self.state(node), 0.0))

    def known(self, node: str) -> None:
        if node not in self.nodes:
            hint = did_you_mean(node, self.nodes, f"there are {', '.join(self.nodes)}")
            raise HactlError(f"the lab has no node {node!r}", hint)
