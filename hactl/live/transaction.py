"""One guarded commit: written, waited for, compared, and taken back where that is right."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from lxml.etree import _Element

from hactl.errors import ClusterError, ConcurrentEdit
from hactl.live.backup import Record, save
from hactl.live.commit import Committer
from hactl.live.compare import Difference, Observation, differences
from hactl.live.revert import NotReverted, reverted
from hactl.live.session import World
from hactl.live.settle import Settled, Unsettled, settle
from hactl.plan.as_json import document, fingerprint
from hactl.plan.plan import Plan, Planned

# Somebody who edits the configuration this often is at work on it: let them finish.
ATTEMPTS = 5


class Operator(Protocol):
    """Whoever sits in front: sees the plan, may be asked if there, watches the progress."""

    @property
    def there(self) -> bool: ...
    def show(self, plan: Plan) -> None: ...
    def agrees(self, question: str) -> bool: ...
    def progress(self, text: str) -> None: ...


@dataclass(frozen=True)
class Options:
    """What an operator allows. ``recorded`` is a plan made earlier, as JSON; times in seconds.

    ``records`` is where the configuration before and the plan are kept.
    """

    records: Path
    adopt: Collection[str] = ()
    yes: bool = False
    allow_disruption: bool = False
    overwrite_edits: bool = False
    dry_run: bool = False
    timeout: float = 600.0
    recorded: Mapping[str, Any] = field(default_factory=dict)


class NotAsPredicted(ClusterError):
    """The commit led to something else than was foreseen."""


@dataclass(frozen=True)
class Step:
    """Commits, for one operator; ``fenced`` are the fencings on record before the first."""

    world: World
    options: Options
    operator: Operator
    fenced: set[tuple[str, str, str]]

    def commit(self, shown: Planned, anew: Callable[[], Planned | None]) -> tuple[Planned, Record]:
        """Write what was planned; plan ``anew`` when refused, and go on if that is the same plan.

        Raises ConcurrentEdit if it is not; then nothing was written.
        """
        now: Planned | None = shown
        for _ in range(ATTEMPTS):
            if now is None or fingerprint(now.plan) != fingerprint(shown.plan):
                break
            plan = document(now.plan)
            record = save(self.options.records, now.live, plan, datetime.now(tz=UTC))
            try:
                self.committer().commit(now.live, now.merged)
            except ConcurrentEdit:
                record.discard()
                now = None if self.options.recorded else anew()
            else:
                return now, record
        raise ConcurrentEdit(
            "somebody else changed the configuration in the meantime, and the plan is no longer "
            "the one shown",
            "look at `hactl plan` and apply again; nothing was changed",
        )

    def see_through(self, plan: Plan, before: _Element, record: Record) -> tuple[Difference, ...]:
        """Wait until the cluster is at rest; return how it differs from what was foreseen.

        Raises Unsettled if it does not come to rest, and NotAsPredicted if somebody suffers from
        the difference; the commit has then been taken back where that was right.
        """
        try:
            settled = at_rest(self.world, self.options, self.operator)
            new = {node for node, *_ in fencings(self.world) - self.fenced}
        except (ClusterError, KeyboardInterrupt) as problem:
            raise left_alone(problem, record) from None
        seen = Observation(before, settled.cib, settled.transition, tuple(sorted(new)))
        found = compared(plan, seen)
        if any(difference.grave for difference in found):
            raise self.take_back(plan, seen, found, record)
        return found

    def take_back(
        self, plan: Plan, seen: Observation, found: tuple[Difference, ...], record: Record
    ) -> ClusterError:
        """Undo the commit if that is right, and return what to say."""
        said = "".join(f"\n  {difference}" for difference in found)
        try:
            if seen.fenced:
                raise NotReverted(f"{', '.join(seen.fenced)} was fenced")
            now = self.world.pacemaker.cib()
            self.committer().commit(now, reverted(now, plan.changes, self.world.runner))
        except (NotReverted, ClusterError) as problem:
            return NotAsPredicted(
                f"hactl: committed, and it did not go as predicted:{said}\n"
                f"The configuration stays, because {problem}; the one before is in {record.cib}"
            )
        try:
            at_rest(self.world, self.options, self.operator)
        except Unsettled as problem:
            said += f"\n  after taking it back: {problem}"
        return NotAsPredicted(
            f"hactl: it did not go as predicted, so the configuration was taken back:{said}"
        )

    def committer(self) -> Committer:
        return self.world.committer


def at_rest(world: World, options: Options, operator: Operator) -> Settled:
    """Wait until the cluster has nothing to do; raises Unsettled after the operator's timeout."""
    return settle(world.pacemaker, world.runner, options.timeout, operator.progress, world.clock)


def fencings(world: World) -> set[tuple[str, str, str]]:
    """Return every successful fencing on record that took a node down."""
    if not world.pacemaker.live:
        return set()
    return {
        (event.get("target", ""), event.get("action", ""), event.get("completed", ""))
        for event in world.pacemaker.fencing().iter("fence_event")
        if event.get("status") == "success" and event.get("action") != "on"
    }


def compared(plan: Plan, seen: Observation) -> tuple[Difference, ...]:
    fencing = tuple(fencing.node for fencing in plan.fencing)
    return differences(plan.effects.all, fencing, seen)


def left_alone(problem: BaseException, record: Record) -> ClusterError:
    """Nothing is taken back while something is under way: a guest might run twice."""
    said = problem.message if isinstance(problem, ClusterError) else "interrupted"
    return Unsettled(
        f"the configuration is committed and stays; {said}",
        f"watch it with `hactl status`; the configuration before is in {record.cib}",
    )
