"""Playing one cell of the truth table: two stories, each from a fresh cell, noting what was seen.

Knows the protocol of worlds and no agent; judges nothing.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.truth.table import Seen
from tests.truth.world import Cell, World

# The same state is asked to stop and, in another cell, to start; then all is healed and ended.
STORIES = (
    (("probe", "monitor", "stop", "probe"), ("probe", "stop", "probe")),
    (("start", "monitor"), ("stop", "probe")),
)
INTERVALS = {"probe": "0", "monitor": "10000"}  # milliseconds
EXPECTED = {"absent": "absent", "running": "there", "foreign": "absent"}


def play(world: World, state: str, what: str, timeout: float) -> Iterator[Seen]:
    """All calls in a cell, in order."""
    for broken, healed in STORIES:
        with fresh_cell(world) as cell:
            cell.bring_into(state)
            assert cell.witness() == EXPECTED.get(state, cell.witness()), f"{state}, says who?"
            assert cell.foreign_untouched(), f"{state} was made at the cost of somebody else"
            cell.do_break(what)
            for action in broken:
                yield ask(cell, state, what, action, timeout, healed=False)
            cell.heal()
            for action in healed:
                yield ask(cell, state, what, action, timeout, healed=True)


def ask(cell: Cell, state: str, what: str, action: str, timeout: float, *, healed: bool) -> Seen:
    before = cell.witness()
    began = time.monotonic()
    name = "monitor" if action == "probe" else action
    meta = {"interval": INTERVALS[action]} if action in INTERVALS else {}
    answer = cell.call(name, timeout=timeout, meta=meta)
    seconds = time.monotonic() - began
    return Seen(
        state, what, action, answer.returncode, answer.stderr, seconds, timeout, before,
        cell.witness(), cell.foreign_untouched(), healed,
    )  # fmt: skip


@contextmanager
def fresh_cell(world: World) -> Iterator[Cell]:
    cell = world.fresh()
    try:
        yield cell
    finally:
        cell.heal()
        cell.clean()
