"""Exceptions that become OCF exit codes (OCF resource agent API 1.1, section 4)."""

from hactl_agents.host.host import Failed, NotInstalled, Terminated, TimedOut

__all__ = [
    "Degraded",
    "DegradedPromoted",
    "Failed",
    "NotConfigured",
    "NotInstalled",
    "Terminated",
    "TimedOut",
    "Unimplemented",
    "WrongHere",
]


class WrongHere(Failed):
    """The parameters cannot work on this node, though they may elsewhere (OCF_ERR_ARGS)."""

    code = 2


class Unimplemented(Failed):
    """Pacemaker asked for an action this agent does not have (OCF_ERR_UNIMPLEMENTED)."""

    code = 3


class NotConfigured(Failed):
    """A parameter is wrong on every node (OCF_ERR_CONFIGURED)."""

    code = 6


class Degraded(Failed):
    """The resource runs, but not as well as it should (OCF_DEGRADED)."""

    code = 190


class DegradedPromoted(Degraded):
    """It runs promoted, but not as well as it should (OCF_DEGRADED_PROMOTED)."""

    code = 191
