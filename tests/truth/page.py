"""What the truth table has seen, as a page: ``python -m tests.truth.page <SEEN >truth.md``.

One table for each agent: what is broken, against the state, and what was answered.
"""

import importlib
import json
import pkgutil
import sys
from collections.abc import Iterable, Iterator
from typing import Any

from tests.truth import worlds

Cells = dict[tuple[str, str], list[dict[str, Any]]]
HEAD = """\
# What the agents answer when things are broken

Written by `scripts/truth` from what was seen, agent by agent: every state a resource can be in,
with every dependency broken that could mislead its agent. A cell shows the exit codes of
`monitor · stop · start`, with what was there afterwards as a witness of its own saw it: ● it is
there, ◐ a part of it, nothing: it is gone. `start` is tried on a resource of its own. An empty cell
was not played in this run.

A cell is green when no answer is a lie: no monitor says 7 (and none 2, 5 or 6, which Pacemaker
takes for "stopped" or for the end of it) while anything is there; none says 0 of what is gone or
half there; stop says 0 only of what is gone, start only of what is there; each failure gives one
reason; each answer comes within the operation's timeout; what belongs to somebody else is as
before; and once healed, it stops. These rules are `tests/truth/table.py`; agents that lie, each
in one way, are all found out by them (`tests/truth/test_liars.py`).

0 running or done · 1 failed · 2 wrong on this node · 5 not installed · 6 misconfigured ·
7 not running · 8 promoted · 190 degraded
"""
WITNESS = {"there": "●", "partly": "◐", "absent": ""}


def page(lines: Iterable[str]) -> str:
    """The whole page, from lines of JSON as test_truth writes them."""
    agents: dict[str, Cells] = {}
    for line in lines:
        told = json.loads(line)
        first = told["seen"][0]
        agents.setdefault(told["agent"], {})[first["state"], first["what"]] = told["seen"]
    modules = [
        importlib.import_module(f"tests.truth.worlds.{info.name}")
        for info in pkgutil.iter_modules(worlds.__path__)
    ]
    parts = [
        "\n".join(section(module, agents[module.AGENT]))
        for module in modules
        if module.AGENT in agents and module.__name__.rpartition(".")[2] != "toy"
    ]
    calls = sum(len(seen) for cells in agents.values() for seen in cells.values())
    counted = f"\n{sum(map(len, agents.values()))} cells, {calls} calls.\n"
    return HEAD + counted + "".join(f"\n{part}\n" for part in parts)


def section(module: Any, cells: Cells) -> Iterator[str]:
    yield f"## {module.AGENT}\n"
    yield f"| broken | {' | '.join(module.STATES)} |"
    yield f"|---|{'---|' * len(module.STATES)}"
    for what in module.BREAKS:
        answers = [answer(cells.get((state, what), [])) for state in module.STATES]
        if any(answers):
            yield f"| {what} | {' | '.join(answers)} |"
    reasons = {exemption.why for exemption in getattr(module, "EXEMPTIONS", ())}
    if reasons:
        yield "\nExempt from a rule, and why:\n"
        yield from (f"- {why}" for why in sorted(reasons))


def answer(seen: "list[dict[str, Any]]") -> str:
    """The codes of a cell."""
    first = {call["action"]: call for call in reversed(seen) if not call["healed"]}
    return " · ".join(code(first[name]) for name in ("monitor", "stop", "start") if name in first)


def code(call: "dict[str, Any]") -> str:
    return f"{call['code']}{WITNESS[call['after']]}"


if __name__ == "__main__":
    print(page(sys.stdin), end="")
