"""One thing that is not as it is meant to be."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class List(StrEnum):
    """In which of the lists a finding stands."""

    EDITED = "edited"
    MISSING = "missing"
    FOREIGN = "foreign"
    PENDING = "pending"
    NODE = "node"


@dataclass(frozen=True, slots=True)
class Drift:
    """``name`` is an id of the CIB, or a node; ``then`` is what an apply would do about it."""

    list: List
    name: str
    what: str
    then: str = ""

    def __str__(self) -> str:
        return f"{self.name}: {self.what}" + (f"; {self.then}" if self.then else "")

    def as_json(self) -> dict[str, str]:
        return {"list": self.list.value, "name": self.name, "what": self.what, "then": self.then}
