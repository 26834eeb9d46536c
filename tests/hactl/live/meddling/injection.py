"""One apply with one thing in between: somebody's edit, or its own death."""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from lxml.etree import _Element

from hactl.cib.temporary import lifted
from hactl.errors import HactlError
from hactl.live import cibfile
from hactl.live.apply import Outcome, apply
from hactl.live.operator import Options
from hactl.plan.diff import changes
from hactl.plan.plan import Plan, planned
from tests.hactl.live.cluster_on_file import Cluster, Hook, nothing, world
from tests.hactl.live.meddling.edits import EDITS, Edit
from tests.hactl.live.meddling.judge import Seen, faults
from tests.hactl.live.meddling.sites import Site, site
from tests.hactl.live.somebody import Somebody
from tests.hactl.scheduler import runner

Apply = Callable[..., Outcome]


@dataclass
class Watched(Somebody):
    """An operator who notes at which call the plan was shown."""

    calls: Callable[[], int] = lambda: 0
    shown_at: int = 0

    def show(self, plan: Plan) -> None:
        super().show(plan)
        self.shown_at = self.calls()


@dataclass
class Injection:
    """Makes one edit before call number ``at``."""

    here: Cluster
    site: Site
    edit: Edit
    rng: Random
    at: int
    seen: Seen
    calls: int = 0
    made_at: int = 0

    def __call__(self, number: int, argv: Sequence[str]) -> None:  # noqa: ARG002
        self.calls = number
        if number == self.at:
            pre = lifted(cibfile.read(self.here.file))
            self.seen.words = self.edit(self.here, self.site, self.rng)
            self.seen.edit = changes(pre, lifted(cibfile.read(self.here.file)))
            self.made_at = number


@dataclass
class Tried:
    """What became of one injection."""

    seed: int
    at: int
    words: str
    said: str
    faults: list[str] = field(default_factory=list)
    landed: bool = False


def calls_of(one: Site, directory: Path, made: Apply = apply) -> int:
    """Return how many tools an apply of the site calls when nobody meddles."""
    here, count = one.cluster(directory), [0]

    def counts(number: int, argv: Sequence[str]) -> None:  # noqa: ARG001
        count[0] = number

    carried_out(here, one.new, counts, made)
    return count[0]


def calls_once_sent(
    one: Site, directory: Path, commits: Container[int], made: Apply = apply
) -> list[int]:
    """Return the calls of an apply of the site at which so many commits have been sent."""
    here, found = one.cluster(directory), []

    def notes(number: int, argv: Sequence[str]) -> None:
        if here.sent in commits and "--patch" not in argv:
            found.append(number)

    carried_out(here, one.new, notes, made)
    return found


def tried(seed: int, one: Site, calls: int, directory: Path, made: Apply = apply) -> Tried:
    """Apply the site with one random edit at one random call; return what was found."""
    rng = Random(seed)
    edit, at = rng.choice(EDITS), rng.randint(1, calls)
    return tried_at(one, at, edit, directory, made, rng)


def tried_at(
    one: Site, at: int, edit: Edit, directory: Path, made: Apply = apply, rng: Random | None = None
) -> Tried:
    """Apply the site with ``edit`` before call ``at``; return what was found."""
    here = one.cluster(directory)
    expected = planned(one.before, one.new, runner(directory)).merged
    seen = Seen(one.before, expected, one.before)
    injection = Injection(here, one, edit, rng or Random(at), at, seen)
    operator = Watched(calls=lambda: injection.calls)
    seen.said = carried_out(here, one.new, injection, made, operator)
    seen.after = here.cib()
    seen.shown = operator.shown[0] if operator.shown else None
    seen.early = not operator.shown_at or injection.made_at <= operator.shown_at
    said = f"{type(seen.said).__name__}: {seen.said}"
    found = faults(seen) if seen.edit else []
    found += (
        [f"fenced: {', '.join(here.fenced)}, after {seen.words}: {said}"] if here.fenced else []
    )
    return Tried(one.seed, at, seen.words, said, found, bool(seen.edit))


def carried_out(
    here: Cluster,
    want: _Element,
    hook: Hook = nothing,
    made: Apply = apply,
    operator: Any = None,
) -> Outcome | HactlError:
    options = Options(here.directory / "records", allow_disruption=True, node="node1")
    try:
        return made(world(here, hook), want, options, operator or Somebody())
    except HactlError as problem:
        return problem


def injections(
    seeds: Sequence[int], each: int, directory: Path, made: Apply = apply
) -> list[Tried]:
    """Return what became of ``each`` injections into the site of each seed."""
    found = []
    for seed in seeds:
        one = site(seed, directory / f"{seed}")
        calls = calls_of(one, directory / f"{seed}-calls", made)
        for number in range(each):
            place = directory / f"{seed}-{number}"
            found.append(tried(seed * 1000 + number, one, calls, place, made))
    return found
