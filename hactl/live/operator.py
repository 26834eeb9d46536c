"""Whoever sits in front of an apply, and what they allow."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from hactl.plan.plan import Plan


class Operator(Protocol):
    """Sees the plan, may be asked if there, watches the progress."""

    @property
    def there(self) -> bool: ...
    def show(self, plan: Plan) -> None: ...
    def agrees(self, question: str) -> bool: ...
    def progress(self, text: str) -> None: ...


@dataclass(frozen=True)
class Options:
    """What an operator allows. ``recorded`` is a plan made earlier, as JSON; times in seconds.

    ``records`` is where the configuration before and the plan are kept; ``node`` names this
    machine in what is written into the CIB for a moment.
    """

    records: Path
    adopt: Collection[str] = ()
    yes: bool = False
    allow_disruption: bool = False
    overwrite_edits: bool = False
    allow_unfenced: bool = False
    dry_run: bool = False
    timeout: float = 600.0
    recorded: Mapping[str, Any] = field(default_factory=dict)
    node: str = ""
