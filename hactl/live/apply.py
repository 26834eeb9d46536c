"""Carries out a plan: plan, gate, guarded commit, wait, compare, and take back what went wrong."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from lxml.etree import _Element

from hactl.errors import ClusterError, ConcurrentEdit
from hactl.live.commit import Committer, prove_guard
from hactl.live.observe import Difference, Observation, differences
from hactl.live.record import Record, save
from hactl.live.revert import NotReverted, reverted
from hactl.live.settle import Settled, Unsettled, settle
from hactl.live.world import World
from hactl.plan.document import document, fingerprint
from hactl.plan.gate import Forbidden, disruption, refuse_edits
from hactl.plan.plan import Plan, Planned, planned
from hactl.simulate.oracle import CannotSimulate

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


@dataclass(frozen=True)
class Outcome:
    """What became of it; ``differences`` to the prediction leave the configuration in place."""

    plan: Plan
    committed: bool = False
    record: Record | None = None
    differences: tuple[Difference, ...] = ()


class NotAsPredicted(ClusterError):
    """The commit led to something else than was foreseen."""


def apply(world: World, wanted: _Element, options: Options, operator: Operator) -> Outcome:
    """Make the cluster what ``wanted``, a ``<configuration>``, says, and verify it.

    Raises Forbidden where the plan has to be allowed explicitly, ConcurrentEdit where somebody
    else changed the configuration, Unsettled and NotAsPredicted after a commit, and what planning
    raises.
    """
    foreseen = plan_at_rest(world, wanted, options, operator)
    plan = foreseen.plan
    refuse_stale(plan, options.recorded)
    operator.show(plan)
    if not plan.simulated:
        raise CannotSimulate(plan.why_not, "nothing was changed")
    if not plan.changes:
        return Outcome(plan)
    gate(plan, options, operator)
    if options.dry_run:
        return Outcome(plan)
    return carry_out(world, wanted, options, operator, foreseen)


def carry_out(
    world: World, wanted: _Element, options: Options, operator: Operator, foreseen: Planned
) -> Outcome:
    """Commit what was foreseen, see what comes of it, and take it back if that is right."""
    prove_guard(world.runner, world.scratch)
    fenced = fencings(world)
    foreseen, record = commit(world, wanted, options, foreseen)
    plan = foreseen.plan
    if not world.pacemaker.live:
        return Outcome(plan, committed=True, record=record)
    try:
        settled = at_rest(world, options, operator)
        new = tuple(sorted({node for node, *_ in fencings(world) - fenced}))
    except (ClusterError, KeyboardInterrupt) as problem:
        raise left_alone(problem, record) from None
    seen = Observation(foreseen.live, settled.cib, settled.transition, new)
    found = compared(plan, seen)
    if any(difference.grave for difference in found):
        raise take_back(world, plan, seen, found, record, options, operator)
    return Outcome(plan, True, record, found)


def plan_at_rest(world: World, wanted: _Element, options: Options, operator: Operator) -> Planned:
    """Plan once the cluster has nothing else to do: only then is a prediction worth anything."""
    cib = world.pacemaker.cib()
    if world.pacemaker.live:
        if cib.get("have-quorum") == "0":
            raise ClusterError(
                "the cluster has no quorum, so nothing would be carried out",
                "bring back the missing nodes first; nothing was changed",
            )
        try:
            cib = at_rest(world, options, operator).cib
        except Unsettled as problem:
            raise Unsettled(problem.message, "nothing was changed") from None
    return planned(cib, wanted, world.runner, options.adopt)


def at_rest(world: World, options: Options, operator: Operator) -> Settled:
    return settle(world.pacemaker, world.runner, options.timeout, operator.progress, world.clock)


def refuse_stale(plan: Plan, recorded: Mapping[str, Any]) -> None:
    """A plan from a file holds only for the configuration it was made from."""
    if not recorded:
        return
    now = {"admin_epoch": plan.version.admin_epoch, "epoch": plan.version.epoch}
    if recorded.get("version") != now:
        then = recorded.get("version") or {}
        raise ConcurrentEdit(
            f"the plan was made at epoch {then.get('admin_epoch')}.{then.get('epoch')}, the "
            f"configuration is now at {plan.version}",
            "make a new plan; nothing was changed",
        )
    if recorded.get("fingerprint") != fingerprint(plan):
        raise ConcurrentEdit(
            "the plan would now do something else than it says: the topology or where the guests "
            "run has changed",
            "make a new plan; nothing was changed",
        )


def gate(plan: Plan, options: Options, operator: Operator) -> None:
    """Ask where somebody is there; without a terminal only what harms nobody goes unasked."""
    refuse_edits(plan, options.overwrite_edits)
    interrupted = disruption(plan)
    asked = operator.there and not options.dry_run
    if interrupted and not options.allow_disruption:
        if not (asked and operator.agrees(f"{interrupted}. Go on?")):
            raise Forbidden(interrupted, "allow it with --allow-disruption; nothing was changed")
    elif asked and not options.yes and not operator.agrees("Carry out this plan?"):
        raise Forbidden("not carried out", "nothing was changed")


def commit(
    world: World, wanted: _Element, options: Options, foreseen: Planned
) -> tuple[Planned, Record]:
    """Write what was planned; plan anew when refused, and go on only if that is the same plan."""
    committer = Committer(world.pacemaker, world.runner, world.scratch)
    shown = fingerprint(foreseen.plan)
    for _ in range(ATTEMPTS):
        record = save(options.records, foreseen.live, document(foreseen.plan), datetime.now(tz=UTC))
        try:
            committer.commit(foreseen.live, foreseen.merged)
        except ConcurrentEdit:
            record.discard()
            foreseen = planned(world.pacemaker.cib(), wanted, world.runner, options.adopt)
            if options.recorded or fingerprint(foreseen.plan) != shown:
                break
        else:
            return foreseen, record
    raise ConcurrentEdit(
        "somebody else changed the configuration in the meantime, and the plan is no longer the "
        "one shown",
        "look at `hactl plan` and apply again; nothing was changed",
    )


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


def take_back(
    world: World,
    plan: Plan,
    seen: Observation,
    found: tuple[Difference, ...],
    record: Record,
    options: Options,
    operator: Operator,
) -> ClusterError:
    """Undo the commit if that is right, and return what to say."""
    said = "".join(f"\n  {difference}" for difference in found)
    try:
        if seen.fenced:
            raise NotReverted(f"{', '.join(seen.fenced)} was fenced")
        now = world.pacemaker.cib()
        back = reverted(now, plan.changes, world.runner)
        Committer(world.pacemaker, world.runner, world.scratch).commit(now, back)
    except (NotReverted, ClusterError) as problem:
        return NotAsPredicted(
            f"hactl: committed, and it did not go as predicted:{said}\n"
            f"The configuration stays, because {problem}; the one before is in {record.cib}"
        )
    try:
        at_rest(world, options, operator)
    except Unsettled as problem:
        said += f"\n  after taking it back: {problem}"
    return NotAsPredicted(
        f"hactl: it did not go as predicted, so the configuration was taken back:{said}"
    )
