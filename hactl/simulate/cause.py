"""Why a resource that should run runs nowhere, as far as that can be proven.

Each thing that may keep it is taken away in a copy, and the scheduler is asked again: what lets it
run is the cause. What has no such proof is not said.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from enum import StrEnum

from lxml.etree import _Element

from hactl.simulate import cause_text as words
from hactl.simulate import relaxation as edits
from hactl.simulate.places import Places, places
from hactl.simulate.relaxation import Chain, Edit, chain
from hactl.simulate.scheduler import CannotSimulate, Run, simulate
from hactl.simulate.transition import Transition


class Kind(StrEnum):
    """What sort of thing keeps a resource from running."""

    SWITCHED_OFF = "target-role"
    UNMANAGED = "maintenance"
    NO_QUORUM = "quorum"
    MOVED = "move"
    FAILED = "failures"
    TOO_BIG = "capacity"
    BANNED = "ban"
    APART = "apart"
    NODES = "nodes"
    FENCING = "fencing"
    NEEDS = "needs"
    SEVERAL = "several"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Cause:
    """``text`` is a clause about the resource, ``hint`` what would mend it, if there is one."""

    kind: Kind
    text: str
    hint: str = ""

    def __str__(self) -> str:
        return f"{self.text}; {self.hint}" if self.hint else self.text


Words = Callable[[_Element, Chain, Places], tuple[str, str]]

# In the order in which they are tried: what somebody did before what the cluster is like.
TRIED: tuple[tuple[Kind, Edit, Words], ...] = (
    (Kind.MOVED, edits.without_moves, words.moved),
    (Kind.FAILED, edits.without_failures, words.failures),
    (Kind.NODES, edits.with_all_nodes, words.nodes),
    (Kind.TOO_BIG, edits.without_size, words.size),
    (Kind.APART, edits.without_apart, words.apart),
    (Kind.BANNED, edits.without_bans, words.bans),
    (Kind.FENCING, edits.without_fencing, words.fencing),
    (Kind.NEEDS, edits.without_needs, words.needs),
)


def cause(cib: _Element, unit: str, transition: Transition, runner: Run) -> Cause:
    """Return why resource ``unit``, top-level, runs nowhere after ``transition`` of ``cib``."""
    of = chain(cib, unit)
    said = next(by_switch(cib, of, transition), None)
    if said:
        return said
    try:
        return proven(cib, of, places(transition), runner)
    except CannotSimulate:
        return Cause(Kind.UNKNOWN, "the scheduler gives no answer to why")


def by_switch(cib: _Element, of: Chain, transition: Transition) -> Iterator[Cause]:
    """Yield what the scheduler itself says: it would not even try."""
    placed = [transition.resources[p] for p in sorted(of.primitives) if p in transition.resources]
    unit = of.units[0]
    if any(each.target_role.lower() == "stopped" for each in placed):
        own = words.named(cib, of, "target-role")
        hint = f"pcs resource enable {unit}" if own else "the default for all resources says so"
        yield Cause(Kind.SWITCHED_OFF, "target-role=Stopped keeps it off", hint)
    if words.option(cib, "maintenance-mode"):
        yield Cause(
            Kind.UNMANAGED,
            "the cluster is in maintenance mode: nothing is started",
            "pcs property set maintenance-mode=false",
        )
    if words.option(cib, "stop-all-resources"):
        yield Cause(Kind.SWITCHED_OFF, "stop-all-resources keeps everything off")
    if any(not each.managed for each in placed):
        yield Cause(Kind.UNMANAGED, "it is not managed", f"pcs resource manage {unit}")
    if cib.get("have-quorum") == "0":
        yield Cause(Kind.NO_QUORUM, "there is no quorum: nothing is started")


def proven(cib: _Element, of: Chain, there: Places, runner: Run) -> Cause:
    """Return the first thing without which it would run, or the fewest found that do together."""
    for kind, edit, say in TRIED:
        if runs(cib, of, [edit], runner):
            return Cause(kind, *say(cib, of, there))
    together: list[tuple[Kind, Edit, Words]] = list(TRIED)
    if not runs(cib, of, [edit for _, edit, _ in together], runner):
        return Cause(Kind.UNKNOWN, "no node can run it")
    for each in TRIED:
        rest = [other for other in together if other is not each]
        if runs(cib, of, [edit for _, edit, _ in rest], runner):
            together = rest
    texts = [say(cib, of, there)[0] for _, _, say in together]
    return Cause(Kind.SEVERAL, " and ".join(texts))


def runs(cib: _Element, of: Chain, edited: Sequence[Edit], runner: Run) -> bool:
    """Whether all of it would run after these edits; one that changes nothing proves nothing."""
    copy = deepcopy(cib)
    for edit in edited:
        edit(copy, of)
    if words.same(copy, cib):
        return False
    seen = simulate(copy, runner)
    after = places(seen)
    wanted = [p for p in of.primitives if p in seen.resources]
    return bool(wanted) and all(after.active.get(name) for name in wanted)
