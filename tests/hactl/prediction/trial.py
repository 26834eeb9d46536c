"""One trial: a cluster in which one topology runs, in some state, and the plan for another."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import reduce
from pathlib import Path
from typing import Any

from lxml import etree
from lxml.etree import _Element

from hactl.cib import document as cib_document
from hactl.live.runner import Runner
from hactl.plan.gate import disruption
from hactl.plan.plan import Planned, planned
from hactl.simulate.effect import UNDISTURBING, Effect, What
from hactl.simulate.maintenance import left
from tests.hactl.prediction.judge import Course, Truth, foreseen, truth
from tests.hactl.topologies import cluster_of

Document = dict[str, Any]
Prediction = Callable[[Planned], tuple[Effect, ...]]
State = Callable[[_Element, random.Random], None]


def by_primitive(made: Planned) -> tuple[Effect, ...]:
    return made.plan.effects.all


def by_unit(made: Planned) -> tuple[Effect, ...]:
    """The prediction as it was: of what is configured afterwards, and blind to promotions."""
    kept = {each.get("id") for each in made.merged.iterfind("configuration/resources//primitive")}
    removed = {change.id for change in made.plan.changes if type(change).__name__ == "Delete"}
    return tuple(
        effect
        for effect in made.plan.effects.all
        if effect.primitive in kept or effect.unit in removed
    )


@dataclass(frozen=True)
class Verdict:
    """What was wrong with a plan; ``primitives`` were compared, ``acted`` of them did something."""

    wrongs: tuple[str, ...]
    primitives: int = 0
    acted: int = 0


def trial(
    before: Document,
    after: Document,
    folder: Path,
    state: State | None = None,
    seed: int = 0,
    predict: Prediction = by_primitive,
) -> Verdict:
    """Start ``before``, bring it into a state, and compare the plan for ``after`` with truth."""
    live = etree.parse(str(truth(rendered(before), folder).end)).getroot()
    if state is not None:
        state(live, random.Random(seed))
    runner = Runner().with_env(CIB_shadow_dir=str(folder))
    wanted = cib_document.configuration(cluster_of(json.dumps(after)))
    made = planned(live, wanted, runner)
    if not made.plan.simulated:
        return Verdict((made.plan.why_not,))
    seen = truth(made.merged, folder)
    verdict = compared(foreseen(predict(made), seen.was_promoted), seen)
    gate = tuple(f"gate: {wrong}" for wrong in ungated(made, seen))
    then = tuple(f"later: {wrong}" for wrong in unforeseen_later(made, folder))
    return replace(verdict, wrongs=(*verdict.wrongs, *gate, *then))


def ungated(made: Planned, seen: Truth) -> Iterator[str]:
    """Say who is interrupted and not named by the gate, or named and not interrupted."""
    course = seen.course
    gone = course.before - course.after
    arrived = {name for name, _ in course.migrated}
    places = {(name, node) for name, node in gone if name not in arrived} | course.bounced
    places |= seen.was_promoted - course.promoted
    kinds = {effect.primitive: effect.kind for effect in made.plan.effects.all}
    interrupted = {name for name, _ in places if kinds.get(name) not in UNDISTURBING}
    named = {e.primitive for e in made.plan.disruptive if e.what is not What.HANGS}
    for name in interrupted ^ named:
        yield f"{name} is {'not ' if name in interrupted else ''}named"
    text = disruption(made.plan)
    yield from (f"{name} is not in {text!r}" for name in named if name not in text)


def unforeseen_later(made: Planned, folder: Path) -> Iterator[str]:
    """Say what would happen at the end of a maintenance and was not foreseen, or was and is not."""
    held = made.plan.later.held
    if held:
        then = truth(reduce(left, held, made.merged), folder)
        expected = foreseen(made.plan.later.effects.all, then.was_promoted)
        yield from expected.wrongs(then.course)


def compared(expected: Course, seen: Truth) -> Verdict:
    came = seen.course
    acted = (came.before ^ came.after) | came.bounced | came.migrated
    everything = {name for name, _ in came.before | came.after | expected.before | expected.after}
    return Verdict(tuple(expected.wrongs(came)), len(everything), len({n for n, _ in acted}))


def rendered(document: Document) -> _Element:
    """Return a cluster that has just been configured, every node online."""
    cib = cib_document.cib(cluster_of(json.dumps(document)))
    return etree.fromstring(cib_document.text(cib))
