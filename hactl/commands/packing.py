"""Where the scheduler leaves a guest without room although all fit: what would lead it, proven."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from hactl.cib import document
from hactl.derive.packing import hints
from hactl.errors import ClusterError, Problem
from hactl.lint.subject import Subject
from hactl.live.runner import Runner
from hactl.model.constraint import Location
from hactl.simulate.places import places
from hactl.simulate.settled import settled

SMALL = 16  # so many hints are tried one by one


def packing(subject: Subject, down: Sequence[str], runner: Runner) -> Iterator[Problem]:
    """Yield a warning with the smallest hints that place what is ``down``, where they exist."""
    cluster = subject.cluster
    if subject.topology.document.cluster.packing or not down:
        return
    found = tuple(hints(cluster.nodes, cluster.resources, cluster.constraints))
    if not found or not places_all(subject, found, down, runner):
        return
    for each in found if len(found) <= SMALL else ():
        fewer = tuple(other for other in found if other is not each)
        if each in found and places_all(subject, fewer, down, runner):
            found = fewer
    said = ", ".join(f"{each.rsc} on {each.node}" for each in found)
    yield subject.topology.warning(
        ("cluster",),
        f"{', '.join(down)} would have room: all guests fit, and the scheduler does not find how; "
        f"a score of 1 each leads it there, as simulated: {said}",
        "cluster.packing: hints writes such scores; or write them as prefer: {NODE: 1}",
    )


def places_all(
    subject: Subject, found: Sequence[Location], down: Sequence[str], runner: Runner
) -> bool:
    """Whether everything that is down runs with these hints."""
    cluster = subject.cluster
    hinted = replace(cluster, constraints=(*cluster.constraints, *found))
    try:
        active = places(settled(document.cib(hinted), runner).transition).active
    except ClusterError:
        return False
    return all(active.get(name) for name in down)
