"""What the truth table has seen, as a page: ``python -m tests.truth.page OLD <SEEN >truth.md``.

A world that was not played stays as the page OLD has it, with the day on which it was seen.
One table for each world: what is broken, against the state, and what was answered. Judges with the
rules of table.py; knows no agent.
"""

import importlib
import json
import pkgutil
import re
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.truth import worlds
from tests.truth.table import Seen, complaints

HEAD = """\
# What the agents answer when things are broken

Written by `scripts/truth` from what was seen, agent by agent: every state a resource can be in,
with every dependency broken that could mislead its agent. A cell shows the exit codes of
`monitor · stop · start`, with what was there afterwards as a witness of its own saw it: ● it is
there, ◐ a part of it, nothing: it is gone. `0●/1`: the monitor of depth 10 says 1. `start` is
tried on a resource of its own.

A cell is green when no answer is a lie: no monitor says 7 (and none 2, 5 or 6, which Pacemaker
takes for "stopped" or for the end of it) while anything is there; none says 0 of what is gone or
half there; stop says 0 only of what is gone, start only of what is there; each failure gives one
reason; each answer comes within the operation's timeout; what belongs to somebody else is as
before; and once healed, it stops. These rules are `tests/truth/table.py`; agents that lie, each
in one way, are all found out by them (`tests/truth/test_liars.py`), and so is, in every one of
these worlds, its own agent when its answers are exchanged (`tests/truth/impostors.py`).

0 running or done · 1 failed · 2 wrong on this node · 5 not installed · 6 misconfigured ·
7 not running · 8 promoted · 190 degraded

✗ a lie, told below the table · — there is no such cell, as is said below the table ·
? not played
"""
COLUMNS = ("agent", "cells", "calls", "lies", "exempt answers", "not played", "seen on")
WITNESS = {"there": "●", "partly": "◐", "absent": ""}
LIE, NONE, NOT_PLAYED = "✗ ", "—", "?"


@dataclass
class Played:
    """One world's cells, by state and break; of a cell that was played again, the last counts."""

    module: Any
    cells: "dict[tuple[str, str], list[Seen]]" = field(default_factory=dict)

    @property
    def title(self) -> str:
        return str(getattr(self.module, "TITLE", self.module.AGENT))

    @property
    def seen(self) -> list[Seen]:
        return [each for calls in self.cells.values() for each in calls]

    @property
    def impossible(self) -> "dict[tuple[str, str], str]":
        none = getattr(self.module, "IMPOSSIBLE", ())
        return {(each.state, each.what): each.why for each in none}

    @property
    def wanted(self) -> int:
        """How many cells there are."""
        return len(self.module.STATES) * len(self.module.BREAKS) - len(self.impossible)

    def lies(self, seen: Iterable[Seen]) -> list[str]:
        exemptions = getattr(self.module, "EXEMPTIONS", ())
        return [lie for each in seen for lie in complaints(each, exemptions)]

    def figures(self) -> tuple[int, ...]:
        """Cells, calls, lies, exempt answers, and the cells that were not played."""
        lies = [bool(self.lies([each])) for each in self.seen]
        told = [bool(complaints(each)) for each in self.seen]
        played = len(self.cells)
        return played, len(self.seen), sum(lies), sum(told) - sum(lies), self.wanted - played


class Earlier:
    """What an older page says: the figures and the section of each world, by title."""

    def __init__(self, text: str) -> None:
        head, *sections = text.split("\n## ")
        self.sections = {part.partition("\n")[0]: f"## {part}".rstrip("\n") for part in sections}
        day = re.search(r"^\d{4}-\d\d-\d\d", head, re.MULTILINE)
        rows = [line.strip("| ").split(" | ") for line in head.split("\n") if line[:2] == "| "]
        self.rows = {
            row[0]: (row[0], *map(int, row[1:6]), *(row[6:] or [day.group() if day else ""]))
            for row in rows
            if row[0] in self.sections
        }


