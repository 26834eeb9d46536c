"""One thing that is wrong with a cluster's fencing, as a value."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from hactl.errors import Severity


@dataclass(frozen=True, slots=True)
class Finding:
    """``subject`` is what it is about, ``node`` from where it was seen ('' for the CIB)."""

    subject: str
    message: str
    hint: str = ""
    node: str = ""
    severity: Severity = Severity.ERROR

    def __str__(self) -> str:
        where = f" (from {self.node})" if self.node else ""
        mend = f"; {self.hint}" if self.hint else ""
        mark = "" if self.severity is Severity.ERROR else f"{self.severity}: "
        return f"{mark}{self.subject}{where}: {self.message}{mend}"

    def as_json(self) -> dict[str, Any]:
        return asdict(self)
