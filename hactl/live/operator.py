"""Whoever sits in front of an apply, and what they allow."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from lxml.etree import _Element

from hactl.plan.identity import Identity
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
    machine in what is written into the CIB for a moment; ``identity`` is whose cluster it must be.
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
    identity: Identity | None = None

    def refuse_other(self, live: _Element) -> None:
        """Raise WrongCluster unless ``live`` is the CIB of the cluster that is meant."""
        if self.identity is not None:
            self.identity.refuse_other(live)
