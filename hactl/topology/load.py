"""A topology file -> its document and where everything stands, or all that is wrong with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from hactl.errors import Problem, Severity, TopologyError
from hactl.topology import messages, source
from hactl.topology.builder import Complaint, Unreadable
from hactl.topology.parse import Parsed, parse
from hactl.topology.places import Branch, Step, line_of
from hactl.topology.schema.document import Document


@dataclass(frozen=True, slots=True)
class Topology:
    """A well-formed topology file; ``problems`` are warnings about the file itself."""

    file: str
    document: Document
    root: Branch | None
    problems: tuple[Problem, ...] = ()

    def problem(
        self,
        path: Sequence[Step],
        message: str,
        hint: str = "",
        severity: Severity = Severity.ERROR,
    ) -> Problem:
        """Return a problem at the key that ``path`` names."""
        line = line_of(self.root, path)
        return Problem(self.file, line, messages.dotted(path), message, hint, severity)

    def warning(self, path: Sequence[Step], message: str, hint: str = "") -> Problem:
        return self.problem(path, message, hint, Severity.WARNING)


def load(path: str) -> Topology:
    """Read a topology file (``-``: standard input).

    Raises TopologyError with all problems, sorted by line.
    """
    text, warnings = source.read_text(path)
    return loads(text, source.display(path), warnings)


def loads(text: str, file: str, warnings: Sequence[Problem] = ()) -> Topology:
    """Read the text of a topology.

    Raises TopologyError with all problems, sorted by line.
    """
    try:
        parsed = parse(text)
    except Unreadable as exc:
        raise TopologyError([*warnings, as_problem(file, exc.complaint)]) from None
    if not isinstance(parsed.value, dict):
        raise TopologyError([*warnings, no_mapping(file, parsed.value)])
    document, found = validated(file, parsed)
    if found or document is None:
        raise TopologyError(in_order([*warnings, *found]))
    return Topology(file, document, parsed.root, tuple(warnings))


def validated(file: str, parsed: Parsed) -> tuple[Document | None, list[Problem]]:
    """Return the document and what is wrong with text and values, each place once."""
    found = [as_problem(file, complaint) for complaint in parsed.complaints]
    try:
        return Document.model_validate(parsed.value), found
    except ValidationError as exc:
        said = {problem.path for problem in found}
        values = messages.problems(file, parsed.root, exc)
        return None, [*found, *(problem for problem in values if problem.path not in said)]


def as_problem(file: str, complaint: Complaint) -> Problem:
    path = messages.dotted(complaint.path)
    return Problem(file, complaint.line, path, complaint.message, complaint.hint)


def no_mapping(file: str, value: object) -> Problem:
    if value is None:
        return Problem(file, 0, "", "is empty", "begin with cluster: and nodes:")
    what = "a list" if isinstance(value, list) else "a single value"
    return Problem(file, 1, "", f"is {what}, not a mapping", "begin with cluster: and nodes:")


def in_order(problems: Sequence[Problem]) -> list[Problem]:
    """Sort problems by where they stand, and say nothing twice."""
    unique = dict.fromkeys(problems)
    return sorted(unique, key=lambda problem: (problem.line, problem.path))
