"""Judges losses: quorum first, then fencing, then the scheduler; what is known is not asked.

What a loss leads to in the first transition may push something else out in the next; so where
something is stranded the cluster is followed until it is at rest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from typing import Any, Protocol

from lxml import etree
from lxml.etree import _Element

from hactl.cib.read import properties
from hactl.simulate.cause_text import shares
from hactl.simulate.lean import lean, lean_running
from hactl.simulate.losses import down, unchecked
from hactl.simulate.places import Places, places
from hactl.simulate.scenario import slim
from hactl.simulate.scheduler import CannotSimulate, Run, asked, version
from hactl.simulate.settled import at_rest
from hactl.simulate.transition import Transition, transition
from hactl.whatif.fate import Fate, Fates, stranded
from hactl.whatif.fenceability import unfenced
from hactl.whatif.in_turn import moved
from hactl.whatif.loss import Kind, Loss
from hactl.whatif.packed import packed, unpacked
from hactl.whatif.quorum import Count
from hactl.whatif.scene import Scene, struck
from hactl.whatif.verdict import Room, Verdict

Progress = Callable[[int], None]
# What the scheduler's answer depends on beside the CIB: the time of day.
TIMELY = etree.XPath(
    "boolean(//date_expression | //status//nvpair[starts-with(@name, 'fail-count-')])"
)


class Memory(Protocol):
    """Keeps what is known of a digest; what it has lost is asked again."""

    def get(self, key: str) -> str | None: ...
    def put(self, key: str, value: str) -> None: ...


class Oblivion:
    """Keeps nothing."""

    def get(self, key: str) -> str | None:  # noqa: ARG002
        return None

    def put(self, key: str, value: str) -> None:
        """Let it go."""


@dataclass(frozen=True)
class Effort:
    """``workers`` schedulers at a time; ``progress`` is told how many losses are done."""

    workers: int = 1
    progress: Progress | None = None
    memory: Memory = field(default_factory=Oblivion)


@dataclass(frozen=True)
class Judge:
    """Judges the losses of one scene. Raises CannotSimulate."""

    scene: Scene
    runner: Run
    effort: Effort = field(default_factory=Effort)

    def all(self, losses: Iterable[Loss]) -> Iterator[Verdict]:
        """Yield a verdict on each loss, in their order."""
        width = max(1, self.effort.workers)
        queue, done = iter(losses), 0
        with ThreadPoolExecutor(width) as pool:
            # A few at a time: each scheduler needs many times the memory of its document.
            while batch := list(islice(queue, 2 * width)):
                for verdict in pool.map(self.verdict, batch):
                    done += 1
                    if self.effort.progress:
                        self.effort.progress(done)
                    yield verdict

    def verdict(self, loss: Loss) -> Verdict:
        """Return the verdict on one loss."""
        if loss.kind is Kind.IN_TURN:
            return self.in_turn(loss)
        count = self.scene.count(loss)
        document = self.document(loss, count)
        hangs = unfenced(self.scene.site.fencing, loss.nodes, loss.devices)
        key = self.key(document, loss, hangs)
        known = self.effort.memory.get(key) if key else None
        found = unpacked(known, loss, count) if known else None
        if found is None:
            found = self.asked(document, loss, count, hangs)
            if key:
                self.effort.memory.put(key, packed(found))
        return found

    def asked(self, document: bytes, loss: Loss, count: Count, hangs: Mapping[str, str]) -> Verdict:
        result, graph = asked(document, self.runner)
        seen = transition(result, graph, hangs)
        others = {each.node for each in seen.fencing} - set(loss.nodes)
        if others:
            lost = [*loss.nodes, *sorted(others)]
            hangs = {**hangs, **unfenced(self.scene.site.fencing, lost, loss.devices)}
            seen = transition(result, graph, hangs)
        fates = list(Fates(self.scene, loss, seen).all())
        after = places(seen)
        after.lose(loss.nodes)
        followed = not stranded(fates) or bool(hangs) or not count.kept
        if not followed and self.scene.follows:
            # one that does not come to rest is told of as far as it can be
            with suppress(CannotSimulate):
                after = self.end(seen, loss, after)
                fates, followed = list(Fates(self.scene, loss, seen, after).all()), True
        return self.put_together(loss, count, hangs, seen, fates, after, settled=followed)

    def put_together(
        self,
        loss: Loss,
        count: Count,
        hangs: Mapping[str, str],
        seen: Transition,
        fates: list[Fate],
        after: Places,
        *,
        settled: bool,
    ) -> Verdict:
        changed = tuple(each for each in fates if each.what.value != "stays")
        return Verdict(
            loss=loss,
            count=count,
            hangs=dict(hangs),
            fenced=tuple(sorted({each.node for each in seen.fencing} - set(loss.nodes))),
            fates=changed,
            staying=len(fates) - len(changed),
            rooms=tuple(self.rooms(after, {*loss.nodes, *hangs})),
            settled=settled,
        )

    def end(self, seen: Transition, loss: Loss, after: Places) -> Places:
        """Return where everything is when the cluster is at rest without what was lost."""
        gone = [*loss.nodes, *(each.node for each in seen.fencing)]
        bare = lean(self.scene.cib)
        return places(at_rest(self.failing(down(bare, gone), loss), after, self.runner).transition)

    def failing(self, cib: _Element, loss: Loss) -> _Element:
        """Return ``cib`` in which what has failed for good still has."""
        if not loss.failed:
            return cib
        return struck(cib, Loss(loss.kind, loss.name, failed=loss.failed), Count(0, 0, kept=True))

    def in_turn(self, loss: Loss) -> Verdict:
        """Return the verdict on losses one after the other, the cluster at rest in between."""
        scene = self.scene
        for number, node in enumerate(loss.nodes[:-1], 1):
            first = Judge(scene, self.runner).verdict(Loss(Kind.NODE, node, (node,)))
            if first.hangs or not scene.votes.one_by_one(loss.nodes[:number]).kept:
                # nothing is recovered before the next goes: they are lost together
                together = Judge(self.scene, self.runner).verdict(
                    Loss(Kind.NODES, loss.name, loss.nodes)
                )
                return Verdict(loss, *fields_of(together))
            scene = self.without(scene, node)
        last = Loss(Kind.NODE, loss.nodes[-1], loss.nodes[-1:])
        count = self.scene.count(loss)
        hangs = unfenced(scene.site.fencing, loss.nodes, ()).get(last.name)
        inner = Judge(scene, self.runner)
        found = inner.asked(
            inner.document(last, count), last, count, {last.name: hangs} if hangs else {}
        )
        fates = moved(self.scene, scene, found.fates)
        return Verdict(
            loss, count, found.hangs, found.fenced, fates, self.units - len(fates), found.rooms
        )

    def without(self, scene: Scene, node: str) -> Scene:
        """Return the cluster at rest after one node has been lost and fenced."""
        loss = Loss(Kind.NODE, node, (node,))
        result, graph = asked(self.document_of(scene, loss), self.runner)
        seen = transition(result, graph)
        after = places(seen)
        after.lose([node])
        gone = [node, *(each.node for each in seen.fencing)]
        rest = at_rest(down(lean(scene.cib), gone), after, self.runner)
        whole = scene.cib if scene.whole is None else scene.whole
        return Scene(rest.cib, rest.transition, scene.votes, whole)

    def document_of(self, scene: Scene, loss: Loss) -> bytes:
        kept = Count(0, 0, kept=True)
        return etree.tostring(struck(slim(unchecked(scene.cib, self.runner)), loss, kept))

    @cached_property
    def units(self) -> int:
        """How many resources have a fate."""
        return len(list(Fates(self.scene, Loss(Kind.NODE, ""), self.scene.transition).all()))

    @cached_property
    def base(self) -> _Element:
        slimmed = slim(unchecked(self.scene.cib, self.runner))
        # what is about to be restarted for its new parameters has to be seen
        rests = all(action.blocked for action in self.scene.transition.actions)
        return lean_running(slimmed) if rests else slimmed

    def document(self, loss: Loss, count: Count) -> bytes:
        return etree.tostring(struck(self.base, loss, count))

    @cached_property
    def release(self) -> str:
        return version(self.runner)

    def key(self, document: bytes, loss: Loss, hangs: Mapping[str, str]) -> str:
        """Return the digest of all that decides a verdict; nothing where the time does as well."""
        if self.timely:
            return ""
        rest = repr((self.release, loss.kind.value, loss.name, sorted(loss.nodes), sorted(hangs)))
        return hashlib.sha256(rest.encode() + document).hexdigest()

    @cached_property
    def timely(self) -> bool:
        return bool(TIMELY(self.scene.cib))

    def rooms(self, after: Places, gone: Iterable[str]) -> Iterator[Room]:
        """Yield what each node that is left has left, where utilization counts."""
        if properties(self.scene.cib).get("placement-strategy", "default") == "default":
            return
        dead = set(gone)
        for node, offer, taken in shares(self.scene.cib, after):
            if node not in dead:
                yield Room(node, {what: offer[what] - taken.get(what, 0) for what in offer})


def fields_of(verdict: Verdict) -> tuple[Any, ...]:
    return (
        verdict.count,
        verdict.hangs,
        verdict.fenced,
        verdict.fates,
        verdict.staying,
        verdict.rooms,
        verdict.settled,
    )
