"""Guests that cannot all be where they are to be."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence

from hactl.errors import Problem
from hactl.lint.references import workloads
from hactl.lint.subject import Subject
from hactl.model.constraint import INFINITY
from hactl.model.graph import Groups
from hactl.topology.load import Topology
from hactl.topology.schema.workload import Placed


def placement(subject: Subject) -> Iterator[Problem]:
    """Guests that must be together share a node, guests that must be apart find enough of them.

    Nobody prefers a node that is closed to it.
    """
    topology = subject.topology
    entries = {name: (section, entry) for section, name, entry in workloads(topology)}
    yield from no_common_node(topology, entries)
    yield from too_many_apart(topology, entries)
    yield from closed_to_it(topology, entries)


Entries = Mapping[str, tuple[str, Placed]]


def no_common_node(topology: Topology, entries: Entries) -> Iterator[Problem]:
    joined = Groups(
        (name, other)
        for name, (_, entry) in entries.items()
        for other, score in entry.together.items()
        if score == INFINITY and other in entries
    )
    for group in joined.members():
        bound = [name for name in group if entries[name][1].nodes]
        if not bound:
            continue
        common = set.intersection(*(set(entries[name][1].nodes) for name in bound))
        if not common:
            name = max(bound)
            yield topology.problem(
                (entries[name][0], name, "nodes"),
                f"{', '.join(sorted(group))} are to be together but share no node",
                "give them a node in common",
            )


def closed_to_it(topology: Topology, entries: Entries) -> Iterator[Problem]:
    for name, (section, entry) in entries.items():
        for node, score in entry.prefer.items():
            if score > 0 and entry.nodes and node not in entry.nodes:
                yield topology.warning(
                    (section, name, "prefer"),
                    f"{name} may not run on {node}: it runs on {', '.join(entry.nodes)} only",
                    f"remove {node} here, or add it to nodes:",
                )


def too_many_apart(topology: Topology, entries: Entries) -> Iterator[Problem]:
    """Report guests of which each must be apart from each, where not each can have its node."""
    every = tuple(topology.document.nodes)
    allowed = {name: tuple(entry.nodes) or every for name, (_, entry) in entries.items()}
    apart = neighbours(entries)
    reported: set[str] = set()
    for name in apart:
        crowd = mutual(name, apart)
        nodes = {node for member in crowd for node in allowed[member]}
        if len(matching(crowd, allowed)) < len(crowd) and not reported.intersection(crowd):
            reported.update(crowd)
            yield topology.problem(
                (entries[name][0], name, "apart"),
                f"{', '.join(crowd)} must all be apart: {len(crowd)} guests on {on(crowd, nodes)}",
                ("add nodes" if len(crowd) > len(every) else "let them run on more nodes")
                + ", or make it a wish: apart: {NAME: 1000}",
            )


def on(crowd: Sequence[str], nodes: Collection[str]) -> str:
    if len(nodes) == 1:
        return "one node"
    few = "" if len(crowd) > len(nodes) else ", of which some have too few to choose from"
    return f"{len(nodes)} nodes{few}"


def matching(names: Sequence[str], allowed: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Return node -> name for as many names as can have a node each (augmenting paths)."""
    taken: dict[str, str] = {}
    for name in names:
        make_room(name, allowed, taken)
    return taken


def make_room(name: str, allowed: Mapping[str, Sequence[str]], taken: dict[str, str]) -> None:
    """Give ``name`` a node, by moving others one after the other where that is needed."""
    asked_by: dict[str, str] = {}
    seekers = deque([name])
    while seekers:
        seeker = seekers.popleft()
        for node in allowed[seeker]:
            if node in asked_by:
                continue
            asked_by[node] = seeker
            if node not in taken:
                return move(node, asked_by, taken)
            seekers.append(taken[node])
    return None


def move(free: str, asked_by: Mapping[str, str], taken: dict[str, str]) -> None:
    """Move whoever asked for the free node there, who asked for its old one there, and so on."""
    had = {name: node for node, name in taken.items()}
    node: str | None = free
    while node is not None:
        mover = asked_by[node]
        taken[node] = mover
        node = had.get(mover)


def neighbours(entries: Entries) -> dict[str, set[str]]:
    apart: dict[str, set[str]] = {}
    for name, (_, entry) in entries.items():
        for other, score in entry.apart.items():
            if score == INFINITY and other in entries and other != name:
                apart.setdefault(name, set()).add(other)
                apart.setdefault(other, set()).add(name)
    return apart


def mutual(name: str, apart: Mapping[str, set[str]]) -> Sequence[str]:
    """Return a set of guests with ``name`` in which each is apart from each, grown greedily."""
    crowd = [name]
    for other in sorted(apart[name]):
        if all(other in apart[member] for member in crowd):
            crowd.append(other)
    return crowd
