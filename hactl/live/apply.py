"""Carries out a plan: plan, gate, stop what goes, commit, compare; each commit is a `Step`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from lxml.etree import _Element

from hactl.errors import ClusterError, ConcurrentEdit
from hactl.live.backup import Record
from hactl.live.compare import Difference
from hactl.live.session import World
from hactl.live.settle import Unsettled
from hactl.live.transaction import Operator, Options, Step, at_rest, fencings
from hactl.plan.as_json import fingerprint
from hactl.plan.gate import Forbidden, disruption, refuse_edits
from hactl.plan.plan import Plan, Planned, planned
from hactl.plan.stop_first import continues, retirement
from hactl.simulate.scheduler import CannotSimulate


@dataclass(frozen=True)
class Outcome:
    """What became of it; ``differences`` to the prediction leave the configuration in place."""

    plan: Plan
    committed: bool = False
    record: Record | None = None
    differences: tuple[Difference, ...] = ()


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
    world: World, wanted: _Element, options: Options, operator: Operator, shown: Planned
) -> Outcome:
    """Commit what was shown, see what comes of it, and take it back if that is right."""
    world.committer.prove()
    step = Step(world, options, operator, fencings(world))

    def anew() -> Planned:
        return planned(world.pacemaker.cib(), wanted, world.runner, options.adopt)

    if not world.pacemaker.live:
        return Outcome(shown.plan, committed=True, record=step.commit(shown, anew)[1])
    rest, before = stopped_first(step, shown, anew), shown.live
    _, record = step.commit(rest, anew)
    return Outcome(shown.plan, True, record, step.see_through(shown.plan, before, record))


def stopped_first(step: Step, shown: Planned, anew: Callable[[], Planned]) -> Planned:
    """Stop, in its order, what ``shown`` removes; return the plan for what is left to do.

    Raises ConcurrentEdit where that is no longer what was shown, and what a step raises.
    """
    runner = step.world.runner
    stops = retirement(shown, runner)
    if stops is None:
        return shown
    refuse_more(shown.plan, stops.plan)
    step.operator.progress("stopping what is to be removed")
    stops, record = step.commit(stops, lambda: retirement(anew(), runner))
    step.see_through(stops.plan, stops.live, record)
    rest = anew()
    if not continues(shown.plan, rest.plan):
        raise ConcurrentEdit(
            "somebody else changed the configuration while what is to be removed was stopped",
            "look at `hactl plan` and apply again; so far things were only stopped, by target-role",
        )
    return rest


def refuse_more(shown: Plan, stops: Plan) -> None:
    """Raise Forbidden where stopping things in order would interrupt what was not shown."""
    named = {effect.name for effect in shown.disruptive}
    more = sorted({effect.name for effect in stops.disruptive} - named)
    if more or stops.fencing or not stops.simulated:
        what = ", ".join([*more, *(fencing.node for fencing in stops.fencing)]) or stops.why_not
        raise Forbidden(
            f"stopping first what is to be removed would do more than was shown: {what}",
            "remove it in two steps; nothing was changed",
        )


def plan_at_rest(world: World, wanted: _Element, options: Options, operator: Operator) -> Planned:
    """Plan once the cluster has nothing else to do: only then is a prediction worth anything."""
    cib = world.pacemaker.cib()
    world.pacemaker.refuse_foreign(cib)
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
