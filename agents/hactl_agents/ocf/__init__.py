"""The OCF runtime: what an agent author needs, and nothing that is slow to import."""

from hactl_agents.declare import BadValue, boolean, choice, integer, seconds, string, words
from hactl_agents.ocf.agent import Agent, Status, action
from hactl_agents.ocf.errors import (
    Degraded,
    DegradedPromoted,
    Failed,
    NotConfigured,
    NotInstalled,
    TimedOut,
    Unimplemented,
    WrongHere,
)

__all__ = [
    "Agent",
    "BadValue",
    "Degraded",
    "DegradedPromoted",
    "Failed",
    "NotConfigured",
    "NotInstalled",
    "Status",
    "TimedOut",
    "Unimplemented",
    "WrongHere",
    "action",
    "boolean",
    "choice",
    "integer",
    "seconds",
    "string",
    "words",
]
