"""Carries out a plan: plan, show, gate, and then one transaction of several commits."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lxml.etree import _Element

from hactl.errors import ClusterError, ConcurrentEdit, HactlError
from hactl.live.ledger import Ledger
from hactl.live.operator import Operator, Options
from hactl.live.session import World
from hactl.live.settle import Unsettled
from hactl.live.take_back import at_rest
from hactl.live.transaction import Transaction
from hactl.plan.gate import Forbidden, disruption, refuse_edits, refuse_unfenced
from hactl.plan.plan import Plan, Planned, planned
from hactl.plan.stages import ON_FILE, STAGES, Stage
from hactl.plan.unable import Unable, unable
from hactl.report.plan_json import fingerprint
from hactl.result.compare import Difference
from hactl.result.record import Record
from hactl.simulate.scheduler import CannotSimulate, simulate


@dataclass(frozen=True)
class Outcome:
    """What became of it; ``differences`` to the prediction leave the configuration in place.

    ``unable`` is what should run now and cannot.
    """

    plan: Plan
    committed: bool = False
    record: Record | None = None
    differences: tuple[Difference, ...] = ()
    unable: tuple[Unable, ...] = ()


def apply(
    world: World,
    wanted: _Element,
    options: Options,
    operator: Operator,
    transaction: Callable[..., Transaction] = Transaction,
    stages: Sequence[Stage] = STAGES,
) -> Outcome:
    """Make the cluster what ``wanted``, a ``<configuration>``, says, and verify it.

    Raises Forbidden where the plan has to be allowed explicitly, ConcurrentEdit where somebody
    else changed the configuration, Unsettled and Ended after a commit, and what planning raises:
    each says what was changed, and what not.
    """
    ledger = Ledger(world, options, operator)

    def anew(live: _Element) -> Planned:
        options.refuse_other(live)
        return planned(live, wanted, world.runner, options.adopt)

    try:
        shown = prepared(world, wanted, options, operator)
        if not shown.plan.changes:
            return Outcome(shown.plan, unable=shown.plan.unable)
        if options.dry_run:
            return Outcome(shown.plan)
        made = transaction(ledger, shown, anew, world.pacemaker.fenced())
        found = made.carry_out(stages if world.pacemaker.live else ON_FILE)
        ledger.complete = True
        left = unable_now(world) if world.pacemaker.live else shown.plan.unable
    except OSError as problem:
        raise ledger.ended(unwritable(problem)) from None
    except (HactlError, KeyboardInterrupt, SystemExit) as problem:
        raise ledger.ended(problem) from None
    if not ledger.written:
        # somebody else has done the same meanwhile
        return Outcome(shown.plan, differences=found, unable=left)
    return Outcome(shown.plan, True, ledger.written[0].record, found, left)


def unwritable(problem: OSError) -> HactlError:
    """Return what to say when this machine has no room left, or the like, in the midst of it."""
    where = f"{problem.filename}: " if problem.filename else ""
    return HactlError(f"{where}{(problem.strerror or str(problem)).lower()}")


def unable_now(world: World) -> tuple[Unable, ...]:
    """Return what should run in the cluster as it is, and cannot; it has come to rest."""
    cib = world.pacemaker.cib()
    return unable(cib, simulate(cib, world.runner), world.runner)


def prepared(world: World, wanted: _Element, options: Options, operator: Operator) -> Planned:
    """Plan, show the plan, and have it allowed; nothing is written."""
    shown = plan_at_rest(world, wanted, options, operator)
    refuse_stale(shown.plan, options.recorded)
    operator.show(shown.plan)
    if not shown.plan.simulated:
        raise CannotSimulate(shown.plan.why_not, "nothing was changed")
    if shown.plan.changes:
        gate(shown.plan, options, operator)
        if not options.dry_run:
            world.committer.prove()
    return shown


def plan_at_rest(world: World, wanted: _Element, options: Options, operator: Operator) -> Planned:
    """Plan once the cluster has nothing else to do: only then is a prediction worth anything."""
    cib = world.pacemaker.cib()
    world.pacemaker.refuse_foreign(cib)
    options.refuse_other(cib)
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
    refuse_unfenced(plan, options.allow_unfenced)
    interrupted = disruption(plan)
    asked = operator.there and not options.dry_run
    if interrupted and not options.allow_disruption:
        if not (asked and operator.agrees(f"{interrupted}. Go on?")):
            raise Forbidden(interrupted, "allow it with --allow-disruption; nothing was changed")
    elif asked and not options.yes and not operator.agrees("Carry out this plan?"):
        raise Forbidden("not carried out", "nothing was changed")
