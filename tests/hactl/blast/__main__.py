"""Goes through every state of every resource of many topologies: ``scripts/blast``."""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from tests.hactl.blast.judge import judge
from tests.hactl.blast.matrix import states
from tests.hactl.blast.settled import Settled, Source
from tests.hactl.blast.topologies import random_topology, wishful_topology
from tests.hactl.blast.wishes import kept_down, situations

ROOT = Path(__file__).parents[3]
SEEDS = ROOT / "tests/seeds/blast.txt"
FILES = [
    *sorted((ROOT / "examples").glob("*.yaml")),
    *sorted((ROOT / "tests/hactl/golden").glob("*/topology.yaml")),
]


def seeds() -> list[int]:
    return [int(line) for line in SEEDS.read_text().split()]


def source(named: str) -> Source | None:
    return random_topology(int(named)) if named.isdigit() else Source.of_file(Path(named))


def one(named: str) -> tuple[Counter[str], list[str]]:
    """Judge every state of a topology; return how many of what, and what is wrong."""
    found = source(named)
    count: Counter[str] = Counter()
    if found is None:
        return count, []
    said = []
    with tempfile.TemporaryDirectory() as folder:
        run = Settled(found, Path(folder))
        for state in states(run):
            verdict = judge(run, state)
            count += Counter(states=1, triples=verdict.others, evicted=len(verdict.evicted))
            count["evicted in vain"] += len(verdict.in_vain)
            count["deadlocks named by check"] += verdict.deadlock
            count["held"] += state.held and bool(verdict.under)
            wrongs = verdict.bystanders if state.held else verdict.wrongs
            said += [f"{found.name}: {state}: {wrong}" for wrong in wrongs]
    return count + Counter(topologies=1), said


def wishful(named: str) -> tuple[Counter[str], list[str]]:
    """Say what the wishes of a random topology keep down."""
    found = wishful_topology(int(named))
    if found is None:
        return Counter(), []
    with tempfile.TemporaryDirectory() as folder:
        run = Settled(found, Path(folder))
        said = [f"{found.name}: {each}" for each in kept_down(run)]
        return Counter(topologies=1, situations=sum(1 for _ in situations(run))), said


def main(names: list[str]) -> int:
    judged = one
    if names[:1] == ["--wishes"]:
        judged, names = wishful, names[1:] or [*map(str, seeds())]
    names = names or [*map(str, FILES), *map(str, seeds())]
    total: Counter[str] = Counter()
    wrong: list[str] = []
    with ProcessPoolExecutor(2) as pool:
        for count, said in pool.map(judged, names):
            total += count
            wrong += said
            print("".join(f"{line}\n" for line in said), end="", flush=True)
    print(", ".join(f"{number} {what}" for what, number in sorted(total.items())))
    print(f"{len(wrong)} wrong")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
