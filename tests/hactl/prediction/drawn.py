"""Trials at random from a seed: two topologies that mix all kinds, and a state between them."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.hactl.mixes import mixes
from tests.hactl.prediction.states import STATES
from tests.hactl.prediction.trial import Prediction, Verdict, by_primitive, trial

Document = dict[str, Any]
SEEDS = Path(__file__).with_name("seeds")
ENOUGH = 1 << 14  # bytes; no draw takes as many


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


@st.composite
def draws(draw: st.DrawFn) -> Draw:
    one = draw(mixes())
    other = slightly_changed(draw, one) if draw(st.booleans()) else draw(mixes())
    if len(one["nodes"]) < len(other["nodes"]):  # a node cannot come with a topology
        one, other = other, one
    return Draw(one, other, draw(st.sampled_from(sorted(STATES))), draw(st.integers(0, 9999)))


def slightly_changed(draw: st.DrawFn, document: Document) -> Document:
    """Return a document in which a thing or two go or become different, and all else stays."""
    changed = deepcopy(document)
    for _ in range(draw(st.integers(1, 2))):
        guests = changed.get("guests", {})
        workload = sorted({**guests, **changed.get("containers", {})})
        what = draw(st.sampled_from(("less", "memory", "migration", "gate", "nodes", "priority")))
        if what == "gate":
            for gateway in changed.get("gateways", {}).values():
                if not gateway.get("mode"):
                    gateway["gate"] = not gateway.get("gate", True)
        elif workload:
            alter(changed, what, draw(st.sampled_from(workload)))
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


def drawn(seed: int) -> Draw:
    """Return the draw of a seed. Bytes decide, so that no other code has a say in it."""
    found: list[Draw] = []

    @settings(database=None, deadline=None, suppress_health_check=list(HealthCheck))
    @given(draws())
    def take(one: Draw) -> None:
        found.append(one)

    take.hypothesis.fuzz_one_input(random.Random(seed).randbytes(ENOUGH))
    (one,) = found
    return one


def seeds() -> Iterator[int]:
    for line in SEEDS.read_text().splitlines():
        if line and not line.startswith("#"):
            yield int(line)
