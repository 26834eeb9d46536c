"""A wish never keeps anything from running: what it may take away is given back beforehand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hactl.model.constraint import INFINITY, BaseScore, Colocation, Constraint


def base_scores(constraints: Iterable[Constraint]) -> Iterator[BaseScore]:
    """Yield for each end of a wish the score that keeps it at 0 or above.

    Pacemaker drops a wish that leaves no node, but only where it applies it: not for what hangs on
    a resource with a wish (a container on its address), nor where other nodes are full.
    """
    needed: dict[str, int] = {}
    for wish in constraints:
        if isinstance(wish, Colocation) and 0 < abs(wish.score) < INFINITY:
            for end in (wish.rsc, wish.with_rsc):
                needed[end] = needed.get(end, 0) + abs(wish.score)
    return (BaseScore(name, min(score, INFINITY - 1)) for name, score in needed.items())
