"""A topology file -> the cluster it stands for, or everything that is wrong with it."""

from __future__ import annotations

from hactl.errors import Problem, Severity, TopologyError
from hactl.model.cluster import Cluster
from hactl.topology.build import build
from hactl.topology.lint import lint
from hactl.topology.load import Topology, in_order, load
from hactl.topology.source import read_bytes
from hactl.topology.survey import Reader, survey


def read(path: str, reader: Reader | None = None) -> tuple[Cluster, list[Problem]]:
    """Read, complete and check a topology file; return the cluster and the warnings.

    ``reader`` opens the files that the topology points to (libvirt XML, LXC configs).
    Raises TopologyError with all problems, warnings among them, sorted by line.
    """
    return understand(load(path), reader or read_bytes)


def understand(topology: Topology, reader: Reader) -> tuple[Cluster, list[Problem]]:
    found = survey(topology.document, reader)
    cluster = build(topology, found)
    problems = in_order([*topology.problems, *lint(topology, cluster, found)])
    if any(problem.severity is Severity.ERROR for problem in problems):
        raise TopologyError(problems)
    return cluster, problems
