"""Whether a topology says of a cluster what is there: it is merged into its CIB, and compared."""

from __future__ import annotations

from dataclasses import dataclass

from lxml.etree import _Element

from hactl import intent
from hactl.cib.document import configuration
from hactl.derive.needs import Reader
from hactl.errors import Problem, Severity, TopologyError
from hactl.existing.imported import NotImportable
from hactl.plan.change import Change
from hactl.plan.diff import MARKS
from hactl.plan.plan import Plan, planned
from hactl.simulate.scheduler import Run


@dataclass(frozen=True, slots=True)
class Proof:
    """``plan`` is what an apply would do; ``warnings`` what a check of the file says."""

    plan: Plan
    warnings: tuple[Problem, ...]

    @property
    def changes(self) -> tuple[Change, ...]:
        """What would change beside marks of ownership."""
        return tuple(change for change in self.plan.changes if change.kind != MARKS)

    @property
    def holds(self) -> bool:
        return self.plan.simulated and not self.changes


def in_short(exc: TopologyError) -> str:
    """Return the first thing that a check of the file calls an error, and how many there are."""
    errors = [each for each in exc.problems if each.severity is Severity.ERROR]
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return f"this cluster cannot be said in a topology: {errors[0].path}: {errors[0].message}{more}"


def prove(live: _Element, text: str, name: str, runner: Run, reader: Reader) -> Proof:
    """Return what would follow if the topology in ``text`` were applied to ``live``, a ``<cib>``.

    Raises ClusterError where it could not be, with one reason.
    """
    try:
        cluster, warnings = intent.reads(text, name, reader)
    except TopologyError as exc:
        raise NotImportable(in_short(exc)) from None
    return Proof(planned(live, configuration(cluster), runner).plan, tuple(warnings))
