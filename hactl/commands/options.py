"""What several verbs ask for in the same words."""

from __future__ import annotations

from hactl.model.cluster import Cluster
from hactl.plan.identity import Identity

ADOPT_CLUSTER = "Take over the cluster of this NAME, although the topology calls it otherwise."


def identity(cluster: Cluster, adopted: str) -> Identity:
    """Return whose CIB the one to be changed must be."""
    return Identity(cluster.name, tuple(node.name for node in cluster.nodes), adopted)
