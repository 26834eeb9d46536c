"""A topology file -> the cluster it stands for, or everything that is wrong with it."""

from __future__ import annotations

from collections.abc import Sequence

from hactl import derive
from hactl.derive import needs
from hactl.derive.needs import Reader
from hactl.errors import Problem, Severity, TopologyError
from hactl.lint.rules import lint, suspicions
from hactl.lint.subject import Subject
from hactl.model.cluster import Cluster
from hactl.topology.load import Malformed, in_order, loads
from hactl.topology.yaml import source


def read(path: str, reader: Reader | None = None) -> tuple[Cluster, list[Problem]]:
    """Read, complete and check a topology file (``-``: standard input).

    Returns the cluster and the warnings. ``reader`` opens the files that the topology points to
    (libvirt XML, LXC configs). Raises TopologyError with all problems, warnings among them,
    sorted by line.
    """
    subject, problems = understood(path, reader)
    return subject.cluster, problems


def understood(path: str, reader: Reader | None = None) -> tuple[Subject, list[Problem]]:
    """Do the same, and return also the topology itself, and what was found beside it."""
    text, warnings = source.read_text(path)
    return understand(text, source.display(path), reader or source.read_bytes, warnings)


def reads(
    text: str, file: str, reader: Reader, warnings: Sequence[Problem] = ()
) -> tuple[Cluster, list[Problem]]:
    """Do the same as `read` for the text of a topology."""
    subject, problems = understand(text, file, reader, warnings)
    return subject.cluster, problems


def understand(
    text: str, file: str, reader: Reader, warnings: Sequence[Problem] = ()
) -> tuple[Subject, list[Problem]]:
    try:
        topology = loads(text, file, warnings)
    except Malformed as exc:
        raise TopologyError(in_order([*exc.problems, *what_else(exc)])) from None
    found = needs.survey(topology.document, reader)
    subject = Subject(topology, derive.build(topology, found), found)
    problems = in_order([*topology.problems, *lint(subject)])
    if any(problem.severity is Severity.ERROR for problem in problems):
        raise TopologyError(problems)
    return subject, problems


def what_else(fault: Malformed) -> Sequence[Problem]:
    """Return what is wrong with a file beside its faults of form."""
    if fault.rest is None:
        return ()
    found = needs.nothing_read(fault.rest.document)
    subject = Subject(fault.rest, derive.build(fault.rest, found), found)
    return list(suspicions(subject, fault.gone))
