"""How an apply that did not go through ends: one error that says what was changed and what not."""

from __future__ import annotations

from collections.abc import Sequence

from hactl.errors import ClusterError, HactlError
from hactl.result.compare import Difference
from hactl.result.standing import Standing, Told

INTERRUPTED = 130


class NotAsPredicted(ClusterError):
    """The commit led to something else than was foreseen; others had ``fenced`` these nodes."""

    def __init__(self, found: Sequence[Difference], fenced: Sequence[str] = ()) -> None:
        super().__init__("".join(f"\n  {difference}" for difference in found))
        self.fenced = tuple(fenced)


class Ended(ClusterError):
    """An apply that ended early, or otherwise than was foreseen; ``standing`` is what it left."""

    def __init__(self, message: str, hint: str, standing: Standing, exit_code: int = 1) -> None:
        super().__init__(message, hint)
        self.standing = standing.value
        self.exit_code = exit_code


def concluded(problem: BaseException, told: Told, why: str = "") -> HactlError:
    """Return what to raise for ``problem``; ``why`` says why nothing was taken back."""
    if isinstance(problem, NotAsPredicted):
        return not_as_predicted(problem, told, why)
    if isinstance(problem, HactlError):
        because = f"not taken back, because {why}" if why else ""
        hints = (problem.hint, because, "" if told.text in str(problem) else told.text)
        problem.hint = "; ".join(hint for hint in hints if hint)
        problem.standing = told.standing.value
        return problem
    code = problem.code if isinstance(problem, SystemExit) else INTERRUPTED
    return Ended("interrupted", told.text, told.standing, int(code or INTERRUPTED))


def not_as_predicted(problem: NotAsPredicted, told: Told, why: str) -> Ended:
    if told.standing is Standing.TAKEN_BACK:
        text = "it did not go as predicted, so the configuration was taken back:"
        return Ended(f"{text}{problem.message}", "", told.standing)
    because = f"The configuration stays, because {why}" if why else "It could not be taken back"
    text = f"it did not go as predicted:{problem.message}\n{because}; {told.text}"
    return Ended(text, "", told.standing)
