"""A drill in words and as JSON (docs/reference/drill.schema.json)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import click

from hactl.fencing.configuration import Level
from hactl.fencing.drill.outcome import Outcome
from hactl.fencing.drill.proofs import PHASES
from hactl.simulate.loss import Loss

WORDS = {
    "fenced": "the device says off",
    "lost": "Corosync has lost it",
    "recovered": "its services run again",
    "back": "it is back",
}


def intended(node: str, levels: Sequence[Level], foreseen: Loss) -> str:
    """Return what a drill would do."""
    lines = [
        f"{node} would be fenced {len(levels)} times:"
        if len(levels) > 1
        else f"{node} would be fenced:"
    ]
    lines += [f"  by level {each.index} ({', '.join(each.devices)})" for each in levels]
    if foreseen.moves:
        lines.append("Interrupted, and started elsewhere:")
        lines += [f"  {each.resource}  {each.source} -> {each.target}" for each in foreseen.moves]
    else:
        lines.append("Nothing that runs there would have to move.")
    return "\n".join(lines) + "\n"


def document(node: str, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Return a drill as JSON has it."""
    return {
        "node": node,
        "proven": bool(outcomes) and all(not outcome.failure for outcome in outcomes),
        "levels": [one(outcome) for outcome in outcomes],
    }


def dry(node: str, levels: Sequence[Level], foreseen: Loss) -> dict[str, Any]:
    """Return what a drill would do as JSON has it: nothing is proven by it."""
    return {
        **document(node, ()),
        "foreseen": {
            "levels": [{"level": level.index, "devices": list(level.devices)} for level in levels],
            "moves": [
                {"resource": move.resource, "from": move.source, "to": move.target}
                for move in foreseen.moves
            ],
        },
    }


def one(outcome: Outcome) -> dict[str, Any]:
    return {
        "level": outcome.level.index,
        "devices": list(outcome.level.devices),
        "proven": not outcome.failure,
        "failure": outcome.failure or None,
        "notes": list(outcome.notes),
        "seconds": {name: rounded(outcome.seconds.get(name)) for name in PHASES},
        "moved": [
            {"resource": name, "to": node, "seconds": rounded(seconds)}
            for name, (node, seconds) in sorted(outcome.arrived.items())
        ],
    }


def rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 2)


def text(node: str, outcomes: Sequence[Outcome]) -> str:
    """Return what came of a drill, to print."""
    return "".join(f"{line}\n" for outcome in outcomes for line in lines(node, outcome))


def lines(node: str, outcome: Outcome) -> Iterator[str]:
    what = f"{node}, level {outcome.level.index} ({', '.join(outcome.level.devices)})"
    if outcome.failure:
        yield f"{what}: {click.style(f'not proven: {outcome.failure}', fg='red')}"
    else:
        yield f"{what}: {click.style('proven', fg='green')}"
    for phase, at in sorted(outcome.seconds.items(), key=lambda item: item[1]):
        yield f"  {at:6.1f} s  {WORDS[phase]}"
        if phase == "recovered":
            for name, (where, when) in sorted(outcome.arrived.items()):
                yield f"            {name} on {where} after {when:.1f} s"
    for note in outcome.notes:
        yield click.style(f"  {note}", fg="yellow")