def page(lines: Iterable[str], modules: "Mapping[str, Any]", old: str = "") -> str:
    """The whole page, from lines of JSON as test_truth writes them, and from an ``old`` page."""
    told = [json.loads(line) for line in lines]
    played = {name: Played(module) for name, module in modules.items()}
    for each in told:
        seen = [Seen(**call) for call in each["seen"]]
        if each["world"] in played:
            played[each["world"]].cells[seen[0].state, seen[0].what] = seen
    earlier = Earlier(old)
    parts = [
        "\n".join(section(world)) if world.cells else earlier.sections.get(world.title, "")
        for world in played.values()
    ]
    told_of = summary(told, [*played.values()], earlier)
    return f"{HEAD}\n{told_of}" + "".join(f"\n{part}\n" for part in parts if part)


def summary(told: "list[dict[str, Any]]", played: list[Played], earlier: Earlier) -> str:
    """When, how long, in how many runs; and the figures of each world."""
    runs = len({each["run"] for each in told})
    began = min(each["began"] for each in told)
    minutes = (max(each["ended"] for each in told) - began) / 60
    day = time.strftime("%Y-%m-%d", time.gmtime(began))
    how = "in one run" if runs == 1 else f"gathered from {runs} runs"
    rows = [
        (world.title, *world.figures(), day)
        if world.cells
        else earlier.rows.get(world.title, (world.title, *world.figures(), ""))
        for world in played
    ]
    total = ("all", *(sum(column) for column in list(zip(*rows, strict=True))[1:6]), "")
    table = [COLUMNS, ("---",) * len(COLUMNS), *rows, total]
    body = "\n".join(f"| {' | '.join(map(str, row))} |" for row in table)
    return f"{day}, {how} of {minutes:.0f} minutes:\n\n{body}\n"


def section(world: Played) -> Iterator[str]:
    """The table of a world, and below it what is to be said of its cells."""
    states, breaks = world.module.STATES, world.module.BREAKS
    yield f"## {world.title}\n"
    yield f"| broken | {' | '.join(states)} |"
    yield f"|---|{'---|' * len(states)}"
    for what in breaks:
        yield f"| {what} | {' | '.join(answer(world, state, what) for state in states)} |"
    exempt = {each.why for each in getattr(world.module, "EXEMPTIONS", ())}
    yield from listed("Exempt from a rule, and why:", exempt)
    yield from listed("There is no such cell, and why:", set(world.impossible.values()))
    yield from listed("Lies:", world.lies(world.seen))


def listed(title: str, lines: Iterable[str]) -> Iterator[str]:
    found = sorted(" ".join(line.split()) for line in lines)
    if found:
        yield f"\n{title}\n"
        yield from (f"- {line}" for line in found)


def answer(world: Played, state: str, what: str) -> str:
    """The codes of a cell."""
    seen = world.cells.get((state, what))
    if seen is None:
        return NONE if (state, what) in world.impossible else NOT_PLAYED
    first = {call.action: call for call in reversed(seen) if not call.healed}
    codes = [code(first[name]) for name in ("monitor", "stop", "start") if name in first]
    if "deep" in first and first["deep"].code != first["monitor"].code:
        codes[0] += f"/{first['deep'].code}"
    return (LIE if world.lies(seen) else "") + " · ".join(codes)


def code(seen: Seen) -> str:
    return f"{seen.code}{WITNESS[seen.after]}"


def real_worlds() -> "dict[str, Any]":
    """The modules in worlds/ but for the toys."""
    names = [info.name for info in pkgutil.iter_modules(worlds.__path__) if info.name != "toy"]
    return {name: importlib.import_module(f"tests.truth.worlds.{name}") for name in names}


if __name__ == "__main__":
    found = list(sys.stdin)
    if not found:
        sys.exit("nothing was seen: the page stays as it was")
    print(page(found, real_worlds(), Path(sys.argv[1]).read_text()), end="")
