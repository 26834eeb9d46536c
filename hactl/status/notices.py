"""What an operator should know of a cluster in which nothing is wrong: who left what behind."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lxml.etree import _Element

from hactl.cib.conversion import converting
from hactl.cib.edits import PROPERTIES, own_sets
from hactl.cib.history import EXPECTED, records
from hactl.cib.merge import child
from hactl.cib.moves import moves
from hactl.cib.own_words import reworded
from hactl.cib.ownership import edited_by_hand, is_ours, pair_edited_by_hand
from hactl.cib.temporary import lifted
from hactl.errors import ClusterError
from hactl.simulate.effect import Effect, effect_text
from hactl.simulate.maintenance import leaving, maintained
from hactl.simulate.scheduler import Run, simulate
from hactl.simulate.undermined import exposed

NAMED = 5
HALFWAY = (
    "is being handed to another agent, or was left in the middle of that: nobody recovers it "
    "(the same hactl adopt FILE --convert goes on)"
)
SIMULATED = 4


def notices(cib: _Element, runner: Run | None = None) -> tuple[str, ...]:
    """Return what holds in ``cib`` because somebody said so, a sentence each.

    With a ``runner`` it is simulated what leaving maintenance would do.
    """
    held = standing_on_what_may_go(cib, runner)
    half = (f"{name} {HALFWAY}" for name in converting(cib))
    return (*half, *maintenance(cib, runner), *held, *map(str, moves(cib)), *edits(cib))


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


def standing_on_what_may_go(cib: _Element, runner: Run | None) -> Iterator[str]:
    """Yield what cannot be stopped while what lies below it can."""
    if runner is None or not something_held(cib):
        return
    try:
        yield from map(str, exposed(child(cib, "configuration"), simulate(cib, runner)))
    except ClusterError as problem:
        yield f"something is not managed or has failed; what lies on what is not known: {problem}"


def something_held(cib: _Element) -> bool:
    """Whether something may be unmanaged or blocked: only then it is worth asking."""
    told = cib.iterfind("configuration/resources//nvpair[@value]")
    said = any(pair.get("name") in ("is-managed", "maintenance") for pair in told)
    codes = (record.get("rc-code") for _, _, record in records(cib))
    return said or any(code not in EXPECTED for code in codes)


def what_happens(effects: Sequence[Effect]) -> str:
    """Return in a clause what several effects come to; whoever is interrupted is named."""
    grave = [effect for effect in effects if effect.disruptive]
    rest = [effect for effect in effects if not effect.disruptive]
    said = [f"{effect.name} {effect_text(effect)}" for effect in (*grave, *rest[:NAMED])]
    more = f" and {len(rest) - NAMED} more without interruption" if len(rest) > NAMED else ""
    return ", ".join(said) + more if said else "nothing happens"


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
