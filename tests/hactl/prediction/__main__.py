"""All changes of shape and all seeds: what `plan` says, and what Pacemaker's scheduler does.

scripts/prediction            everything
scripts/prediction 17 42      these seeds alone
scripts/prediction --planted  with the prediction by unit, as it was: it has to be found out
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.hactl.prediction.drawn import drawn, seeds
from tests.hactl.prediction.shapes import SHAPES
from tests.hactl.prediction.trial import Prediction, Verdict, by_primitive, by_unit, trial


def main(arguments: list[str]) -> int:
    predict = by_unit if "--planted" in arguments else by_primitive
    numbers = [int(each) for each in arguments if each.isdecimal()]
    failed = 0 if numbers else counted("changes of shape", shapes(predict))
    failed += counted("random topologies", at_random(predict, numbers or list(seeds())))
    if predict is by_unit:
        print("the planted fault was found" if failed else "the planted fault was NOT found")
        return 0 if failed else 1
    return 1 if failed else 0


def shapes(predict: Prediction) -> Iterator[tuple[str, Callable[[], Verdict]]]:
    for name, (before, after) in SHAPES.items():

        def one(before: object = before, after: object = after) -> Verdict:
            with tempfile.TemporaryDirectory() as folder:
                return trial(before, after, Path(folder), predict=predict)  # type: ignore[arg-type]

        yield name, one


def at_random(
    predict: Prediction, numbers: list[int]
) -> Iterator[tuple[str, Callable[[], Verdict]]]:
    for number in numbers:
        draw = drawn(number)
        yield f"seed {number} ({draw.state})", lambda draw=draw: draw.trial(predict)


def counted(what: str, trials: Iterator[tuple[str, Callable[[], Verdict]]]) -> int:
    """Print what was wrong and how much was looked at; return how many trials were wrong."""
    number = failed = primitives = acted = 0
    for name, one in trials:
        verdict = one()
        number += 1
        primitives += verdict.primitives
        acted += verdict.acted
        if verdict.wrongs:
            failed += 1
            print(f"{name}:", *verdict.wrongs, sep="\n  ")
    print(f"{number} {what}: {primitives} primitives, {acted} acted, {failed} foreseen wrongly")
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
