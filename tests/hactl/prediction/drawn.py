"""Trials at random from a seed: two topologies that mix all kinds, and a state between them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.hactl.mixes import Choice, Seeded, mix
from tests.hactl.prediction.states import STATES
from tests.hactl.prediction.trial import Prediction, Verdict, by_primitive, trial

Document = dict[str, Any]
SEEDS = Path(__file__).parents[2] / "seeds/prediction.txt"


@dataclass(frozen=True)
class Draw:
    """Two topologies, the name of a state, and what chooses whom it meets."""

    before: Document
    after: Document
    state: str
    chance: int

    @property
    def name(self) -> str:
        return f"{self.state} {self.chance}"

    def trial(self, predict: Prediction = by_primitive) -> Verdict:
        with tempfile.TemporaryDirectory() as folder:
            state = STATES[self.state]
            return trial(self.before, self.after, Path(folder), state, self.chance, predict)


def drawn(seed: int) -> Draw:
    """Return the draw of a seed, always the same."""
    choice = Seeded(seed)
    one = mix(choice, 1, 3)
    other = slightly_changed(choice, one) if choice.yes() else mix(choice, 1, 3)
    if len(one["nodes"]) < len(other["nodes"]):  # a node cannot come with a topology
        one, other = other, one
    return Draw(one, other, choice.one(*sorted(STATES)), choice.number(0, 9999))


def slightly_changed(choice: Choice, document: Document) -> Document:
    """Return a document in which a thing or two go or become different, and all else stays."""
    changed = deepcopy(document)
    for _ in range(choice.number(1, 2)):
        workload = sorted({**changed.get("guests", {}), **changed.get("containers", {})})
        what = choice.one("less", "memory", "migration", "gate", "nodes", "priority")
        if what == "gate":
            for gateway in changed.get("gateways", {}).values():
                if not gateway.get("mode"):
                    gateway["gate"] = not gateway.get("gate", True)
        elif workload:
            alter(changed, what, choice.one(*workload))
    return {name: section for name, section in changed.items() if section}


def alter(document: Document, what: str, name: str) -> None:
    guests = document.get("guests", {})
    entry = guests.get(name) or document["containers"][name]
    match what:
        case "less" if name not in guests:
            del document["containers"][name]
        case "less" if name == max(guests):  # others come after the rest
            del guests[name]
        case "memory" if name in guests:
            entry["memory"] = "2GiB"
        case "migration" if name in guests:
            entry["live_migration"] = False
        case "nodes":
            entry["nodes"] = sorted(document["nodes"])[:1]
        case "priority":
            entry["priority"] = 7


def seeds() -> Iterator[int]:
    for line in SEEDS.read_text().splitlines():
        if line and not line.startswith("#"):
            yield int(line)
