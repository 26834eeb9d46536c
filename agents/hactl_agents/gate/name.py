"""The name of a gate, as PortGate and the agents behind gates take it."""

from hactl_agents.declare import Param

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

LONGEST = 48  # characters
NAME = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")


def gate_name(shortdesc: str, **more: "Any") -> "Any":
    """The name of a gate."""
    return Param("string", parse_gate_name, shortdesc, **more)


def parse_gate_name(text: str) -> str:
    if len(text) > LONGEST or not NAME.issuperset(text):
        raise ValueError(f"is not a name: use at most {LONGEST} letters, digits and . _ -")
    return text
