"""Why something does not survive a loss: proven on the scheduler for the first few of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from lxml.etree import _Element

from hactl.simulate.cause import cause
from hactl.simulate.effect import What
from hactl.simulate.lean import lean
from hactl.simulate.losses import down
from hactl.simulate.places import places
from hactl.simulate.scheduler import CannotSimulate, simulate
from hactl.simulate.settled import at_rest
from hactl.simulate.transition import Transition
from hactl.whatif.fate import Fate
from hactl.whatif.judge import Judge
from hactl.whatif.loss import Kind, Loss
from hactl.whatif.quorum import Count
from hactl.whatif.scene import struck
from hactl.whatif.verdict import Verdict

EACH = 3  # of one loss; each cause takes some more simulations
ALL = 20


def explained(judge: Judge, verdicts: Iterable[Verdict]) -> Iterator[Verdict]:
    """Yield verdicts in which what is down says why, as far as that is proven."""
    left = ALL
    for verdict in verdicts:
        asking = [fate for fate in verdict.fates if needs_proof(fate, verdict)][: min(EACH, left)]
        left -= len(asking)
        causes = {fate.name: why(judge, verdict, fate.name) for fate in asking}
        fates = (told(fate, verdict, causes) for fate in verdict.fates)
        yield replace(verdict, fates=tuple(fates))


def needs_proof(fate: Fate, verdict: Verdict) -> bool:
    in_turn = verdict.loss.kind is Kind.IN_TURN
    known = fate.demoted and fate.why
    return fate.what is What.STRANDED and verdict.count.kept and not in_turn and not known


def told(fate: Fate, verdict: Verdict, causes: Mapping[str, str]) -> Fate:
    if fate.survives:
        return fate
    if fate.name in causes:
        return replace(fate, why=causes[fate.name])
    if not verdict.count.kept:
        return replace(fate, why=no_quorum(verdict.count))
    if fate.what is What.HANGS:
        nodes = [fate.source] if fate.source in verdict.hangs else sorted(verdict.hangs)
        return replace(fate, why=f"waits until {' and '.join(nodes) or 'a node'} is fenced")
    return fate if fate.why == "promoted nowhere" else replace(fate, why="")


def no_quorum(count: Count) -> str:
    return f"no quorum: {count.left} of {count.needed} votes"


def why(judge: Judge, verdict: Verdict, unit: str) -> str:
    """Return the proven cause, '' where there is none."""
    try:
        cib, seen = where_it_is_down(judge, verdict, unit)
        found = cause(cib, unit, seen, judge.runner)
    except CannotSimulate:
        return ""
    return found.text


def where_it_is_down(judge: Judge, verdict: Verdict, unit: str) -> tuple[_Element, Transition]:
    """Return the moment of the loss, or the end, if something is pushed out only then."""
    scene, loss = judge.scene, verdict.loss
    cib = struck(scene.cib, loss, verdict.count)
    seen = simulate(cib, judge.runner)
    after = places(seen)
    after.lose(loss.nodes)
    names = [
        name for name in scene.before.active if scene.owners.unit(name.partition(":")[0]) == unit
    ]
    if not scene.follows or any(not after.active.get(name) for name in names):
        return cib, seen
    gone = [*loss.nodes, *verdict.fenced]
    bare = struck(
        down(lean(scene.cib), gone),
        Loss(loss.kind, "", failed=loss.failed),
        Count(0, 0, kept=True),
    )
    end = at_rest(bare, after, judge.runner)
    return end.cib, end.transition
