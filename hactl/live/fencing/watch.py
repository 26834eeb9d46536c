"""Watches a node go and come back and its services move, in seconds since the order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from lxml.etree import _Element

from hactl.cib.history import started
from hactl.cib.node_state import is_member
from hactl.errors import ClusterError
from hactl.live.corosync import member
from hactl.live.session import World
from hactl.simulate.loss import Move

WAITS = {
    "fenced": "waiting for the device",
    "lost": "waiting for Corosync to miss it",
    "recovered": "waiting for its services",
    "back": "waiting for it to come back",
}

STAYS = 5.0  # seconds a node has to be there that was never seen to be away
FALLS = 10.0  # seconds after which one that came back and left does not come by itself


@dataclass
class Watch:
    """``seconds`` by phase, as far as it has come; ``arrived`` by resource: where, and when.

    ``power``: whether the level takes the node down. One that only cuts it off from its storage
    leaves it a member for Corosync; then Pacemaker there has to give up. ``silence`` is why the
    cluster gave no answer when it was last looked at, '' where it did.
    """

    world: World
    node: str
    node_id: str
    moves: tuple[Move, ...]
    power: bool
    joins: int
    before: Mapping[tuple[str, str], int]
    began: float
    seconds: dict[str, float] = field(default_factory=dict)
    arrived: dict[str, tuple[str, float]] = field(default_factory=dict)
    away: bool = False
    silence: str = ""
    here_since: float | None = None
    fell_at: float | None = None

    def look(self) -> None:
        now = self.world.clock.now() - self.began
        try:
            self.look_at_corosync(now)
            self.look_at(self.world.pacemaker.cib(), now)
            self.silence = ""
        except ClusterError as problem:
            # a DC that goes takes the answers with it until there is another
            self.silence = problem.message

    def look_at_corosync(self, now: float) -> None:
        """A node that joined once more and is gone again has come back, and has not stayed."""
        if not self.power or "back" in self.seconds:
            return
        seen = member(self.world.runner, self.node_id)
        again = seen.joins > self.joins
        if not seen.joined or again:
            self.seconds.setdefault("lost", now)
        if not again or seen.joined:
            self.fell_at = None
        elif self.fell_at is None:
            self.fell_at = now

    def look_at(self, cib: _Element, now: float) -> None:
        here = online(cib, self.node)
        self.away = self.away or not here
        if self.away and not self.power:
            self.seconds.setdefault("lost", now)
        self.see_back(here, now)
        for (resource, node), when in started(cib).items():
            if self.before.get((resource, node)) != when:
                self.arrived.setdefault(resource, (node, now))
        if self.moves and all(move.resource in self.arrived for move in self.moves):
            last = max(self.arrived[move.resource][1] for move in self.moves)
            self.seconds.setdefault("recovered", last)

    def see_back(self, here: bool, now: float) -> None:
        """One that was never seen to be away may not have been noticed to be: it has to stay."""
        if not here or "lost" not in self.seconds:
            self.here_since = None
            return
        self.here_since = now if self.here_since is None else self.here_since
        if self.away or now - self.here_since >= STAYS:
            self.seconds.setdefault("back", self.here_since)

    @property
    def fallen(self) -> bool:
        """Whether the node has come back and left again, and not come since."""
        passed = self.world.clock.now() - self.began
        return self.fell_at is not None and passed - self.fell_at >= FALLS

    @property
    def recovered(self) -> bool:
        return not self.moves or "recovered" in self.seconds

    def doing(self) -> str:
        """Return what is being waited for."""
        if self.silence:
            return f"no answer from the cluster ({self.silence})"
        if self.fell_at is not None:
            return "it came back and has left again"
        phases = [phase for phase in WAITS if phase != "recovered" or self.moves]
        return next((WAITS[p] for p in phases if p not in self.seconds), "waiting for the cluster")


def online(cib: _Element, node: str) -> bool:
    """Whether a node is a working member, by Pacemaker; Pacemaker 3 writes times for words."""
    for state in cib.iterfind("status/node_state"):
        if state.get("uname") == node:
            return is_member(state) and state.get("join") == "member"
    return False
