"""A verdict from a slim CIB is the one of the whole: every single node, on Pacemaker's own -f.

A sample runs every day; ``scripts/whatif`` runs every example, all seeds of tests/seeds/whatif.txt
and, with HACTL_CORPORA, other people's CIBs.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from lxml import etree
from lxml.etree import _Element

from hactl.cib import document
from hactl.intent import understood
from hactl.simulate.scenario import has_remotes, has_status
from hactl.simulate.scheduler import CannotSimulate, asked, simulate
from hactl.simulate.transition import Action, Transition, transition
from hactl.whatif.fate import Fates
from hactl.whatif.judge import Judge
from hactl.whatif.loss import Loss, sets_of_nodes
from hactl.whatif.quorum import of_cib
from hactl.whatif.scene import Scene
from tests.hactl.scheduler import corpus, needs_corpora, needs_scheduler, runner, settled
from tests.hactl.topologies import cluster_of
from tests.hactl.whatif.full_run import FullRun, told
from tests.support.random_clusters import random_cluster

pytestmark = needs_scheduler
ROOT = Path(__file__).parents[3]
EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))
SEEDS = [int(line) for line in (ROOT / "tests/seeds/whatif.txt").read_text().split()]
ALL = bool(os.environ.get("HACTL_EXHAUSTIVE"))
CORPUS = list(corpus())


def scene_of(cib: _Element, folder: Path) -> Scene:
    return Scene(cib, simulate(cib, runner(folder)), of_cib(cib))


def differences(scene: Scene, folder: Path) -> Iterator[str]:
    """Yield where a slim run and a whole one do not say the same of the loss of one node."""
    judge, full = Judge(scene, runner(folder)), FullRun(folder)
    for loss in sets_of_nodes(scene.nodes, 1) if len(scene.nodes) > 1 else ():
        count = scene.count(loss)
        hangs = judge.verdict(loss).hangs
        ours = transition(*judge_asked(judge, loss), hangs)
        theirs = full.without(scene.cib, loss.nodes, quorate=count.kept)
        if hangs:  # of a fencing that never comes Pacemaker's simulation knows nothing
            continue
        if set(ours.fencing) != set(theirs.fencing) or acts(ours) != acts(theirs):
            yield f"{loss.name}: {acts(ours) ^ acts(theirs)}"
        elif ours.operations != theirs.operations:
            yield f"{loss.name}: {sorted(map(str, ours.operations ^ theirs.operations))}"
        elif has_remotes(scene.cib):
            continue
        elif told(ours) != told(theirs):
            yield f"{loss.name}: {sorted(told(ours) ^ told(theirs))}"
        elif fates(scene, loss, ours) != fates(scene, loss, theirs):
            yield f"{loss.name}: fates"


def acts(seen: Transition) -> set[Action]:
    """Return what is done; which number an instance of an anonymous clone has is not told."""
    return {replace(each, instance="", reason="") for each in seen.actions}


def judge_asked(judge: Judge, loss: Loss) -> tuple[_Element, _Element]:
    return asked(judge.document(loss, judge.scene.count(loss)), judge.runner)


def fates(scene: Scene, loss: Loss, seen: Transition) -> list[tuple[str, str, str, str]]:
    return [(f.name, f.what.value, f.source, f.target) for f in Fates(scene, loss, seen).all()]


@pytest.mark.parametrize("path", EXAMPLES if ALL else EXAMPLES[:2], ids=lambda path: path.stem)
def test_of_every_example(path: Path, tmp_path: Path) -> None:
    subject, _ = understood(str(path))
    scene = scene_of(settled(document.cib(subject.cluster), tmp_path), tmp_path)
    assert list(differences(scene, tmp_path)) == []


@pytest.mark.parametrize("seed", SEEDS if ALL else SEEDS[:4])
def test_of_random_topologies(seed: int, tmp_path: Path) -> None:
    made = document.cib(cluster_of(json.dumps(random_cluster(seed))))
    assert list(differences(scene_of(settled(made, tmp_path), tmp_path), tmp_path)) == []


@needs_corpora
@pytest.mark.parametrize("path", CORPUS if ALL else CORPUS[::20], ids=lambda path: path.stem)
def test_of_other_peoples_cibs(path: Path, tmp_path: Path) -> None:
    cib = etree.parse(str(path)).getroot()
    if not has_status(cib):
        pytest.skip("it has no status")
    try:
        scene = scene_of(cib, tmp_path)
    except CannotSimulate as problem:
        pytest.skip(f"cannot be simulated: {problem}")
    assert list(differences(scene, tmp_path)) == []
