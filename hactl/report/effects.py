"""What happens to each resource, for people: a row for each, and nothing interrupted is hidden."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import click

from hactl.plan.effects import Effects
from hactl.simulate.effect import Effect, What, effect_text, gravest, role

COLOURS = {
    What.STAYS: None,
    What.STARTS: "green",
    What.MIGRATES: "cyan",
    What.RESTARTS: "yellow",
    What.STOPS: "red",
    What.STRANDED: "red",
    What.HANGS: "red",
    What.FENCED: "red",
}
FATES = {
    What.FENCED: "fenced",
    What.HANGS: "hanging",
    What.STRANDED: "stranded",
    What.STOPS: "stopped",
    What.RESTARTS: "restarted",
    What.MIGRATES: "migrated live",
    What.STARTS: "started",
    What.STAYS: "untouched",
}
# Where more rows than this say the same, their names share one row; none is left out.
ALIKE = 8
WIDTH = 100


@dataclass(frozen=True)
class Row:
    """What happens to one resource, or to several to which the same happens."""

    names: tuple[str, ...]
    text: str
    why: str
    what: What


def guests(effects: Effects) -> Iterator[str]:
    acted = [effect for effect in effects.guests if happens(effect)]
    stuck = [effect for effect in effects.guests if not happens(effect) and effect.why]
    if acted or stuck:
        yield click.style("Guests", bold=True)
        yield from lines([*acted, *stuck])


def others(effects: Effects) -> Iterator[str]:
    if effects.resources:
        yield click.style("Other resources", bold=True)
        yield from lines(effects.resources)


def happens(effect: Effect) -> bool:
    """Whether something is done; what is stranded already only goes on being so."""
    if effect.what in (What.STAYS, What.HANGS):
        return effect.moves_role
    return effect.what is not What.STRANDED or bool(effect.source)


def lines(effects: Sequence[Effect]) -> Iterator[str]:
    rows = list(folded(by_resource(effects)))
    wide = max(len(label(row)) for row in rows)
    wider = max(len(row.text) for row in rows)
    for row in rows:
        told = click.style(f"{row.text:{wider}}", fg=COLOURS[row.what])
        why = click.style(row.why, dim=True) if row.why else ""
        yield f"  {label(row):{wide}}  {told}  {why}".rstrip()
        if len(row.names) > 1:
            yield from wrapped(row.names)


def label(row: Row) -> str:
    return row.names[0] if len(row.names) == 1 else f"{len(row.names)} resources"


def wrapped(names: Sequence[str]) -> Iterator[str]:
    """Yield all of ``names`` in as many lines as they need."""
    line = ""
    for name in names:
        if line and len(line) + len(name) + 6 > WIDTH:
            yield f"    {line},"
            line = ""
        line = f"{line}, {name}" if line else name
    yield f"    {line}"


def by_resource(effects: Sequence[Effect]) -> list[Row]:
    """Return one row for all instances of a clone to which the same happens."""
    rows: dict[tuple[object, ...], list[Effect]] = {}
    for effect in effects:
        same = effect.name, effect.what, effect.why, effect.promotes, effect.demotes
        rows.setdefault(same, []).append(effect)
    return [
        Row((each[0].name,), effect_text(each[0]) if len(each) < 2 else together(each), *rest(each))
        for each in rows.values()
    ]


def rest(effects: Sequence[Effect]) -> tuple[str, What]:
    return effects[0].why, effects[0].what


def folded(rows: Sequence[Row]) -> Iterator[Row]:
    """Yield ``rows``, those that are alike as one where they would fill the screen."""
    alike: dict[tuple[str, str, What], list[Row]] = {}
    for row in rows:
        alike.setdefault((row.text, row.why, row.what), []).append(row)
    for row in rows:
        same = alike[row.text, row.why, row.what]
        if len(same) <= ALIKE:
            yield row
        elif row is same[0]:
            yield replace(row, names=tuple(each.names[0] for each in same))


def together(effects: Sequence[Effect]) -> str:
    first = effect_text(effects[0])
    verb = first.partition(" on ")[0] if " on " in first else first.partition(" ")[0]
    nodes = sorted({effect.source or effect.target for effect in effects})
    return f"{verb} on {', '.join(nodes)}{role(effects[0])}" if nodes != [""] else first


def fates(effects: Sequence[Effect]) -> str:
    """Return how many resources meet which fate; each counts once, by the gravest."""
    named: dict[str, list[Effect]] = {}
    for effect in effects:
        named.setdefault(effect.name, []).append(effect)
    counts = Counter(gravest(each) for each in named.values())
    return ", ".join(f"{counts[w]} {word}" for w, word in FATES.items() if counts[w]) or "none"
