"""Waits until a cluster has done what it had to do: the DC idle, nothing begun, nothing left."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from lxml.etree import _Element

from hactl.cib.history import PENDING, Failure, failures, pending, records
from hactl.errors import ClusterError
from hactl.live.pacemaker import NotConnected, Pacemaker
from hactl.live.runner import Runner
from hactl.simulate.scheduler import simulate
from hactl.simulate.transition import Transition

IDLE = "S_IDLE"
INTERVAL = 0.25
# After this long with an idle DC and an unchanged CIB nothing more will come, whatever our own
# scheduler says should: another version of it may be the one that decides.
QUIET = 8.0


class Unsettled(ClusterError):
    """The cluster is still busy after the time it was given."""


@dataclass(frozen=True)
class Clock:
    """Time as it passes; a test brings its own."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


@dataclass(frozen=True)
class Settled:
    """The CIB of a cluster that has nothing to do, and what its scheduler says of it.

    ``failed`` is what was seen to fail on the way: a node that was fenced forgets it.
    """

    cib: _Element
    transition: Transition
    failed: frozenset[Failure] = frozenset()


def settle(
    pacemaker: Pacemaker,
    runner: Runner,
    timeout: float,
    progress: Callable[[str], None],
    clock: Clock | None = None,
    alarm: Callable[[_Element], None] = lambda cib: None,  # noqa: ARG005
) -> Settled:
    """Wait until the cluster is idle and its own scheduler has nothing left to do.

    Idle alone would not do: just after a commit the DC has not yet seen it.

    ``alarm`` is shown each CIB on the way, and may raise. Raises Unsettled after ``timeout``
    seconds.
    """
    clock = clock or Clock()
    deadline = clock.now() + timeout
    watch = Watch(pacemaker, runner, clock, alarm)
    while True:
        try:
            settled = watch.look()
            doing = watch.doing
        except NotConnected as problem:
            # A DC that goes takes the answers with it until there is another.
            settled, doing = None, problem.message
        if settled:
            return settled
        if clock.now() > deadline:
            raise Unsettled(f"the cluster is still busy after {timeout:g} s: {doing}")
        progress(doing)
        clock.sleep(INTERVAL)


@dataclass
class Watch:
    """Looks at the cluster again and again; remembers since when nothing has moved."""

    pacemaker: Pacemaker
    runner: Runner
    clock: Clock
    alarm: Callable[[_Element], None]
    version: str = ""
    quiet_since: float = 0.0
    doing: str = ""
    failed: frozenset[Failure] = frozenset()

    def look(self) -> Settled | None:
        cib = self.pacemaker.cib()
        self.doing = under_way(cib)
        self.failed |= failures(cib)
        self.alarm(cib)
        if spelled(cib) != self.version or not idle(self.pacemaker, cib):
            self.quiet_since, self.version = self.clock.now(), spelled(cib)
            return None
        if pending(cib):
            return None
        # simulating may take longer than that: whether the DC is idle then was not looked at
        long_quiet = self.clock.now() - self.quiet_since > QUIET
        transition = simulate(cib, self.runner)
        at_rest = nothing_left(transition) or long_quiet
        return Settled(cib, transition, self.failed) if at_rest else None


def spelled(cib: _Element) -> str:
    return ".".join(cib.get(name, "") for name in ("admin_epoch", "epoch", "num_updates"))


def idle(pacemaker: Pacemaker, cib: _Element) -> bool:
    dc = next((n for n in cib.iterfind("configuration/nodes/node") if is_dc(n, cib)), None)
    return dc is not None and pacemaker.state(dc.get("uname", "")) == IDLE


def is_dc(node: _Element, cib: _Element) -> bool:
    return node.get("id") == cib.get("dc-uuid")


def nothing_left(transition: Transition) -> bool:
    return not transition.fencing and all(action.blocked for action in transition.actions)


def under_way(cib: _Element) -> str:
    """Return what is under way, in a few words."""
    busy = [
        f"{record.get('operation')} {name}"
        for _, name, record in records(cib)
        if record.get("op-status") == PENDING
    ]
    more = f" and {len(busy) - 3} more" if len(busy) > 3 else ""
    return f"{', '.join(busy[:3])}{more}" if busy else "waiting for the cluster"
