"""One trial: a cluster in which one topology runs, in some state, and the plan for another."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lxml import etree
from lxml.etree import _Element

from hactl.cib import document as cib_document
from hactl.live.runner import Runner
from hactl.plan.plan import Planned, planned
from hactl.simulate.effect import Effect
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
    return compared(foreseen(predict(made), seen.was_promoted), seen)


def compared(expected: Course, seen: Truth) -> Verdict:
    came = seen.course
    acted = (came.before ^ came.after) | came.bounced | came.migrated
    everything = {name for name, _ in came.before | came.after | expected.before | expected.after}
    return Verdict(tuple(expected.wrongs(came)), len(everything), len({n for n, _ in acted}))


def rendered(document: Document) -> _Element:
    """Return a cluster that has just been configured, every node online."""
    cib = cib_document.cib(cluster_of(json.dumps(document)))
    return etree.fromstring(cib_document.text(cib))
