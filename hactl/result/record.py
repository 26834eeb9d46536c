"""Where one commit is on record."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Record:
    """The files with the CIB as it was before, and with the plan."""

    cib: Path
    plan: Path
