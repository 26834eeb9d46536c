"""Impostors: in a real world, with the real agent, an answer is a lie, one way each.

They prove that a world's witness sees what the rules need. The agents that lie by themselves, in
every way there is a rule for, are toys.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.truth.table import Lie
from tests.truth.world import Answer, Cell, Presence, World

LIES = {
    "denies what is there": Lie("running", "monitor", 7, "what_is_there_is_not_denied"),
    "stops nothing": Lie("running", "stop", 0, "what_was_stopped_is_absent"),
    "sees what is absent": Lie("absent", "monitor", 0, "what_is_absent_is_not_called_running"),
    "starts nothing": Lie("absent", "start", 0, "what_was_started_is_there"),
    "takes the foreign": Lie("foreign", "stop", 0, "what_is_foreign_is_untouched", damage=True),
}


class ImpostorWorld:
    """A world whose agent lies."""

    def __init__(self, world: World, lie: Lie) -> None:
        self.world = world
        self.lie = lie

    def fresh(self) -> "Impostor":
        return Impostor(self.world.fresh(), self.lie)


class Impostor:
    """A cell that is as it was, and whose agent lies."""

    def __init__(self, cell: Cell, lie: Lie) -> None:
        self.cell = cell
        self.lie = lie

    def bring_into(self, state: str) -> None:
        self.cell.bring_into(state)

    def do_break(self, what: str) -> None:
        self.cell.do_break(what)

    def heal(self) -> None:
        self.cell.heal()

    def clean(self) -> None:
        self.cell.clean()

    def witness(self) -> Presence:
        return self.cell.witness()

    def foreign_untouched(self) -> bool:
        return self.cell.foreign_untouched()

    def call(self, action: str, *, timeout: float, meta: Mapping[str, str], **more: Any) -> Answer:
        if action != self.lie.action:
            return self.cell.call(action, timeout=timeout, meta=meta, **more)
        if self.lie.damage:
            self.cell.clean()
        return Told(self.lie.code)


@dataclass(frozen=True)
class Told:
    """An answer without a word."""

    returncode: int
    stderr: str = ""
