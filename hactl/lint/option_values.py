"""The values that Pacemaker's cluster properties and meta attributes take.

Pacemaker ignores a value it cannot read, with no more than a line in a log. Sources:
pacemaker-schedulerd(7), pacemaker-controld(7), Pacemaker Explained ("Resource Meta-Attributes").
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from hactl.model.boolean import FALSE, TRUE
from hactl.model.pacemaker_time import pacemaker_time
from hactl.suggest import did_you_mean, one_of

BOOLEANS = (*TRUE, *FALSE)
SCORE = re.compile(r"[+-]?(INFINITY|[0-9]{1,7})", re.IGNORECASE)
SCORE_WORDS = ("red", "yellow", "green")
ZERO_OR_ISO = re.compile(r"-1|0+[a-z]*|P[0-9TDHMSYW]+", re.IGNORECASE)
NUMBER = re.compile(r"-?[0-9]{1,9}")
PERCENT = re.compile(r"[0-9]{1,3}(\.[0-9]+)?%?")

Values = tuple[str, ...] | str

PROPERTIES: Mapping[str, Values] = {
    "placement-strategy": ("default", "utilization", "minimal", "balanced"),
    "node-health-strategy": ("none", "migrate-on-red", "only-green", "progressive", "custom"),
    "fence-reaction": ("stop", "panic"),
    "fencing-reaction": ("stop", "panic"),
    "stonith-action": ("reboot", "off", "poweroff"),
    "fencing-action": ("reboot", "off"),
    **dict.fromkeys(
        (
            "enable-acl", "enable-startup-probes", "maintenance-mode", "shutdown-lock",
            "start-failure-is-fatal", "startup-fencing", "stop-all-resources",
            "stop-orphan-actions", "stop-orphan-resources", "symmetric-cluster",
        ),
        BOOLEANS,
    ),
    **dict.fromkeys(
        (
            "cluster-delay", "cluster-recheck-interval", "election-timeout",
            "fencing-watchdog-timeout", "join-finalization-timeout", "join-integration-timeout",
            "node-pending-timeout", "priority-fencing-delay", "shutdown-escalation",
            "shutdown-lock-limit", "stonith-watchdog-timeout", "transition-delay",
        ),
        "time",
    ),
    **dict.fromkeys(
        (
            "batch-limit", "cluster-ipc-limit", "node-action-limit",
            "pe-error-series-max", "pe-input-series-max", "pe-warn-series-max",
        ),
        "number",
    ),
    **dict.fromkeys(
        ("node-health-base", "node-health-green", "node-health-red", "node-health-yellow"), "score"
    ),
    **dict.fromkeys(("stonith-max-attempts", "fencing-max-attempts"), "count"),
    "load-threshold": "percent",
}  # fmt: skip

META: Mapping[str, Values] = {
    "target-role": ("Started", "Stopped", "Promoted", "Unpromoted", "Master", "Slave"),
    "multiple-active": ("block", "stop_only", "stop_start", "stop_unexpected"),
    "requires": ("nothing", "quorum", "fencing", "unfencing"),
    "remote-allow-migrate": BOOLEANS,
    "container-attribute-target": ("host",),
    **dict.fromkeys(
        (
            "allow-migrate", "allow-unhealthy-nodes", "critical", "globally-unique", "interleave",
            "is-managed", "maintenance", "notify", "ordered", "promotable",
        ),
        BOOLEANS,
    ),
    **dict.fromkeys(("priority", "resource-stickiness", "migration-threshold"), "score"),
    **dict.fromkeys(("failure-timeout", "remote-connect-timeout"), "time"),
    **dict.fromkeys(
        ("clone-max", "clone-min", "clone-node-max", "promoted-max", "promoted-node-max",
         "master-max", "master-node-max", "remote-port"),
        "count",
    ),
}  # fmt: skip
# taken as they are
FREE = frozenset({"remote-node", "remote-addr", "resource-discovery"})
KINDS = {
    "time": ("a time", "write it like 30s"),
    "number": ("a number", "write a whole number"),
    "count": ("a number", "write a whole number"),
    "score": ("a score", "write a whole number below a million, or INFINITY"),
    "percent": ("a percentage", "write it like 80%"),
}


def complaint(values: Values, given: str) -> tuple[str, str] | None:
    """Return why ``given`` cannot be right and how to mend it, or None where it can be."""
    if isinstance(values, tuple):
        # Pacemaker compares most words and all booleans without their case
        if given.lower() in {value.lower() for value in values}:
            return None
        shown = ("true", "false") if values is BOOLEANS else values
        return f"{given!r} is not one of its values", did_you_mean(
            given, shown, f"write one of {one_of(list(shown))}"
        )
    if fits(values, given):
        return None
    what, hint = KINDS[values]
    return f"{given!r} is not {what}", hint


def fits(kind: str, given: str) -> bool:
    match kind:
        case "time":
            return pacemaker_time(given) > 0 or ZERO_OR_ISO.fullmatch(given) is not None
        case "score":
            return given in SCORE_WORDS or SCORE.fullmatch(given) is not None
        case "percent":
            return PERCENT.fullmatch(given) is not None
        case "count":
            return SCORE.fullmatch(given) is not None and not given.startswith("-")
        case _:
            return NUMBER.fullmatch(given) is not None
