"""The commits of one apply: each checked anew, written, waited for and compared; or taken back."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from lxml.etree import _Element

from hactl.cib.temporary import leftovers
from hactl.errors import ClusterError, ConcurrentEdit
from hactl.live.backup import discard, save
from hactl.live.interrupts import deferred
from hactl.live.ledger import Ledger
from hactl.live.operator import Options
from hactl.live.pacemaker import NotConnected
from hactl.live.session import World
from hactl.live.take_back import at_rest, forget_failures
from hactl.plan.diff import changes
from hactl.plan.gate import Forbidden, beyond, refuse_harm
from hactl.plan.plan import Planned, foreseen
from hactl.plan.stages import Stage
from hactl.plan.stuck import stuck, unstopped
from hactl.plan.three_way import conflicts
from hactl.report.plan_json import document, fingerprint
from hactl.result.blame import compared, others_fencing
from hactl.result.cascade import Alarm
from hactl.result.compare import Difference, Observation
from hactl.result.conclusion import NotAsPredicted
from hactl.result.standing import Written, net

# Somebody who edits the configuration again and again for so many seconds is at work on it.
PATIENCE = 20.0


@dataclass
class Transaction:
    """Commits what was ``shown`` in stages, for one operator, and notes it in ``ledger``.

    ``anew`` plans from the CIB as it is by then; ``fenced`` are the fencings on record before the
    first commit. ``moved``: the cluster has been told something since it was shown.
    """

    ledger: Ledger
    shown: Planned
    anew: Callable[[_Element], Planned]
    fenced: set[tuple[str, str, str]]
    moved: bool = False

    def carry_out(self, stages: Sequence[Stage]) -> tuple[Difference, ...]:
        """Go through ``stages``; return how it ended otherwise than was foreseen.

        Raises what ended it: the ledger says what has been written by then.
        """
        return tuple(difference for stage in stages for difference in self.advance(stage))

    def advance(self, stage: Stage) -> tuple[Difference, ...]:
        if stage.tidies:
            return self.tidy(stage)
        committed = self.commit(stage)
        if not self.world.pacemaker.live:
            return ()
        # whatever this apply had to write for that: somebody may have written the same before
        failed = stage.forgets(self.rest) if stage.forgets else set()
        if failed:
            return self.forget(failed)
        return self.see_through() if committed else ()

    def forget(self, failed: set[tuple[str, str]]) -> tuple[Difference, ...]:
        """Have the cluster forget failures; raises ClusterError for what fails again."""
        self.moved = True
        forget_failures(self.world, failed)
        now = at_rest(self.world, self.options, self.ledger.operator).cib
        refuse_stuck(failed & unstopped(now))
        return ()

    @property
    def rest(self) -> Planned:
        """What is left to do, of the CIB as it is by now."""
        return self.anew(self.world.pacemaker.cib()) if self.written or self.moved else self.shown

    def tidy(self, stage: Stage) -> tuple[Difference, ...]:
        """Take away what was written for a moment; what cannot be is said, and the rest stays."""
        try:
            self.commit(stage)
        except ClusterError as problem:
            last = self.written[-1].step.merged
            now = self.ledger.look()
            left = leftovers(last if now is None else now)
            ours = (one for one in left if one.apply == self.ledger.name)
            return tuple(Difference(one.about, f"{one}; {problem.message}") for one in ours)
        return ()

    @property
    def world(self) -> World:
        return self.ledger.world

    @property
    def options(self) -> Options:
        return self.ledger.options

    @property
    def written(self) -> list[Written]:
        return self.ledger.written

    def commit(self, stage: Stage) -> bool:
        """Write what ``stage`` has to write; return whether there was anything.

        Raises ConcurrentEdit or Forbidden where that is no longer what was shown.
        """
        deadline = self.world.clock.now() + PATIENCE
        rest = self.rest
        while True:
            step = self.step(stage, rest)
            if not step.plan.changes:
                return False
            self.check(stage, rest, step)
            try:
                self.write(stage, step)
            except ConcurrentEdit:
                if self.world.clock.now() > deadline:
                    raise
                rest = self.anew(self.world.pacemaker.cib())
            else:
                return True

    def step(self, stage: Stage, rest: Planned) -> Planned:
        """Return the plan of one stage of ``rest``."""
        target = stage.toward(rest, self.ledger.name)
        if target is rest.merged:
            return rest
        return foreseen(rest.live, target, self.world.runner)

    def check(self, stage: Stage, rest: Planned, step: Planned) -> None:
        """Check again, before each commit, all that was checked before the first."""
        if stage.tidies:
            refuse_harm(step.plan)
            return
        if stage.whole and self.world.pacemaker.live:
            refuse_stuck(stuck(rest.live, step.merged))
        if rest is not self.shown:
            self.refuse_conflicts(rest)
        for plan in (rest.plan, step.plan):
            more = beyond(self.shown.plan, plan)
            if more:
                raise Forbidden(
                    f"{stage.doing} would do more than was shown: {more}",
                    "look at `hactl plan` and apply again",
                )

    def refuse_conflicts(self, rest: Planned) -> None:
        """Raise ConcurrentEdit where others changed what is left to do, or what it would do."""
        known = self.written[-1].step.merged if self.written else self.shown.live
        if self.written and not changes(known, rest.live):
            return
        met = conflicts(known, rest, self.anew)
        other = not self.written and fingerprint(rest.plan) != fingerprint(self.shown.plan)
        if met or other or self.options.recorded:
            raise ConcurrentEdit(
                f"somebody else changed {', '.join(met) or 'the configuration'} in the meantime, "
                "and the plan is no longer the one shown",
                "look at `hactl plan` and apply again",
            )

    def write(self, stage: Stage, step: Planned) -> None:
        """Write one stage, whole: an interruption waits until it is known what became of it."""
        record = save(self.options.records, step.live, document(step.plan), datetime.now(tz=UTC))
        with deferred():
            self.written.append(Written(stage, step, record, sure=False))
            try:
                self.world.committer.commit(step.live, step.merged)
            except NotConnected:
                raise
            except ClusterError:
                self.written.pop()
                discard(record)
                raise
            self.written[-1] = Written(stage, step, record)

    def see_through(self) -> tuple[Difference, ...]:
        """Wait until the cluster is at rest; return how it differs from what was foreseen.

        Raises Unsettled if it does not come to rest, and NotAsPredicted if somebody suffers from
        the difference.
        """
        last = self.written[-1]
        self.ledger.operator.progress(last.stage.doing)
        alarm = Alarm(self.shown.live, net(self.written))
        settled = at_rest(self.world, self.options, self.ledger.operator, alarm)
        plan, before = last.step.plan, last.step.live
        if last.stage.whole:
            plan, before = self.shown.plan, self.shown.live
        new = tuple(sorted({node for node, *_ in self.world.pacemaker.fenced() - self.fenced}))
        found = compared(plan, Observation(before, settled.cib, settled.transition, new))
        if any(difference.grave for difference in found):
            raise NotAsPredicted(found, others_fencing(new, settled.failed, net(self.written)))
        return found


def refuse_stuck(failed: Collection[tuple[str, str]]) -> None:
    """Raise ClusterError for what would take its node if it were removed as it is."""
    for name, node in sorted(failed):
        raise ClusterError(
            f"{name} cannot be stopped on {node}: removed, it would fence {node}",
            f"mend it there, then `crm_resource --cleanup --resource {name}`",
        )
