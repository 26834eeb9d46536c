"""What is left of a cluster when nodes are lost, as its DC would decide it: set after set of nodes.

The lost nodes are gone without a word: unclean, with everything that ran there in their history, as
``crm_simulate --node-fail`` has it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from dataclasses import dataclass
from itertools import islice

from lxml import etree
from lxml.etree import _Element

from hactl.cib.node_state import ABSENT, FENCED
from hactl.cib.read import all_primitives
from hactl.simulate.places import Places, places
from hactl.simulate.scenario import slim
from hactl.simulate.scheduler import Run, answer, version
from hactl.simulate.settled import Settled, at_rest
from hactl.simulate.transition import Transition

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Aftermath:
    """The cluster when ``nodes`` are lost and the rest has come to rest.

    ``stranded`` ran before and runs nowhere, ``demoted`` was promoted and is so nowhere; primitives
    both. ``fenced`` are other nodes that go with them.
    """

    nodes: tuple[str, ...]
    stranded: tuple[str, ...] = ()
    demoted: tuple[str, ...] = ()
    fenced: tuple[str, ...] = ()


def lost(cib: _Element, nodes: Iterable[str]) -> _Element:
    """Return a copy of ``cib`` as its DC has it the moment that ``nodes`` have gone silent."""
    copy = deepcopy(cib)
    for state in states(copy, nodes):
        state.set("in_ccm", ABSENT)
    return copy


def states(cib: _Element, nodes: Iterable[str]) -> Iterator[_Element]:
    names = set(nodes)
    yield from (s for s in cib.iterfind("status/node_state") if s.get("uname") in names)


def aftermaths(
    scene: Settled,
    losses: Iterable[Sequence[str]],
    runner: Run,
    workers: int = 1,
    progress: Progress | None = None,
) -> Iterator[Aftermath]:
    """Yield what becomes of a settled cluster by each of ``losses``, sets of nodes, in their order.

    ``workers`` schedulers run at a time; ``progress`` is told how many losses are done. Raises
    CannotSimulate.
    """
    before = places(scene.transition)
    fences = devices(scene.cib)
    queue = documents(unchecked(scene.cib, runner), losses)
    width = max(1, workers)

    def judge(job: tuple[tuple[str, ...], bytes]) -> Aftermath:
        nodes, document = job
        seen = answer(document, runner)
        found = aftermath(nodes, before, places(seen), seen)
        if set(found.stranded) <= fences and not found.demoted:
            return found
        return aftermath(nodes, before, in_the_end(scene.cib, found, places(seen), runner), seen)

    done = 0
    with ThreadPoolExecutor(width) as pool:
        # A few at a time: each document waits in memory, and each scheduler needs many times that.
        while batch := list(islice(queue, 2 * width)):
            for found in pool.map(judge, batch):
                done += 1
                if progress:
                    progress(done)
                yield found


def unchecked(cib: _Element, runner: Run) -> _Element:
    """Return what has been simulated before in a form that is not validated each time again.

    Pacemaker 3 no longer takes such a CIB; up to then it saves a seventh of the time.
    """
    if not version(runner).startswith("2."):
        return cib
    copy = deepcopy(cib)
    copy.set("validate-with", "none")
    return copy


def documents(
    cib: _Element, losses: Iterable[Sequence[str]]
) -> Iterator[tuple[tuple[str, ...], bytes]]:
    """Yield, for each loss, its nodes and the CIB as text."""
    scene = slim(cib)
    for nodes in losses:
        yield tuple(nodes), etree.tostring(lost(scene, nodes))


def aftermath(
    nodes: tuple[str, ...], before: Places, after: Places, first: Transition
) -> Aftermath:
    """Return what is left when everything is as in ``after``; ``first`` is what a loss leads to."""
    after.lose(nodes)
    return Aftermath(
        nodes=nodes,
        stranded=tuple(sorted(missing(before.active, after.active))),
        demoted=tuple(sorted(missing(before.promoted, after.promoted))),
        fenced=tuple(sorted({f.node for f in first.fencing} - set(nodes))),
    )


def in_the_end(cib: _Element, found: Aftermath, after: Places, runner: Run) -> Places:
    """Return where everything is when the cluster has come to rest without the lost nodes.

    What found no place in the first transition may push something else out in the next.
    """
    after.lose(found.nodes)
    without = down(cib, [*found.nodes, *found.fenced])
    return places(at_rest(without, after, runner).transition)


def down(cib: _Element, nodes: Iterable[str]) -> _Element:
    """Return a copy of ``cib`` in which ``nodes`` have been fenced."""
    copy = deepcopy(cib)
    for state in states(copy, nodes):
        for name, value in FENCED.items():
            state.set(name, value)
    return copy


def missing(before: Mapping[str, set[str]], after: Mapping[str, set[str]]) -> Iterator[str]:
    yield from (name for name, nodes in before.items() if nodes and not after.get(name))


def devices(cib: _Element) -> frozenset[str]:
    """Return the fence devices: Pacemaker uses them wherever they run, or do not."""
    fences = {
        each.get("id", "")
        for each in cib.iterfind("configuration/resources//template[@class='stonith']")
    }
    return frozenset(
        each.get("id", "")
        for each in all_primitives(cib)
        if each.get("class") == "stonith" or each.get("template") in fences
    )
