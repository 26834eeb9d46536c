"""The plan for people: what changes, what happens to each guest, and one line that sums it up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import click

from hactl.plan.change import Change, Create, Delete, Detail, Update
from hactl.plan.diff import MARKS
from hactl.plan.effects import GUESTS
from hactl.plan.later import Later
from hactl.plan.plan import Plan
from hactl.plan.readable import words
from hactl.report.effects import ALIKE, fates, guests, happens, lines, others, wrapped
from hactl.simulate.effect import What

SIGNS = {Create: ("+", "green"), Update: ("~", "yellow"), Delete: ("-", "red")}
DOWN = frozenset({What.STRANDED, What.HANGS})
ALONG = frozenset({"order", "colocation", "location", "ticket", "fencing-level"})
PLURALS = {
    "address": "addresses",
    "defaults": "sets of defaults",
    "fencing": "fence devices",
    "fencing-level": "fencing levels",
    "property": "properties",
    "properties": "sets of properties",
    "raw": "raw resources",
    "storage": "storage resources",
}


def text(plan: Plan) -> str:
    """Return ``plan`` to print, with ANSI colours that click takes out where there is no tty."""
    blocks = [
        list(changed(plan.changes)),
        list(guests(plan.effects)),
        list(others(plan.effects)),
        list(then(plan.later)),
        list(remarks(plan)),
        [summary(plan)],
    ]
    return "\n\n".join("\n".join(lines) for lines in blocks if lines) + "\n"


def changed(changes: Sequence[Change]) -> Iterator[str]:
    if not changes:
        return
    yield click.style("Changes", bold=True)
    alone, along = told_apart(changes)
    rows = [row for change in alone for row in change_rows(change)]
    groups = folded(rows)
    width = max((len(named(same)) for same in groups if same[0].lines), default=0)
    for same in groups:
        yield from row_lines(same, width)
    for (kind, sort), count in along.items():
        sign, colour = SIGNS[sort]
        yield click.style(f"  {sign} {counted(count, kind)}", fg=colour)


def told_apart(
    changes: Sequence[Change],
) -> tuple[list[Change], Counter[tuple[str, type[Change]]]]:
    """Constraints and levels that come and go with their resources are only counted."""
    moving = {change.id for change in changes if not isinstance(change, Update)}
    alone: list[Change] = []
    along: Counter[tuple[str, type[Change]]] = Counter()
    for change in changes:
        values = (str(detail.old or detail.new) for detail in change.details)
        named = {name for value in values for name in value.split(",")}
        if change.kind in ALONG and not isinstance(change, Update) and named & moving:
            along[change.kind, type(change)] += 1
        else:
            alone.append(change)
    return alone, along


@dataclass(frozen=True)
class Row:
    """A change to print: ``lines`` say what differs, in those that only become different."""

    sort: type[Change]
    kind: str
    name: str
    title: str
    lines: tuple[str, ...] = ()
    aside: str = ""


def change_rows(change: Change) -> Iterator[Row]:
    sort = type(change)
    if isinstance(change, Update):
        said = tuple(line for detail in change.details for line in prefixed(change, detail))
        yield Row(sort, change.kind, change.id, title(change), said or ("renewed",))
    else:
        yield Row(sort, change.kind, change.id, title(change), aside=aside(change))


def folded(rows: Sequence[Row]) -> list[list[Row]]:
    """Put together what is said of many in the same words; each is still named."""
    alike: dict[tuple[object, ...], list[Row]] = {}
    for row in rows:
        alike.setdefault((row.sort, row.kind, row.lines, row.aside), []).append(row)
    found = []
    for row in rows:
        same = alike[row.sort, row.kind, row.lines, row.aside]
        if len(same) <= ALIKE:
            found.append([row])
        elif row is same[0]:
            found.append(same)
    return found


def named(same: Sequence[Row]) -> str:
    return same[0].title if len(same) == 1 else counted(len(same), same[0].kind)


def row_lines(same: Sequence[Row], width: int) -> Iterator[str]:
    first = same[0]
    sign, colour = SIGNS[first.sort]
    head = f"  {sign} {named(same):{width if first.lines else 0}}"
    said = "".join(f"  {line}" for line in first.lines[:1])
    yield click.style(head, fg=colour) + first.aside + said
    for line in first.lines[1:]:
        yield f"    {'':{width}}  {line}"
    if len(same) > 1:
        yield from wrapped([row.name for row in same])


def aside(change: Create | Delete) -> str:
    """Return what a set of values consists of: it has no name an operator would know."""
    if change.kind == MARKS:
        return f" of ownership beside {counted(len(change.details), 'element')}"
    if change.kind not in ("node", "defaults") or not change.details:
        return ""
    values = ", ".join(f"{d.name} {d.new if d.old is None else d.old}" for d in change.details)
    return f"  {values}"


def prefixed(change: Update, detail: Detail) -> Iterator[str]:
    told = change.kind in ("property", "node", "defaults") or detail.owner == change.id
    inner = "" if told else f"{detail.owner} "
    return (f"{inner}{clause}" for clause in words(detail))


def title(change: Change) -> str:
    if change.kind == "property":
        return "property" if isinstance(change, Update) else f"property {properly(change)}"
    if change.kind == "node" and change.details:
        return f"node {change.details[0].owner}"
    if change.kind == "defaults" and change.details:
        return f"defaults for {change.details[0].owner}"
    return change.kind if change.kind == MARKS else f"{change.kind} {change.id}"


def properly(change: Change) -> str:
    return ", ".join(f"{detail.name}={detail.new or detail.old}" for detail in change.details)


def then(later: Later) -> Iterator[str]:
    """Yield what happens on the day that nothing is in maintenance any more."""
    if not later.held:
        return
    acted = [effect for effect in later.effects.all if happens(effect)]
    yield click.style("When maintenance ends", bold=True)
    yield from (f"  {held} (`{held.command}` ends that)" for held in later.held)
    if acted:
        yield from lines(acted)
    else:
        yield "  nothing happens"


def remarks(plan: Plan) -> Iterator[str]:
    for fencing in plan.fencing:
        why = f": {fencing.reason}" if fencing.reason else ""
        yield click.style(f"! {fencing.node} is fenced ({fencing.action}){why}", fg="red")
    for lost in plan.unprotected:
        allowed = "apply does that only with --allow-unfenced"
        yield click.style(f"! {lost}; {lost.mend}; {allowed}", fg="red")
    for name in plan.edited:
        yield click.style(
            f"! {name} was edited by hand; apply undoes that only with --overwrite-edits",
            fg="red",
        )
    for left in plan.leftovers:
        yield click.style(f"! {left}; this plan takes that away", fg="yellow")
    for switch in plan.switches:
        yield f"  kept: {switch}"
    for note in plan.notes:
        yield f"  note: {note}"


def summary(plan: Plan) -> str:
    if not plan.simulated:
        return click.style(
            f"Not simulated, so nobody knows what happens to the guests: {plan.why_not}", fg="red"
        )
    if not plan.changes:
        if plan.fencing or any(happens(effect) for effect in plan.effects.all):
            return "No changes. What is shown above the cluster does by itself."
        if any(effect.what in DOWN for effect in plan.effects.all):
            return "No changes. What is shown above does not run as it should."
        return "No changes: the cluster is as the topology says, and stays as it is."
    after = fates([effect for effect in plan.later.interrupted if effect.kind in GUESTS])
    end = "" if after == "none" else f"; when maintenance ends: {after}"
    return f"Plan: {tally(plan.changes)}. Guests: {fates(plan.effects.guests)}{end}."


def tally(changes: Sequence[Change]) -> str:
    sorts = Counter(type(change) for change in changes)
    words = ((Create, "to add"), (Update, "to change"), (Delete, "to remove"))
    return ", ".join(f"{sorts[sort]} {word}" for sort, word in words if sorts[sort])


def counted(count: int, kind: str) -> str:
    return f"{count} {kind if count == 1 else PLURALS.get(kind, kind + 's')}"
