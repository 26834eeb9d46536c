"""Cluster properties, resource defaults and totem settings, with what two nodes need."""

from __future__ import annotations

from hactl.derive.fencing import TIE_BREAK, delays, reaction, stonith_timeout, watchdog
from hactl.derive.locks import locks
from hactl.model.timing import duration
from hactl.model.totem import QuorumDevice, Totem
from hactl.topology.schema.document import Document

CONSENSUS = 1.2
WRITTEN = "written"


def totem(document: Document) -> Totem:
    cluster = document.cluster
    two = len(document.nodes) == 2 and cluster.qdevice is None
    return Totem(
        token=cluster.token,
        consensus=cluster.consensus or round(cluster.token * CONSENSUS),
        two_node=two,
        wait_for_all=two if cluster.wait_for_all is None else cluster.wait_for_all,
        qdevice=qdevice(document),
    )


def qdevice(document: Document) -> QuorumDevice | None:
    given = document.cluster.qdevice
    if given is None:
        return None
    return QuorumDevice(given.host, given.algorithm, given.tls, given.sync_timeout)


def properties(document: Document) -> dict[str, str]:
    """Return the cluster properties; what the operator wrote under ``properties`` wins."""
    cluster = document.cluster
    if cluster.settings == WRITTEN:
        return written(document) | cluster.properties
    return usual(document) | cluster.properties


def written(document: Document) -> dict[str, str]:
    """Return the properties with a key of their own, as far as that is written."""
    cluster = document.cluster
    found = {
        "stonith-enabled": "true" if cluster.fencing else "false",
        "no-quorum-policy": cluster.no_quorum_policy,
        "migration-limit": str(cluster.migration_limit),
        "stonith-timeout": duration(cluster.stonith_timeout or 0),
        "dc-deadtime": duration(cluster.dc_deadtime or 0),
    }
    keys = {
        "stonith-enabled": "fencing",
        **{name: name.replace("-", "_") for name in found if name != "stonith-enabled"},
    }
    return {name: value for name, value in found.items() if keys[name] in cluster.model_fields_set}


def usual(document: Document) -> dict[str, str]:
    """Return the properties that fit, where the operator wrote nothing else."""
    cluster = document.cluster
    found = {
        "stonith-enabled": "true" if cluster.fencing else "false",
        "no-quorum-policy": no_quorum_policy(document),
        "migration-limit": str(cluster.migration_limit),
    }
    if cluster.fencing:
        found["stonith-timeout"] = duration(stonith_timeout(document))
    if (dog := watchdog(document)) and not dog.disks:
        found["stonith-watchdog-timeout"] = duration(dog.longest)
    if cluster.fencing and (word := reaction(document)):
        found["fence-reaction"] = word
    if cluster.fencing and document.fencing.drill_every:
        # Pacemaker knows nothing of it; whoever looks at the cluster has to
        found["hactl-drill-every"] = duration(document.fencing.drill_every)
    if len(document.nodes) == 2 and cluster.fencing and cluster.qdevice is None:
        # At least twice the longest delay of a device, or that could outweigh the priorities.
        longest = max(delays(document), default=0) or TIE_BREAK
        found["priority-fencing-delay"] = duration(2 * longest)
    if any(node.cpus or node.memory for node in document.nodes.values()):
        found["placement-strategy"] = "balanced"
    if cluster.dc_deadtime is not None:
        found["dc-deadtime"] = duration(cluster.dc_deadtime)
    return found


def no_quorum_policy(document: Document) -> str:
    """Return what is written, or else what fits.

    A partition without quorum cannot get locks, so it could not even unmount: it has to freeze.
    """
    cluster = document.cluster
    if "no_quorum_policy" not in cluster.model_fields_set and locks(document):
        return "freeze"
    return cluster.no_quorum_policy


def resource_defaults(document: Document) -> dict[str, str]:
    defaults = document.cluster.defaults
    found = {
        "resource-stickiness": str(defaults.stickiness),
        "migration-threshold": str(defaults.migration_threshold),
        "failure-timeout": duration(defaults.failure_timeout),
    }
    if document.cluster.settings != WRITTEN:
        return found
    keys = dict(zip(found, ("stickiness", "migration_threshold", "failure_timeout"), strict=True))
    return {name: value for name, value in found.items() if keys[name] in defaults.model_fields_set}
