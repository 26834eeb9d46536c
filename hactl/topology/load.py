"""A topology file -> its document and where everything stands, or all that is wrong with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from hactl.errors import Problem, Severity, TopologyError
from hactl.topology import messages
from hactl.topology.salvage import Path, salvage
from hactl.topology.schema.document import Document
from hactl.topology.yaml import source
from hactl.topology.yaml.loader import Complaint, Unreadable
from hactl.topology.yaml.parse import Parsed, parse
from hactl.topology.yaml.positions import Branch, Step, line_of


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


class Malformed(TopologyError):
    """The file has faults of form; ``rest`` is what is left without them, if anything is.

    ``gone`` are the keys that ``rest`` does without.
    """

    def __init__(
        self, problems: Sequence[Problem], rest: Topology | None, gone: Sequence[Path] = ()
    ) -> None:
        super().__init__(problems)
        self.rest = rest
        self.gone = tuple(gone)


def load(path: str) -> Topology:
    """Read a topology file (``-``: standard input).

    Raises TopologyError with all faults of form, sorted by line; `hactl.intent.read` also tells
    what is wrong with the whole.
    """
    text, warnings = source.read_text(path)
    return loads(text, source.display(path), warnings)


def loads(text: str, file: str, warnings: Sequence[Problem] = ()) -> Topology:
    """Read the text of a topology.

    Raises Malformed with all faults of form, sorted by line.
    """
    try:
        parsed = parse(text)
    except Unreadable as exc:
        raise Malformed([*warnings, as_problem(file, exc.complaint)], None) from None
    if not isinstance(parsed.value, dict):
        raise Malformed([*warnings, no_mapping(file, parsed.value)], None)
    document, faults = validated(parsed)
    if document and not faults:
        return Topology(file, document, parsed.root, tuple(warnings))
    problems = in_order([*warnings, *(as_problem(file, fault) for fault in faults)])
    left, gone = salvage(parsed.value, (fault.path for fault in faults))
    rest = Topology(file, left, parsed.root) if left else None
    raise Malformed(problems, rest, gone)


def validated(parsed: Parsed) -> tuple[Document | None, list[Complaint]]:
    """Return the document and what is wrong with text and values, each place once."""
    faults = list(parsed.complaints)
    try:
        return Document.model_validate(parsed.value), faults
    except ValidationError as exc:
        said = {fault.path for fault in faults}
        values = messages.complaints(parsed.root, exc)
        return None, [*faults, *(fault for fault in values if fault.path not in said)]


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
