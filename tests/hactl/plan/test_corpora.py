"""Other people's CIBs: each is merged with a little of ours and planned, or refused in words."""

from __future__ import annotations

import os
from pathlib import Path
from random import Random

from lxml import etree
from lxml.etree import _Element

from hactl.cib.canonical import canonical
from hactl.errors import ClusterError
from hactl.live import cibfile
from hactl.live.runner import Runner
from hactl.plan.plan import foreseen as foreseen_change
from hactl.plan.plan import planned, scenario
from hactl.simulate.outcome import outcome
from hactl.simulate.scheduler import simulate
from tests.hactl.cibs import dummy, wanted
from tests.hactl.prediction.judge import foreseen, truth
from tests.hactl.prediction.mutations import mutated
from tests.hactl.scheduler import corpus, needs_corpora, needs_scheduler, runner

# Every one of the 400 passes; HACTL_EXHAUSTIVE=1 shows it, a few are enough every day.
SAMPLED = 1 if os.environ.get("HACTL_EXHAUSTIVE") else 5


@needs_corpora
@needs_scheduler
def test_every_cib_the_tools_accept_can_be_planned(tmp_path: Path) -> None:
    said = {
        path.name: planned_or_refused(path, runner(tmp_path)) for path in list(corpus())[::SAMPLED]
    }
    assert {name: text for name, text in said.items() if text != "planned"} == {}


def planned_or_refused(path: Path, pacemaker: Runner) -> str:
    live = cibfile.read(path)
    want = wanted(dummy("hactl-test-guest"), nodes=nodes(live))
    try:
        made = planned(live, want, pacemaker)
    except ClusterError as problem:
        return str(problem)
    assert canonical_but_ours(made.merged) == canonical_but_ours(live)
    return "planned" if made.plan.simulated else made.plan.why_not


def nodes(live: _Element) -> str:
    node = live.find("configuration/nodes/node")
    return "" if node is None else f'<node id="1" uname="{node.get("uname")}"/>'


def canonical_but_ours(cib: _Element) -> bytes:
    copy = etree.fromstring(etree.tostring(cib))
    for ours in copy.xpath("//*[@id='hactl-test-guest']"):
        ours.getparent().remove(ours)
    return canonical(copy)


@needs_corpora
@needs_scheduler
def test_what_happens_in_every_cib_is_foreseen(tmp_path: Path) -> None:
    """Bundles, remote nodes, half migrations, failures: all that other people have met."""
    said = {path.name: wrongs(path, tmp_path) for path in list(corpus())[::SAMPLED]}
    assert {name: wrong for name, wrong in said.items() if wrong} == {}


@needs_corpora
@needs_scheduler
def test_what_a_change_of_shape_does_in_every_cib_is_foreseen(tmp_path: Path) -> None:
    said = {path.name: wrongs_of_a_change(path, tmp_path) for path in list(corpus())[::SAMPLED]}
    assert {name: wrong for name, wrong in said.items() if wrong} == {}
    assert len([name for name, wrong in said.items() if wrong is not None]) > len(said) / 2


def wrongs_of_a_change(path: Path, folder: Path) -> list[str] | None:
    """Return what was foreseen wrongly; None where the changed CIB is not one that can be."""
    live = cibfile.read(path)
    after = mutated(live, Random(path.name))
    try:
        made = foreseen_change(live, after, runner(folder))
    except ClusterError:
        return None
    if not made.plan.simulated:
        return None
    seen = truth(scenario(after), folder)
    return list(foreseen(made.plan.effects.all, seen.was_promoted).wrongs(seen.course))


def wrongs(path: Path, folder: Path) -> list[str]:
    live = cibfile.read(path)
    seen = truth(live, folder)
    foretold = outcome(simulate(live, runner(folder)))
    return list(foreseen(foretold, seen.was_promoted).wrongs(seen.course))
