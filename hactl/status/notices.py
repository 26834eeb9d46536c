"""What an operator should know of a cluster in which nothing is wrong: who left what behind."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lxml.etree import _Element

from hactl.cib.edits import PROPERTIES, own_sets
from hactl.cib.merge import child
from hactl.cib.moves import moves
from hactl.cib.own_words import reworded
from hactl.cib.ownership import edited_by_hand, is_ours, pair_edited_by_hand
from hactl.cib.temporary import lifted
from hactl.errors import ClusterError
from hactl.simulate.effect import Effect, happening
from hactl.simulate.maintenance import leaving, maintained
from hactl.simulate.scheduler import Run

NAMED = 5
SIMULATED = 4


def notices(cib: _Element, runner: Run | None = None) -> tuple[str, ...]:
    """Return what holds in ``cib`` because somebody said so, a sentence each.

    With a ``runner`` it is simulated what leaving maintenance would do.
    """
    return (*maintenance(cib, runner), *map(str, moves(cib)), *edits(cib))


def maintenance(cib: _Element, runner: Run | None) -> Iterator[str]:
    for number, held in enumerate(maintained(cib)):
        if runner is None or number >= SIMULATED:
            yield f"{held} ({held.command} ends that)"
            continue
        try:
            then = leaving(cib, held, runner)
        except ClusterError as problem:
            yield f"{held} ({held.command} ends that; what then happens is not known: {problem})"
        else:
            yield f"{held} ({held.command} ends that; then {what_happens(then)})"


def what_happens(effects: Sequence[Effect]) -> str:
    """Return in a clause what several effects come to."""
    said = [f"{effect.name} {happening(effect)}" for effect in effects]
    more = f" and {len(said) - NAMED} more" if len(said) > NAMED else ""
    return ", ".join(said[:NAMED]) + more if said else "nothing happens"


def edits(cib: _Element) -> Iterator[str]:
    """Yield what hactl wrote and somebody has changed since, as far as its own mark shows it."""
    found = list(edited(child(lifted(cib), "configuration")))
    if found:
        more = f" and {len(found) - NAMED} more" if len(found) > NAMED else ""
        names = ", ".join(found[:NAMED]) + more
        yield f"edited by hand since hactl wrote it: {names} (hactl plan FILE shows the difference)"


def edited(configuration: _Element) -> Iterator[str]:
    for resource in configuration.iterfind("resources/*"):
        if edited_by_hand(resource):
            yield resource.get("id", "")
    for constraint in configuration.iterfind("constraints/*"):
        if reworded(constraint):
            yield constraint.get("id", "")
    for pair in configuration.iterfind(PROPERTIES):
        if is_ours(pair) and pair_edited_by_hand(pair):
            yield f"property {pair.get('name')}"
    for found in own_sets(configuration):
        if any(pair_edited_by_hand(pair) for pair in found.iterchildren("nvpair")):
            yield found.get("id", "")
