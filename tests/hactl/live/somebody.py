"""The operator of an apply, for tests."""

from __future__ import annotations

from dataclasses import dataclass, field

from hactl.plan.plan import Plan


@dataclass
class Somebody:
    """An operator who is there, or not, and agrees, or not."""

    there: bool = False
    answer: bool = True
    shown: list[Plan] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def show(self, plan: Plan) -> None:
        self.shown.append(plan)

    def agrees(self, question: str) -> bool:
        self.asked.append(question)
        return self.answer

    def progress(self, text: str) -> None:
        pass
