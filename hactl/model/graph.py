"""Who depends on whom: circles and groups in a set of edges; knows nothing of resources."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

Edge = tuple[str, str]


def cycles(edges: Iterable[Edge]) -> Iterator[list[str]]:
    """Yield circles, ``[a, b, a]``: at least one for every knot, none sharing a member."""
    after: dict[str, list[str]] = {}
    for first, then in edges:
        after.setdefault(first, []).append(then)
    done: set[str] = set()
    for start in after:
        if start not in done:
            yield from cycles_from(start, after, done)


def cycles_from(start: str, after: dict[str, list[str]], done: set[str]) -> Iterator[list[str]]:
    # By hand and not by recursion: a chain of guests may be longer than Python's stack.
    trail = [start]
    position = {start: 0}
    choices = [iter(after[start])]
    while trail:
        name = next(choices[-1], None)
        if name is None:
            choices.pop()
            left = trail.pop()
            del position[left]
            done.add(left)
        elif name in position:
            circle = trail[position[name] :]
            if not done.intersection(circle):
                yield [*circle, name]
            done.update(circle)
        elif name not in done:
            position[name] = len(trail)
            trail.append(name)
            choices.append(iter(after.get(name, ())))


class Groups:
    """Which names belong together when some pairs do (disjoint sets)."""

    def __init__(self, pairs: Iterable[Edge] = ()) -> None:
        self.leaders: dict[str, str] = {}
        for one, other in pairs:
            self.leaders[self.leader(one)] = self.leader(other)

    def leader(self, name: str) -> str:
        while (above := self.leaders.get(name, name)) != name:
            # Halve the way for whoever asks next.
            self.leaders[name] = name = self.leaders.get(above, above)
        return name

    def same(self, one: str, other: str) -> bool:
        return self.leader(one) == self.leader(other)

    def members(self) -> list[list[str]]:
        """Return the groups of two and more."""
        found: dict[str, list[str]] = {}
        for name in self.leaders:
            found.setdefault(self.leader(name), []).append(name)
        return [[leader, *(n for n in names if n != leader)] for leader, names in found.items()]
