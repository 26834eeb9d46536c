"""The plan for people: what changes, what happens to each guest, and one line that sums it up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import click

from hactl.plan.change import Change, Create, Delete, Update
from hactl.plan.effects import GUESTS
from hactl.plan.effects_text import fates, guests, happens, lines, others
from hactl.plan.later import Later
from hactl.plan.plan import Plan

SIGNS = {Create: ("+", "green"), Update: ("~", "yellow"), Delete: ("-", "red")}
ALONG = frozenset({"order", "colocation", "location", "ticket", "fencing-level"})
PLURALS = {"colocation": "colocations", "fencing-level": "fencing levels"}
# Longer lists say how many more there are: the whole is in the JSON.
SHOWN = 40


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
    updates = [change for change in alone[:SHOWN] if isinstance(change, Update)]
    width = max((len(title(change)) for change in updates), default=0)
    for change in alone[:SHOWN]:
        yield from change_lines(change, width)
    if len(alone) > SHOWN:
        yield f"  ... and {len(alone) - SHOWN} more"
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


def change_lines(change: Change, width: int) -> Iterator[str]:
    sign, colour = SIGNS[type(change)]
    if not isinstance(change, Update):
        yield click.style(f"  {sign} {title(change)}", fg=colour) + aside(change)
        return
    head = click.style(f"  {sign} {title(change):{width}}", fg=colour)
    said = [prefixed(change, number) for number in range(len(change.details))]
    yield f"{head}  {said[0] if said else 'renewed'}"
    for line in said[1:]:
        yield f"    {'':{width}}  {line}"


def aside(change: Create | Delete) -> str:
    """Return what a set of values consists of: it has no name an operator would know."""
    if change.kind not in ("node", "defaults") or not change.details:
        return ""
    values = ", ".join(f"{d.name} {d.new if d.old is None else d.old}" for d in change.details)
    return f"  {values}"


def prefixed(change: Update, number: int) -> str:
    detail = change.details[number]
    told = change.kind in ("property", "node", "defaults") or detail.owner == change.id
    inner = "" if told else f"{detail.owner} "
    return f"{inner}{detail}"


def title(change: Change) -> str:
    if change.kind == "property":
        return "property" if isinstance(change, Update) else f"property {properly(change)}"
    if change.kind == "node" and change.details:
        return f"node {change.details[0].owner}"
    if change.kind == "defaults" and change.details:
        return f"defaults for {change.details[0].owner}"
    return f"{change.kind} {change.id}"


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
        quiet = not any(happens(effect) for effect in plan.effects.all)
        if quiet and not plan.fencing:
            return "No changes: the cluster is as the topology says, and stays as it is."
        return "No changes. What is shown above the cluster does by itself."
    after = fates([effect for effect in plan.later.interrupted if effect.kind in GUESTS])
    end = "" if after == "none" else f"; when maintenance ends: {after}"
    return f"Plan: {tally(plan.changes)}. Guests: {fates(plan.effects.guests)}{end}."


def tally(changes: Sequence[Change]) -> str:
    sorts = Counter(type(change) for change in changes)
    words = ((Create, "to add"), (Update, "to change"), (Delete, "to remove"))
    return ", ".join(f"{sorts[sort]} {word}" for sort, word in words if sorts[sort])


def counted(count: int, kind: str) -> str:
    return f"{count} {kind if count == 1 else PLURALS.get(kind, kind + 's')}"
