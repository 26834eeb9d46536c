"""One thing that is wrong with a cluster's fencing, as a value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

from hactl.errors import Severity


@dataclass(frozen=True, slots=True)
class Subject:
    """What a finding is about: a part of the fencing, by its kind and its name in the CIB.

    ``index`` is that of a level, whose ``name`` is its target.
    """

    kind: str
    name: str = ""
    index: int = 0

    @classmethod
    def node(cls, name: str) -> Self:
        return cls("node", name)

    @classmethod
    def device(cls, name: str) -> Self:
        return cls("device", name)

    @classmethod
    def resource(cls, name: str) -> Self:
        return cls("resource", name)

    @classmethod
    def level(cls, index: int, target: str) -> Self:
        return cls("level", target, index)

    def __str__(self) -> str:
        if self.kind == "level":
            return f"level {self.index} of {self.name or 'some nodes'}"
        return f"{self.kind} {self.name}".rstrip()


CLUSTER = Subject("cluster")
DRILL = Subject("drill")


@dataclass(frozen=True, slots=True)
class Finding:
    """``rule`` is the lasting name of what was broken, ``node`` from where it was seen.

    ``key`` is the parameter or property that is wrong, '' where none is; ``node`` is '' for what
    the CIB itself says.
    """

    rule: str
    subject: Subject
    message: str
    hint: str = ""
    node: str = ""
    severity: Severity = Severity.ERROR
    key: str = ""

    def __str__(self) -> str:
        where = f" (from {self.node})" if self.node else ""
        mend = f"; {self.hint}" if self.hint else ""
        mark = "" if self.severity is Severity.ERROR else f"{self.severity}: "
        return f"{mark}{self.subject}{where}: {self.message}{mend}"

    def as_json(self) -> dict[str, Any]:
        return {
            "rule": self.rule,
            "subject": str(self.subject),
            "key": self.key,
            "message": self.message,
            "hint": self.hint,
            "node": self.node,
            "severity": str(self.severity),
        }
