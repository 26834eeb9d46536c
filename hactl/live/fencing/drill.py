"""A drill: fences a node by one level after the other, with the rest set aside, and times it.

Pacemaker's own fencer does it, as it would at night. While it works, the CIB has no other level for
that node; a guard sees to it that this does not outlive us (docs/decisions).
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from lxml.etree import _Element

from hactl.cib.history import started
from hactl.cib.read import properties
from hactl.errors import ClusterError, HactlError
from hactl.fencing.configuration import Fencing, Level, fencing, fencing_property
from hactl.fencing.drill.levels import fingerprint, levels_of, unsaid
from hactl.fencing.drill.marks import begin, drills, is_only, leave_all_but
from hactl.fencing.drill.outcome import Outcome
from hactl.fencing.drill.proofs import Proof, record
from hactl.live.corosync import Member, member, patience
from hactl.live.fencing import log as fencer_log
from hactl.live.fencing.guard import guarded, mend
from hactl.live.fencing.log import FencerLog
from hactl.live.fencing.order import Order, fabric, switched_off
from hactl.live.fencing.permit import MEND, Refused, about_node, node_id, permit
from hactl.live.fencing.watch import Watch, online
from hactl.live.patch import edit
from hactl.live.session import World
from hactl.live.settle import Unsettled, settle
from hactl.model.pacemaker_time import seconds as time_of
from hactl.simulate.loss import Loss

INTERVAL = 0.2  # seconds between two looks
READ = 2.0  # seconds for the fencers to read new levels; nothing tells when they have
AT_REST = 30.0  # seconds a cluster may need to come to rest before the first level
GRACE = 5.0  # seconds beyond Corosync's own times until a node that is there was never gone


class Operator(Protocol):
    """Whoever sits in front: is told what will happen, may say no (by raising), and watches."""

    def show(self, node: str, levels: Sequence[Level], foreseen: Loss) -> None: ...
    def agree(self, node: str) -> None: ...
    def progress(self, text: str) -> None: ...


@dataclass(frozen=True)
class Attempt:
    """A fencing that is over: why it failed, '' if it says it has not.

    ``outlived`` is what Corosync said of the node at the end, for where the log says nothing.
    """

    failure: str
    watch: Watch
    outlived: bool = False
    log: FencerLog | None = None

    def alive(self, node: str) -> bool:
        """Whether the node was alive when it was called off."""
        left = self.log.left_first(node) if self.log else None
        return self.outlived if left is None else not left


@dataclass(frozen=True)
class Drill:
    """``here`` is the node we are on, ``timeout`` the seconds a node may take to come back."""

    world: World
    here: str
    node: str
    operator: Operator
    timeout: float = 900.0

    def run(self, index: int | None = None, dry: bool = False) -> list[Outcome]:
        """Prove one level or all. Raises Refused, or ClusterError where nothing was done."""
        self.world.committer.prove()
        self.mend_dead()
        cib = self.at_rest(AT_REST)
        found = fencing(cib)
        levels = self.chosen(cib, found, index)
        losses = [permit(self.world, cib, found, level, self.here) for level in levels]
        self.operator.show(self.node, levels, losses[0])
        if dry:
            return []
        self.operator.agree(self.node)
        return list(self.one_by_one(levels))

    def mend_dead(self) -> None:
        """Put back what a drill of this node has left that is certainly dead."""
        for begun in drills(self.world.pacemaker.cib()):
            if begun.by == self.here and begun.pid and not Path(f"/proc/{begun.pid}").exists():
                self.operator.progress(f"mending {begun}")
                mend(self.world, begun.by, begun.pid)

    def chosen(self, cib: _Element, found: Fencing, index: int | None) -> list[Level]:
        reasons = list(about_node(cib, self.node, self.here))
        levels = levels_of(found, self.node)
        wanted = [level for level in levels if index in (None, level.index)]
        if not reasons and not levels:
            reasons.append(unsaid(found, self.node))
        elif not reasons and not wanted:
            there = ", ".join(str(level.index) for level in levels)
            reasons.append(f"{self.node} has no level {index}, only {there}")
        if reasons:
            raise Refused(reasons)
        return wanted

    def one_by_one(self, levels: Sequence[Level]) -> Iterator[Outcome]:
        """What one level leaves behind decides whether the next can be tried."""
        for number, level in enumerate(levels):
            try:
                cib = self.at_rest(AT_REST if not number else self.timeout)
                foreseen = permit(self.world, cib, fencing(cib), level, self.here)
            except ClusterError as problem:
                yield Outcome(level, f"not tried: {problem}".replace("no drill: ", ""))
                continue
            yield self.prove(level, cib, foreseen)

    def at_rest(self, within: float) -> _Element:
        try:
            progress = self.operator.progress
            world = self.world
            return settle(world.pacemaker, world.runner, within, progress, world.clock).cib
        except Unsettled as problem:
            raise Refused([problem.message]) from None

    # one level

    def prove(self, level: Level, cib: _Element, foreseen: Loss) -> Outcome:
        """Fence the node by this level alone, and see what comes of it."""
        digest = fingerprint(fencing(cib), level)
        power = not fabric(self.world, fencing(cib), level, self.here)
        attempt = self.fence(level, foreseen, power)
        watch = attempt.watch
        if attempt.failure:
            return self.outcome(level, watch, attempt.failure)
        self.wait(level, watch, "lost", patience(self.world.runner) + GRACE)
        if "lost" not in watch.seconds or (power and attempt.alive(self.node)):
            return self.outcome(level, watch, self.lie_text(level), self.fence_otherwise(level))
        notes = self.see_it_back(level, watch)
        proof = Proof(
            self.node, level.index, level.devices, digest, int(time.time()), self.here,
            dict(watch.seconds),
        )  # fmt: skip
        return self.outcome(level, watch, "", *notes, *self.noted(proof))

    def noted(self, proof: Proof) -> Iterator[str]:
        """Write a proof into the CIB; yield why that was impossible."""
        try:
            edit(self.world, lambda live: record(live, proof))
        except HactlError as problem:
            yield f"the proof could not be noted: {problem}"

    def fence(self, level: Level, foreseen: Loss, power: bool) -> Attempt:
        """Have the node fenced by this level and no other."""
        with guarded(self.world, self.here):
            self.set_aside(level)
            log = fencer_log.now()
            order, watch = self.order(foreseen, power)
            while not order.done:
                self.look(level, watch)
            if order.failure:
                return Attempt(order.failure, watch)
            watch.seconds["fenced"] = order.ended - watch.began
            if not is_only(self.world.pacemaker.cib(), self.node, level.index):
                return Attempt("somebody changed its levels meanwhile: this proves nothing", watch)
        others = self.used_others(level, log.used_on(self.node))
        return Attempt(others, watch, order.outlived, log)

    def used_others(self, level: Level, used: frozenset[str]) -> str:
        """Return why this proves another level than was meant, '' if it does not."""
        if not used or used == set(level.devices):
            return ""
        names = " and ".join(sorted(used))
        return f"Pacemaker used {names}, which proves nothing about {' and '.join(level.devices)}"

    def set_aside(self, level: Level) -> None:
        def change(cib: _Element) -> _Element:
            others = drills(cib)
            if others:
                raise Refused([f"{begun}, has not ended; {MEND}" for begun in others])
            return begin(cib, self.node, level.index, self.here, os.getpid(), time.time())

        before = edit(self.world, change)
        if len(levels_of(fencing(before), self.node)) > 1:
            self.world.clock.sleep(READ)

    def order(self, foreseen: Loss, power: bool) -> tuple[Order, Watch]:
        cib = self.world.pacemaker.cib()
        number = node_id(cib, self.node)
        there = member(self.world.runner, number)
        began = self.world.clock.now()
        watch = Watch(
            self.world, self.node, number, foreseen.moves, power, there.joins, started(cib), began
        )
        return self.ordered(cib, there), watch

    def ordered(self, cib: _Element, there: Member) -> Order:
        limit = time_of(fencing(cib).timeout) or 60.0
        number = node_id(cib, self.node)
        order = Order(self.world, self.node, number, action(cib), limit, there)
        threading.Thread(target=order.carry_out, daemon=True).start()
        return order

    def wait(
        self,
        level: Level,
        watch: Watch,
        phase: str,
        within: float,
        over: Callable[[], bool] = lambda: False,
    ) -> None:
        """Look until a phase is reached, time is up, or it is ``over``: it will not be reached."""
        until = self.world.clock.now() + within
        while phase not in watch.seconds and self.world.clock.now() < until and not over():
            self.look(level, watch)

    def look(self, level: Level, watch: Watch) -> None:
        watch.look()
        passed = self.world.clock.now() - watch.began
        self.operator.progress(
            f"level {level.index} of {self.node}: {watch.doing()} ({passed:.0f} s)"
        )
        self.world.clock.sleep(INTERVAL)

    def see_it_back(self, level: Level, watch: Watch) -> list[str]:
        """Wait for services and node; return what has not come."""
        notes = []
        if watch.moves:
            self.wait(level, watch, "recovered", self.timeout)
        missing = [move.resource for move in watch.moves if move.resource not in watch.arrived]
        if missing:
            notes.append(f"not recovered within {self.timeout:g} s: {', '.join(missing)}")
        if not watch.power:
            notes.append(f"{self.node} is cut off from its storage: {self.fence_otherwise(level)}")
        else:
            self.turn_on()
        self.wait(level, watch, "back", self.timeout, lambda: watch.fallen)
        if watch.fallen:
            notes.append(f"{self.early()}; {self.started_afresh(watch)}")
        elif "back" not in watch.seconds:
            notes.append(f"{self.node} has not come back within {self.timeout:g} s")
        return [*notes, *self.leaderless()]

    def turn_on(self) -> None:
        """Turn the node on where fencing it has left it off."""
        if switched_off(self.world, self.node):
            self.world.runner.run(("stonith_admin", f"--unfence={self.node}"), timeout=120.0)

    # a node that boots faster than it is missed

    def early(self) -> str:
        silence = patience(self.world.runner)
        return (
            f"{self.node} was up again before Corosync had missed it ({silence:g} s of silence); "
            "its new Pacemaker took the news of the fencing for its own, and ended"
        )

    def started_afresh(self, watch: Watch) -> str:
        """Fence the node once more: not a member now, it is not told what becomes of it."""
        try:
            order = self.ordered(self.world.pacemaker.cib(), Member())
        except ClusterError as problem:
            return f"start Corosync and Pacemaker there (the cluster does not answer: {problem})"
        while not order.done:
            self.operator.progress(f"fencing {self.node} once more, so that it starts afresh")
            self.world.clock.sleep(INTERVAL)
        if order.failure:
            return f"start Corosync and Pacemaker there (fencing it again failed: {order.failure})"
        self.turn_on()
        if not self.until_online():
            return "it was fenced once more, and stays away"
        watch.seconds["back"] = self.world.clock.now() - watch.began
        return "it was fenced once more to start afresh, and is back"

    def leaderless(self) -> Iterator[str]:
        """Yield that the others still take for their DC a node that is gone."""
        try:
            cib = self.world.pacemaker.cib()
        except ClusterError as problem:
            yield f"the cluster does not answer: {problem}"
            return
        if cib.get("dc-uuid") == node_id(cib, self.node) and not online(cib, self.node):
            yield (
                f"{self.node} is gone and the others still take it for their DC, so nobody decides "
                "anything: restart Pacemaker on one of them"
            )

    # a level that lies

    def lie_text(self, level: Level) -> str:
        names = " and ".join(level.devices)
        return f"{names} said that {self.node} is off, and it was alive at that moment"

    def fence_otherwise(self, level: Level) -> str:
        """Fence the node by its other levels: it may be running what was started elsewhere."""

        def change(cib: _Element) -> _Element:
            return leave_all_but(cib, self.node, level.index, self.here, os.getpid(), time.time())

        cib = self.world.pacemaker.cib()
        if len(levels_of(fencing(cib), self.node)) < 2:
            return f"turn {self.node} off by hand, at once: it has no other level"
        with guarded(self.world, self.here):
            edit(self.world, change)
            self.world.clock.sleep(READ)
            order = self.ordered(cib, Member())
            while not order.done:
                self.operator.progress(f"fencing {self.node} by its other levels")
                self.world.clock.sleep(INTERVAL)
        if order.failure:
            return f"turn {self.node} off by hand, at once: its other levels fail ({order.failure})"
        back = self.until_online()
        return f"{self.node} was fenced by its other levels" + ("" if back else ", and stays away")

    def until_online(self) -> bool:
        """Wait for the node; return whether it has come."""
        until = self.world.clock.now() + self.timeout
        while self.world.clock.now() < until:
            with contextlib.suppress(ClusterError):
                if online(self.world.pacemaker.cib(), self.node):
                    return True
            self.operator.progress(f"waiting for {self.node} to come back")
            self.world.clock.sleep(INTERVAL)
        return False

    def outcome(self, level: Level, watch: Watch, failure: str, *notes: str) -> Outcome:
        moved = {move.resource for move in watch.moves}
        arrived = {name: at for name, at in watch.arrived.items() if name in moved}
        return Outcome(level, failure, dict(watch.seconds), arrived, notes)


def action(cib: _Element) -> str:
    """Return what this cluster does to a node it fences: reboot or off."""
    return fencing_property(properties(cib), "action", "reboot")
