"""Playing one cell of the truth table: two stories, each from a fresh cell, noting what was seen.

Knows the protocol of worlds and no agent; judges nothing.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from tests.truth.table import Seen
from tests.truth.world import Cell, World, WorldModule

# The same state is asked to stop and, in another cell, to start; then all is healed and ended.
STORIES = (
    (("probe", "monitor", "deep", "stop", "probe"), ("probe", "stop", "probe")),
    (("start", "monitor"), ("stop", "probe")),
)
CALLS: dict[str, tuple[str, dict[str, Any]]] = {
    "probe": ("monitor", {"meta": {"interval": "0"}}),
    "monitor": ("monitor", {"meta": {"interval": "10000"}}),  # milliseconds
    "deep": ("monitor", {"meta": {"interval": "60000"}, "level": 10}),
}
EXPECTED = {"absent": "absent", "running": "there", "foreign": "absent"}
TIMEOUT = 15.0  # seconds


def play(module: WorldModule, world: World, state: str, what: str) -> Iterator[Seen]:
    """All calls in a cell, in order."""
    deep = getattr(module, "DEEP", False)
    timeout = getattr(module, "TIMEOUT", TIMEOUT)
    unhindered = what in getattr(module, "UNHINDERED", ())
    for broken, healed in STORIES:
        with fresh_cell(world) as cell:
            cell.bring_into(state)
            assert cell.witness() == EXPECTED.get(state, cell.witness()), f"{state}, says who?"
            assert cell.foreign_untouched(), f"{state} was made at the cost of somebody else"
            cell.do_break(what)
            for action in broken:
                if action != "deep" or deep:
                    yield ask(cell, Seen(state, what, action, timeout, unhindered=unhindered))
            cell.heal()
            for action in healed:
                yield ask(cell, Seen(state, what, action, timeout, healed=True))


def ask(cell: Cell, seen: Seen) -> Seen:
    """Make one call; what was seen of it."""
    action, more = CALLS.get(seen.action, (seen.action, {"meta": {}}))
    before = cell.witness()
    began = time.monotonic()
    answer = cell.call(action, timeout=seen.timeout, **more)
    return replace(
        seen,
        seconds=time.monotonic() - began,
        code=answer.returncode,
        stderr=answer.stderr,
        before=before,
        after=cell.witness(),
        untouched=cell.foreign_untouched(),
    )


@contextmanager
def fresh_cell(world: World) -> Iterator[Cell]:
    cell = world.fresh()
    try:
        yield cell
    finally:
        cell.heal()
        cell.clean()
