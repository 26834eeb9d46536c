"""Watches a node go and come back and its services move, in seconds since the order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from lxml.etree import _Element

from hactl.errors import ClusterError
from hactl.live.corosync import member
from hactl.live.history import started
from hactl.live.session import World
from hactl.simulate.loss import Move

WAITS = {
    "fenced": "waiting for the device",
    "lost": "waiting for Corosync to miss it",
    "recovered": "waiting for its services",
    "back": "waiting for it to come back",
}


@dataclass
class Watch:
    """``seconds`` by phase, as far as it has come; ``arrived`` by resource: where, and when.

    ``power``: whether the level takes the node down. One that only cuts it off from its storage
    leaves it a member for Corosync; then Pacemaker there has to give up.
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

    def look(self) -> None:
        now = self.world.clock.now() - self.began
        try:
            self.look_at_corosync(now)
            self.look_at(self.world.pacemaker.cib(), now)
        except ClusterError:
            return  # a DC that goes takes the answers with it until there is another

    def look_at_corosync(self, now: float) -> None:
        if self.power and "lost" not in self.seconds:
            seen = member(self.world.runner, self.node_id)
            if not seen.joined or seen.joins > self.joins:
                self.seconds["lost"] = now

    def look_at(self, cib: _Element, now: float) -> None:
        here = online(cib, self.node)
        self.away = self.away or not here
        if self.away and not self.power:
            self.seconds.setdefault("lost", now)
        if here and self.away and "lost" in self.seconds:
            self.seconds.setdefault("back", now)
        for (resource, node), when in started(cib).items():
            if self.before.get((resource, node)) != when:
                self.arrived.setdefault(resource, (node, now))
        if self.moves and all(move.resource in self.arrived for move in self.moves):
            last = max(self.arrived[move.resource][1] for move in self.moves)
            self.seconds.setdefault("recovered", last)

    @property
    def recovered(self) -> bool:
        return not self.moves or "recovered" in self.seconds

    def doing(self) -> str:
        """Return what is being waited for."""
        phases = [phase for phase in WAITS if phase != "recovered" or self.moves]
        return next((WAITS[p] for p in phases if p not in self.seconds), "waiting for the cluster")


def online(cib: _Element, node: str) -> bool:
    """Whether a node is a working member, by Pacemaker; Pacemaker 3 writes times for words."""
    for state in cib.iterfind("status/node_state"):
        if state.get("uname") == node:
            member = state.get("in_ccm", "false") not in ("false", "0")
            there = state.get("crmd", "offline") not in ("offline", "0")
            return member and there and state.get("join") == "member"
    return False
