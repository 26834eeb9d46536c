"""Cluster properties: those with a key of their own, those nobody knows, those that are gone,
and values that Pacemaker would not take or that undo what the rest of the file says.
"""

from __future__ import annotations

from collections.abc import Iterator

from hactl.errors import Problem
from hactl.lint.option_values import PROPERTIES, complaint
from hactl.lint.subject import Subject
from hactl.model.boolean import FALSE, TRUE
from hactl.suggest import did_you_mean

OWN_KEYS = {
    "cluster-name": "name",
    "stonith-enabled": "fencing",
    "fencing-enabled": "fencing",
    "stonith-timeout": "stonith_timeout",
    "fencing-timeout": "stonith_timeout",
    "no-quorum-policy": "no_quorum_policy",
    "migration-limit": "migration_limit",
    "dc-deadtime": "dc_deadtime",
}
RUN_BY_PACEMAKER = frozenset(
    {"dc-version", "cluster-infrastructure", "have-watchdog", "last-lrm-refresh"}
)
# Gone with Pacemaker 2.0 or 3.0, or on the way out: not to be started now.
GONE = {
    "default-resource-stickiness": "cluster.defaults.stickiness",
    "default-resource-failure-stickiness": "cluster.defaults.migration_threshold",
    "is-managed-default": "meta: {is-managed: ...} of the resources",
    "default-action-timeout": "timeouts of the resources",
    "default-migration-threshold": "cluster.defaults.migration_threshold",
    "remove-after-stop": "nothing: Pacemaker 3.0 removed it",
    "stop-removed-resources": "nothing: stop-orphan-resources",
    "concurrent-fencing": "nothing: it is on, and deprecated",
    "crmd-integration-timeout": "join-integration-timeout",
    "crmd-finalization-timeout": "join-finalization-timeout",
    "crmd-transition-delay": "transition-delay",
}
# value, what it does, and the mend: with it nothing in this file could run
UNDOING = {
    "stop-all-resources": (
        TRUE,
        "stops everything in this file and keeps it stopped",
        "remove it; to stop one thing, set its meta target-role to Stopped",
    ),
    "symmetric-cluster": (
        FALSE,
        "lets nothing run where no constraint allows it, and hactl writes none for that",
        "remove it; nodes: says where something may run",
    ),
}
KNOWN = frozenset(
    {"batch-limit", "cluster-delay", "cluster-ipc-limit", "cluster-recheck-interval"}
    | {"dc-deadtime", "election-timeout", "enable-acl", "enable-startup-probes"}
    | {
        "fence-reaction",
        "fencing-reaction",
        "fencing-watchdog-timeout",
        "join-finalization-timeout",
    }
    | {"join-integration-timeout", "load-threshold", "maintenance-mode", "migration-limit"}
    | {"node-action-limit", "node-health-base", "node-health-green", "node-health-red"}
    | {"node-health-strategy", "node-health-yellow", "node-pending-timeout", "pe-error-series-max"}
    | {"pe-input-series-max", "pe-warn-series-max", "placement-strategy", "priority-fencing-delay"}
    | {"shutdown-escalation", "shutdown-lock", "shutdown-lock-limit", "start-failure-is-fatal"}
    | {"startup-fencing", "stonith-action", "stonith-max-attempts", "stonith-watchdog-timeout"}
    | {"fencing-action", "fencing-max-attempts", "stop-all-resources", "stop-orphan-actions"}
    | {"stop-orphan-resources", "symmetric-cluster", "transition-delay"}
)


def properties(subject: Subject) -> Iterator[Problem]:
    """Every property is one that Pacemaker knows, and is written in its one place."""
    topology = subject.topology
    for name, value in topology.document.cluster.properties.items():
        path = ("cluster", "properties", name)
        if name in OWN_KEYS:
            key = OWN_KEYS[name]
            yield topology.problem(path, f"has a key of its own: cluster.{key}", f"write {key}:")
        elif name in RUN_BY_PACEMAKER:
            yield topology.problem(path, "is written by Pacemaker itself", "remove it")
        elif name in GONE:
            yield topology.problem(path, "is gone from Pacemaker", f"use {GONE[name]}")
        elif name not in KNOWN:
            yield topology.warning(
                path,
                "is not a property this hactl knows; Pacemaker ignores unknown ones silently",
                did_you_mean(name, KNOWN, "check its name"),
            )
        elif wrong := name in PROPERTIES and complaint(PROPERTIES[name], value):
            yield topology.problem(path, *wrong)
        elif is_undoing(name, value):
            yield topology.problem(path, *UNDOING[name][1:])
        elif name == "startup-fencing" and value.lower() in FALSE:
            yield topology.warning(
                path,
                "a node that nobody has seen is taken for off, so its guests may run twice",
                "remove it",
            )


def is_undoing(name: str, value: str) -> bool:
    return name in UNDOING and value.lower() in UNDOING[name][0]
