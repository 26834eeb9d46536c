"""The whole property, with the seeds of seeds.txt: python -m tests.hactl.live.meddling [WHAT]

Prints a line for each seed, everything that was lost or untrue, and a sum; exits 1 with any.
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tests.hactl.live.meddling.deaths import Death, died
from tests.hactl.live.meddling.harsh import harsh_deaths
from tests.hactl.live.meddling.injection import calls_of, injections
from tests.hactl.live.meddling.sites import site

SEEDS = Path(__file__).with_name("seeds.txt")


def chosen(what: str) -> tuple[range, int]:
    """Return the seeds for ``what``, and how many to make of each."""
    for line in SEEDS.read_text().splitlines():
        if line.startswith(what):
            _, seeds, each = line.split()
            first, _, last = seeds.partition("-")
            return range(int(first), int(last) + 1), int(each)
    raise LookupError(what)


def edits(directory: Path, found: Counter[str]) -> Iterator[str]:
    seeds, each = chosen("injections")
    for seed in seeds:
        for tried in injections([seed], each, directory):
            found["edits made" if tried.landed else "edits without effect"] += 1
            yield from (f"{tried.seed} at call {tried.at}: {fault}" for fault in tried.faults)


def deaths(directory: Path, found: Counter[str]) -> Iterator[str]:
    for seed in chosen("deaths")[0]:
        one = site(seed, directory / f"site-{seed}")
        for at in range(1, calls_of(one, directory / f"calls-{seed}") + 1):
            for death in Death:
                name = f"{seed}-{at}-{death.name}"
                killed = died(one, at, death, directory / name)
                found[f"{death}: {killed.state}"] += 1
                yield from (f"{seed} {death} call {at}: {fault}" for fault in killed.faults)


def harsh(directory: Path, found: Counter[str]) -> Iterator[str]:
    seeds, each = chosen("harsh")
    for seed in seeds:
        for faults in harsh_deaths(seed, each, directory):
            found["deaths beside something that fails"] += 1
            yield from (f"{seed} {fault}" for fault in faults)


def main(words: list[str]) -> int:
    found: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(prefix="hactl-meddling-") as name:
        for what in words or WHAT:
            for fault in WHAT[what](Path(name), found):
                found["faults"] += 1
                print(fault, flush=True)
    print("\n".join(f"{count:6}  {what}" for what, count in sorted(found.items())))
    return 1 if found["faults"] else 0


WHAT = {"edits": edits, "deaths": deaths, "harsh": harsh}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
