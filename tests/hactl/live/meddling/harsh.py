"""Something new that fails, where the topology says what follows: deaths, and every way on.

What fails for good, its start, its monitor or its stop, and whether the topology asks that its node
be fenced or emptied, that it be blocked or let be, comes from the seed. Whatever order of applies
and mends follows a death: no node is lost, nobody else goes down, and what is left is named.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path
from random import Random

from lxml.etree import _Element

from hactl.cib.history import ever_ran
from hactl.cib.temporary import leftovers, trials
from hactl.commands.mend import mended
from hactl.errors import HactlError
from hactl.live.apply import Outcome, apply
from hactl.plan.diff import changes
from tests.hactl.live.cluster_on_file import Cluster, world
from tests.hactl.live.meddling.deaths import killed, running
from tests.hactl.live.meddling.injection import Apply, calls_once_sent, carried_out
from tests.hactl.live.meddling.sites import NODES, Site, changed, first_shape, settled

ON_FAIL = ("fence", "standby", "block", "ignore")
FAILING = (("start",), ("start", "stop"), ("monitor",), ("monitor", "stop"), ("stop",))
INTERVAL = {"monitor": "10000"}
# So many commits have been made: something is there to be healed.
AFTER = range(1, 9)
# What somebody does after a death, one after the other.
WAYS = tuple(product(("old", "new", "mend"), ("old", "new")))


def harsh_site(seed: int, directory: Path) -> Site:
    """Return the site of ``seed``: ``new0`` is new and fails."""
    rng = Random(f"harsh {seed}")
    old = first_shape(rng)
    new = changed(old, rng)
    on_fail = {name: rng.choice(ON_FAIL) for name in ("start", "monitor") if rng.random() < 0.7}
    new = replace(new, memory={**new.memory, "new0": "1"}, on_fail=on_fail)
    fails = rng.choice(FAILING)
    failing = [f"new0_{op}_{INTERVAL.get(op, 0)}@{node}=1" for op in fails for node in NODES]
    one = settled(seed, old, new, failing, directory)
    return replace(one, lasting=rng.random() < 0.5)


def harsh_deaths(seed: int, each: int, directory: Path) -> Iterator[list[str]]:
    """Yield what is not right after each of ``each`` deaths at random, with a random way on."""
    rng, one = Random(seed), harsh_site(seed, directory / f"harsh-{seed}")
    calls = calls_once_sent(one, directory / f"harsh-calls-{seed}", AFTER)
    for at in sorted(rng.sample(calls, min(each, len(calls)))):
        place = directory / f"harsh-{seed}-{at}"
        yield after_harsh_death(one, at, rng.choice(WAYS), place)


def after_harsh_death(
    one: Site, at: int, way: tuple[str, str], directory: Path, made: Apply = apply
) -> list[str]:
    """Return what is not right after an apply was killed before call ``at``, and the ``way`` on."""
    here = killed(one, at, directory, during=False, made=made)
    found = [*lost(here), *unnamed(here)]
    for number, step in enumerate(way):
        usual = ran_and_ended(here.cib())
        here = one.cluster(directory / f"{number}-{step}", here.cib())
        said = stepped(here, one, step, made)
        if not usual:
            found += [*lost(here), *down(one, here)]
        found += [*unnamed(here), *unsaid(one, here, step, said)]
    return [f"{at}, then {', '.join(way)}: {fault}" for fault in found]


def stepped(here: Cluster, one: Site, step: str, made: Apply) -> Outcome | HactlError | None:
    if step != "mend":
        return carried_out(here, one.old if step == "old" else one.new, made=made)
    try:
        mended(world(here), allow_disruption=False, overwrite_edits=False)
    except HactlError as problem:
        return problem
    return None


def ran_and_ended(cib: _Element) -> bool:
    """Whether ``new0`` has run and its trial has ended: then its node is fenced, as any other's."""
    there = any(each.get("id") == "new0" for each in cib.iterfind(".//primitive"))
    return there and "new0" in ever_ran(cib) and "new0" not in dict(trials(cib))


def lost(here: Cluster) -> Iterator[str]:
    here.settle()
    if here.fenced or here.emptied:
        yield f"fenced: {here.fenced}, emptied: {here.emptied}"


def down(one: Site, here: Cluster) -> Iterator[str]:
    """Who is in the old topology and the new runs on."""
    both = primitives(one.old) & primitives(one.new)
    gone = (running(one.before, here.directory) & both) - running(here.cib(), here.directory)
    if gone:
        yield f"no longer running: {sorted(gone)}"


def unnamed(here: Cluster) -> Iterator[str]:
    """What is there for a moment can be proven to be ours."""
    left = leftovers(here.cib())
    if not all(each.proven for each in left):
        yield f"not named as ours: {[str(each) for each in left]}"


def unsaid(one: Site, here: Cluster, step: str, said: Outcome | HactlError | None) -> Iterator[str]:
    """After an apply of the old topology all is as before, or it says that it could not be."""
    differs = [change.id for change in changes(one.before, here.cib())]
    if step == "old" and differs and isinstance(said, Outcome):
        yield f"old: went through, and {differs} differs"
    if isinstance(said, HactlError) and "new0" not in str(said) and not differs:
        yield f"{step}: {said}"


def primitives(configuration: _Element) -> set[str]:
    return {each.get("id", "") for each in configuration.iterfind("resources//primitive")}
