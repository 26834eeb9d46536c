"""One call of a fence agent that changes nothing: what it is told, and what it may not be told.

What stands in the CIB decides the lines. A line that would be another line, or an action that does
something, is not said: asking fences nobody.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

HARMLESS = frozenset({"metadata", "monitor", "status", "list", "list-status", "validate-all"})
# what agents take for the action; `option` is its name of old
ACTIONS = ("action", "option")
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


@dataclass(frozen=True, slots=True)
class Question:
    """``lines`` go to the agent's standard input; ``refused`` says why they must not."""

    device: str
    agent: str
    action: str
    lines: str
    refused: str = ""


def question(device: str, agent: str, action: str, given: Mapping[str, str]) -> Question:
    """Return the question that ``given``, by parameter, is for the agent."""
    lines = "".join(f"{name}={value}\n" for name, value in given.items())
    return Question(device, agent, action, lines, refusal(given))


def refusal(given: Mapping[str, str]) -> str:
    """Why an agent is not told this, '' where nothing speaks against it."""
    for name, value in given.items():
        if not NAME.fullmatch(name):
            return f"not asked: {name!r} is not the name of a parameter"
        if value and value.splitlines() != [value]:
            return f"not asked: {name} has a line break in it, which would begin another parameter"
        if name in ACTIONS and value not in HARMLESS:
            return f"not asked: it would be told {name}={value}, which may do something"
    return ""
