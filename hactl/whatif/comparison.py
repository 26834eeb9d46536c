"""What one lost node does before a plan and after it, side by side; what a policy says to it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from hactl.whatif.conclusion import Conclusion
from hactl.whatif.fate import Fate


@dataclass(frozen=True, slots=True)
class Side:
    """What is down without ``node``: before, where that is known, and after."""

    node: str
    before: tuple[Fate, ...] | None
    after: tuple[Fate, ...]

    @property
    def worse(self) -> tuple[Fate, ...]:
        """What is down after and was not before."""
        known = {fate.name for fate in self.before or ()}
        return tuple(fate for fate in self.after if fate.name not in known)

    def __str__(self) -> str:
        before = "not known" if self.before is None else told(self.before)
        return f"{self.node} lost: before: {before}; after: {told(self.after)}"


@dataclass(frozen=True)
class Comparison:
    """``before`` is None where there is no cluster at rest to compare with."""

    before: Conclusion | None
    after: Conclusion

    def sides(self) -> Iterator[Side]:
        known = None if self.before is None else down(self.before)
        for node, after in down(self.after).items():
            yield Side(node, None if known is None else known.get(node, ()), after)

    def broken(self) -> Iterator[str]:
        """Yield what the plan would take from a cluster that is to survive any one node."""
        for side in self.sides():
            if side.worse:
                yield f"without {side.node}: {told(side.worse)}"
        known = set() if self.before is None else set(self.before.never)
        for name, why in self.after.never.items():
            if name not in known:
                yield f"{name} runs nowhere even with every node there{f': {why}' if why else ''}"


def down(found: Conclusion) -> dict[str, tuple[Fate, ...]]:
    return {verdict.loss.name: tuple(found.grave(verdict)) for verdict in found.verdicts}


def told(fates: tuple[Fate, ...]) -> str:
    said = [
        f"{fate.name} {fate.what.value}{f' ({fate.why})' if fate.why else ''}" for fate in fates
    ]
    return ", ".join(said) or "everything survives"
