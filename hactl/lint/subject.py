"""What a rule looks at, and what a rule is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from hactl.derive.needs import Survey
from hactl.errors import Problem
from hactl.model.cluster import Cluster
from hactl.topology.load import Topology


@dataclass(frozen=True, slots=True)
class Subject:
    """What a rule looks at: the file, the cluster made from it, what was found beside it."""

    topology: Topology
    cluster: Cluster
    survey: Survey


Rule = Callable[[Subject], Iterable[Problem]]
