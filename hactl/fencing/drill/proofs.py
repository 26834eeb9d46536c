"""Proofs that a level works, as they stand in the CIB: attributes of the node that was fenced.

They survive that node and every other, and each node sees them; hactl keeps no store of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from lxml.etree import _Element

from hactl.cib.read import properties
from hactl.fencing.configuration import Fencing, fencing
from hactl.fencing.drill.levels import fingerprint, levels_of
from hactl.fencing.drill.node_attributes import read, write

ATTRIBUTE = "hactl-fence-proof-"  # and the number of the level
EVERY = "hactl-drill-every"  # a cluster property
DAY = 86400
DEFAULT_EVERY = 90 * DAY
PHASES = ("fenced", "lost", "recovered", "back")
UNITS = {"s": 1, "min": 60, "h": 3600, "d": DAY, "": 1}
MEMBERS = ("member", "normal")


@dataclass(frozen=True, slots=True)
class Proof:
    """That a level was seen to work ``at`` (seconds since 1970); ``seconds`` by phase.

    ``digest`` is the fingerprint of the devices as they were configured then.
    """

    node: str
    level: int
    devices: tuple[str, ...]
    digest: str
    at: int
    by: str = ""
    seconds: Mapping[str, float] = field(default_factory=dict)

    def __str__(self) -> str:
        took = " ".join(
            f"{name}={self.seconds[name]:.1f}" for name in PHASES if name in self.seconds
        )
        return (
            f"at={instant(self.at)} devices={','.join(self.devices)} digest={self.digest} "
            f"by={self.by} {took}".strip()
        )


class State(StrEnum):
    """What a proof is worth today."""

    PROVEN = "proven"
    STALE = "stale"
    CHANGED = "changed"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Standing:
    """How well a level of a node is proven; ``age`` of the proof in seconds."""

    node: str
    level: int
    devices: tuple[str, ...]
    state: State
    proof: Proof | None = None
    age: int | None = None

    def __str__(self) -> str:
        what = f"level {self.level} of {self.node} ({', '.join(self.devices)})"
        if self.state is State.NEVER:
            return f"{what} has never been proven"
        days = f"{(self.age or 0) // DAY} days ago"
        if self.state is State.CHANGED:
            return f"{what} was proven {days}, and has been configured differently since"
        return f"{what} was proven {days}"

    def as_json(self) -> dict[str, Any]:
        return {
            "node": self.node,
            "level": self.level,
            "devices": list(self.devices),
            "state": self.state.value,
            "proven": instant(self.proof.at) if self.proof else None,
            "age": self.age,
            "seconds": dict(self.proof.seconds) if self.proof else {},
        }


def standings(cib: _Element, now: float) -> tuple[Standing, ...]:
    """Return how every level of every node stands; ``now`` in seconds since 1970.

    Nothing where fencing is switched off: there is nothing to prove.
    """
    found = fencing(cib)
    if not found.enabled:
        return ()
    every = interval(cib)
    return tuple(one for node in members(cib) for one in of_node(found, cib, node, now, every))


def of_node(found: Fencing, cib: _Element, node: str, now: float, every: int) -> Iterator[Standing]:
    for level in levels_of(found, node):
        proof = parsed(node, level.index, read(cib, node, f"{ATTRIBUTE}{level.index}"))
        if proof is None:
            yield Standing(node, level.index, level.devices, State.NEVER)
            continue
        age = max(0, int(now) - proof.at)
        same = (proof.devices, proof.digest) == (level.devices, fingerprint(found, level))
        state = State.CHANGED if not same else State.STALE if age > every else State.PROVEN
        yield Standing(node, level.index, level.devices, state, proof, age)


def reminders(cib: _Element, now: float) -> list[str]:
    """Return what `unproven` says, in one sentence where no level has ever been proven."""
    found = standings(cib, now)
    if found and all(standing.state is State.NEVER for standing in found):
        return ["no level of fencing has ever been proven by a drill"]
    return list(unproven(cib, now))


def unproven(cib: _Element, now: float) -> Iterator[str]:
    """Yield a sentence for every level that ought to be proven (again)."""
    days = interval(cib) // DAY
    for standing in standings(cib, now):
        if standing.state is State.STALE:
            yield f"{standing}, longer than {days} days"
        elif standing.state is not State.PROVEN:
            yield str(standing)


def record(cib: _Element, proof: Proof) -> _Element:
    """Return a copy of ``cib`` in which ``proof`` stands."""
    return write(cib, proof.node, f"{ATTRIBUTE}{proof.level}", str(proof))


def parsed(node: str, level: int, text: str) -> Proof | None:
    """Read an attribute; what is not understood proves nothing."""
    words = dict(word.partition("=")[::2] for word in text.split())
    try:
        at = datetime.strptime(words["at"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        devices, digest = tuple(words["devices"].split(",")), words["digest"]
        seconds = {name: float(words[name]) for name in PHASES if name in words}
    except (KeyError, ValueError):
        return None
    return Proof(node, level, devices, digest, int(at.timestamp()), words.get("by", ""), seconds)


def instant(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, tz=UTC):%Y-%m-%dT%H:%M:%SZ}"


def interval(cib: _Element) -> int:
    """Return how long a proof holds, in seconds."""
    found = re.fullmatch(r"([1-9]\d{0,8})(s|min|h|d|)", properties(cib).get(EVERY, ""))
    return int(found[1]) * UNITS[found[2]] if found else DEFAULT_EVERY


def members(cib: _Element) -> list[str]:
    """Return the nodes that run a whole Pacemaker; a remote node is fenced in other ways."""
    return [
        node.get("uname", "")
        for node in cib.iterfind("configuration/nodes/node")
        if node.get("type", "member") in MEMBERS
    ]
