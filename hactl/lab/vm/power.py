"""What the power switch says to a fence agent: one line of text there and back."""

from __future__ import annotations

from hactl.errors import HactlError
from hactl.lab.power import PowerSwitch


def answer(power: PowerSwitch, question: str, by: str) -> str:
    """The reply to a question of fence_lab's: ok and what it asked for, or error and why."""
    try:
        return f"ok {carried_out(power, question.split(), by)}\n"
    except HactlError as exc:
        return f"error {exc}\n"


def carried_out(power: PowerSwitch, words: list[str], by: str) -> str:
    match words:
        case ["list"]:
            return "\n".join(f"{name} {power.state(name)}" for name in power.nodes)
        case ["status", name]:
            return power.state(name)
        case ["on" | "off" as action, name]:
            return power.use(name, action, by)
    raise HactlError("the power switch knows: list, status NODE, on NODE, off NODE")
