"""What is wrong with a well-formed topology as a whole: each rule in a file of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from hactl.errors import Problem
from hactl.model.cluster import Cluster
from hactl.topology.load import Topology
from hactl.topology.survey import Survey


@dataclass(frozen=True, slots=True)
class Subject:
    """What a rule looks at: the file, the cluster made from it, what was found beside it."""

    topology: Topology
    cluster: Cluster
    survey: Survey


Rule = Callable[[Subject], Iterable[Problem]]


def lint(topology: Topology, cluster: Cluster, survey: Survey) -> Iterator[Problem]:
    from hactl.topology.lint.rules import RULES

    subject = Subject(topology, cluster, survey)
    for rule in RULES:
        yield from rule(subject)
