"""Whatever a topology is like: who is stranded by a loss is what Pacemaker's own simulation says.

A seeded sample runs every day; ``scripts/survival`` runs all seeds of tests/seeds/survival.txt.
The judge executes transitions (``crm_simulate --node-fail --simulate``) on the whole CIB; ours asks
once for each loss, on a lean one.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Sequence
from copy import deepcopy
from itertools import combinations
from pathlib import Path

import pytest
from lxml import etree
from lxml.etree import _Element

from hactl.cib import document
from hactl.live.runner import Runner
from hactl.simulate.loss import loss
from hactl.simulate.losses import Aftermath, aftermath, aftermaths, devices, states
from hactl.simulate.places import places
from hactl.simulate.scheduler import answer
from hactl.simulate.settled import Settled, settled
from tests.hactl.scheduler import needs_scheduler, runner
from tests.hactl.topologies import cluster_of
from tests.support.random_clusters import random_cluster

pytestmark = needs_scheduler
FILE = Path(__file__).parents[2] / "seeds/survival.txt"
SEEDS = [int(line) for line in FILE.read_text().splitlines()]
ALL = bool(os.environ.get("HACTL_EXHAUSTIVE"))
GONE = {"in_ccm": "false", "crmd": "offline", "join": "down", "expected": "down"}
ROUNDS = 6


class Judge:
    """Pacemaker's own simulation, executed until there is nothing left to do."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def settle(self, cib: bytes, *events: str) -> bytes:
        for _ in range(ROUNDS):
            if not events and not self.seen(cib).findall("actions/*"):
                return cib
            cib, events = self.executed(cib, *events), ()
        raise AssertionError("the judge does not come to rest")

    def executed(self, cib: bytes, *events: str) -> bytes:
        before, after = self.folder / "before.xml", self.folder / "after.xml"
        before.write_bytes(cib)
        self.run("-x", str(before), "-S", "-O", str(after), "--quiet", *events)
        return after.read_bytes()

    def seen(self, cib: bytes) -> _Element:
        path = self.folder / "seen.xml"
        path.write_bytes(cib)
        return etree.fromstring(self.run("-x", str(path), "-R", "--output-as=xml"))

    def run(self, *argv: str) -> bytes:
        environment = {**os.environ, "CIB_shadow_dir": str(self.folder)}
        done = subprocess.run(
            ["crm_simulate", *argv], capture_output=True, check=True, env=environment
        )
        return done.stdout

    def active(self, cib: bytes, *, promoted: bool = False) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for each in self.seen(cib).iterfind("cluster_status/resources//resource"):
            if not promoted or each.get("role") == "Promoted":
                here = {node.get("name", "") for node in each.iterchildren("node")}
                found.setdefault(each.get("id", "").partition(":")[0], set()).update(here)
        return found

    def verdict(self, before: bytes, nodes: Sequence[str]) -> Aftermath:
        after = self.settle(before, *(word for node in nodes for word in ("-f", node)))
        stranded, demoted = (
            tuple(
                sorted(
                    gone(
                        self.active(before, promoted=p), self.active(after, promoted=p), set(nodes)
                    )
                )
            )
            for p in (False, True)
        )
        return Aftermath(tuple(nodes), stranded, demoted)


def gone(before: dict[str, set[str]], after: dict[str, set[str]], lost: set[str]) -> Iterator[str]:
    yield from (name for name, on in before.items() if on and not after.get(name, set()) - lost)


@pytest.mark.parametrize("seed", SEEDS if ALL else SEEDS[:4])
def test_who_is_stranded_is_who_pacemaker_strands(seed: int, tmp_path: Path) -> None:
    judge, scene, whole, nodes = made(seed, tmp_path)
    before = judge.settle(whole)
    running = {name: on for name, on in judge.active(before).items() if on}
    assert {n: s for n, s in places(scene.transition).active.items() if s} == running
    losses = [(node,) for node in nodes]
    pairs = list(combinations(nodes, 2))
    losses += pairs if ALL else pairs[:2]
    ours = list(aftermaths(scene, losses, runner(tmp_path)))
    assert ours == [judge.verdict(before, lost) for lost in losses]


@pytest.mark.parametrize("seed", SEEDS if ALL else SEEDS[:2])
def test_what_a_drill_foresees_is_what_pacemaker_does(seed: int, tmp_path: Path) -> None:
    """On the running cluster: who is stranded, and who comes up or is promoted where."""
    judge, _, whole, nodes = made(seed, tmp_path)
    before = judge.settle(whole)
    cib = etree.fromstring(before)
    for node in nodes if ALL else nodes[:2]:
        foreseen = loss(cib, node, runner(tmp_path))
        right = judge.verdict(before, [node])
        stranded = {*right.stranded, *right.demoted} - devices(cib)
        assert {each.resource for each in foreseen.stranded} == stranded
        after = judge.settle(before, "-f", node)
        there = judge.active(after)
        assert [move for move in foreseen.moves if move.target not in there[move.resource]] == []


def test_the_judge_finds_a_loss_taken_from_an_emptied_node(tmp_path: Path) -> None:
    """The first seed: the DC, which decides with the node's history, strands another guest."""
    judge, scene, whole, _ = made(SEEDS[0], tmp_path)
    before = judge.settle(whole)
    wrong = emptied(scene, "n1", runner(tmp_path))
    right = judge.verdict(before, ["n1"])
    assert (wrong.stranded, right.stranded) == ((), ("g3",))


def test_the_judge_finds_a_model_that_forgets_sizes(tmp_path: Path) -> None:
    judge, scene, whole, nodes = made(SEEDS[0], tmp_path)
    for part in scene.cib.findall(".//primitive/utilization"):
        part.getparent().remove(part)  # type: ignore[union-attr]
    ours = list(aftermaths(scene, [(node,) for node in nodes], runner(tmp_path)))
    assert ours != [judge.verdict(judge.settle(whole), [node]) for node in nodes]


def made(seed: int, folder: Path) -> tuple[Judge, Settled, bytes, Sequence[str]]:
    text = json.dumps(random_cluster(seed))
    cluster = cluster_of(text)
    scene = settled(document.cib(cluster), runner(folder))
    return (
        Judge(folder),
        scene,
        document.text(document.cib(cluster)),
        [n.name for n in cluster.nodes],
    )


def emptied(scene: Settled, node: str, pacemaker: Runner) -> Aftermath:
    """The model this replaces: a node that is down already, and knows nothing."""
    cib = deepcopy(scene.cib)
    for state in states(cib, [node]):
        for name, value in GONE.items():
            state.set(name, value)
        for part in list(state):
            state.remove(part)
    seen = answer(etree.tostring(cib), pacemaker)
    return aftermath((node,), places(scene.transition), places(seen), seen)
