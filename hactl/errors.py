"""Errors an operator may see, and the one place that prints them.

    HactlError                the request cannot be carried out (exit 1)
    ├── TopologyError         the topology file is wrong: carries every problem found
    ├── ClusterError          the cluster cannot be reached, or said no
    │   └── ConcurrentEdit    somebody changed the configuration in between
    └── UsageError            the command line is wrong (exit 2)

Anything else that escapes is a bug and keeps its traceback.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a topology file: where, what, and how to mend it.

    ``line`` counts from 1; 0 means the file as a whole. ``path`` names the key, as in
    ``guests.web1.memory``.
    """

    file: str
    line: int
    path: str
    message: str
    hint: str = ""
    severity: Severity = Severity.ERROR

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        what = f"{self.path}: {self.message}" if self.path else self.message
        mend = f"; {self.hint}" if self.hint else ""
        mark = "" if self.severity is Severity.ERROR else f"{self.severity}: "
        return f"{where}: {mark}{what}{mend}"


class HactlError(Exception):
    """The request cannot be carried out; the message is a sentence for the operator.

    ``standing`` says how an apply left the configuration, where it got so far as to ask.
    """

    exit_code = 1
    standing = ""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}; {self.hint}" if self.hint else self.message

    def printed(self) -> str:
        """Return it as standard error shows it: each line says who speaks, what is indented not."""
        lines = str(self).splitlines() or [""]
        return "\n".join(line if line.startswith(" ") else f"hactl: {line}" for line in lines)


class TopologyError(HactlError):
    """The topology file is wrong."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)

    def printed(self) -> str:
        """Return one line for each problem: it begins with the file, as compilers have it."""
        return str(self)


class ClusterError(HactlError):
    """The cluster cannot be reached, or refused."""


class ConcurrentEdit(ClusterError):
    """The configuration changed between reading and writing it."""


class UsageError(HactlError):
    """The command line is wrong."""

    exit_code = 2
