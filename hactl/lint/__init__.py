"""What is wrong with a well-formed topology as a whole: each rule in a file of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from hactl.derive.needs import Survey
from hactl.errors import Problem
from hactl.model.cluster import Cluster
from hactl.topology.load import Topology
from hactl.topology.messages import dotted
from hactl.topology.yaml.positions import Step


@dataclass(frozen=True, slots=True)
class Subject:
    """What a rule looks at: the file, the cluster made from it, what was found beside it."""

    topology: Topology
    cluster: Cluster
    survey: Survey


Rule = Callable[[Subject], Iterable[Problem]]


def lint(subject: Subject) -> Iterator[Problem]:
    """Ask every rule."""
    from hactl.lint.rules import LOCAL, WHOLE

    for rule in (*LOCAL, *WHOLE):
        yield from rule(subject)


def suspicions(subject: Subject, gone: Sequence[Sequence[Step]]) -> Iterator[Problem]:
    """Ask the rules that look at single entries, in a document from which keys are ``gone``.

    Says nothing of the entries they were in, nor of names that went with them: that may be only
    a consequence.
    """
    from hactl.lint.rules import LOCAL

    entries = [dotted(path[:2]) for path in gone]
    names = [repr(path[-1]) for path in gone]
    sections = type(subject.topology.document).model_fields
    whole = {path[0] for path in gone if len(path) == 1 and path[0] in sections}
    for rule in LOCAL:
        for problem in rule(subject):
            inside = any(f"{problem.path}.".startswith((f"{e}.", f"{e}[")) for e in entries)
            if not whole and not inside and not any(name in problem.message for name in names):
                yield problem
