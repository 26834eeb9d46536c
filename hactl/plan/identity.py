"""Whose cluster it is: proves from the CIB that a topology is meant for it, and changes nothing."""

from __future__ import annotations

from dataclasses import dataclass

from lxml.etree import _Element

from hactl.errors import ClusterError
from hactl.plan.plan import name_of


class WrongCluster(ClusterError):
    """The topology is for another cluster."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What a topology calls its cluster and its nodes.

    ``adopted`` is the name of a cluster that is to become the topology's although its name is
    another.
    """

    name: str
    nodes: tuple[str, ...]
    adopted: str = ""

    def refuse_other(self, live: _Element) -> None:
        """Raise WrongCluster unless ``live`` is the CIB of this cluster.

        A CIB without a name and without nodes, such as a new one, is anybody's.
        """
        name = name_of(live)
        there = {node.get("uname", "") for node in live.iterfind("configuration/nodes/node")}
        which = f"cluster {name!r}" if name else "a cluster without a name"
        here = f"this is {which}, with the nodes {', '.join(sorted(there)) or '(none)'}"
        ours = f"the topology is for {self.name!r}, with the nodes {', '.join(self.nodes)}"
        if self.adopted and self.adopted != name:
            raise WrongCluster(f"--adopt-cluster {self.adopted}: {here}", "give its own name")
        if there and not there & set(self.nodes):
            raise WrongCluster(
                f"{here}; {ours}: they have none in common", f"run hactl on a node of {self.name!r}"
            )
        if name and name not in (self.name, self.adopted):
            raise WrongCluster(
                f"{here}; {ours}",
                f"run hactl on a node of {self.name!r}, correct cluster.name in the topology, or "
                f"say --adopt-cluster {name} if this cluster is to become what the topology says",
            )
