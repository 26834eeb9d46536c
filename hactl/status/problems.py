"""What is wrong with a cluster, a sentence each: judges a `Status`, reads nothing else of it."""

from __future__ import annotations

from collections.abc import Iterator

from lxml.etree import _Element

from hactl.cib.temporary import leftovers
from hactl.fencing.configuration import fencing
from hactl.fencing.risk import risks
from hactl.status.expected import Expected
from hactl.status.values import ResourceStatus, State, Status

GONE = ("offline", "unclean", "pending")
BROKEN = (State.FAILED, State.BLOCKED, State.STOPPED)


def problems(status: Status, cib: _Element, wanted: Expected) -> Iterator[str]:
    """Yield everything that is not as it should be; nothing means healthy."""
    yield from of_the_whole(status)
    if wanted.unknown:
        yield f"what should run is not known: {wanted.unknown}"
    for one in status.nodes:
        if one.state in GONE:
            yield f"{one.name} is {one.state}"
    for event in status.fencing:
        if event.outcome != "success":
            yield f"fencing {event.node} ({event.action}): {event.outcome}"
    for begun in status.drills:
        yield f"{begun}, has not ended: other levels of it are set aside (hactl fence mend)"
    for left in leftovers(cib):
        yield f"{left}, which has not ended: if it runs no more, hactl mend or a new apply lifts it"
    yield from risks(fencing(cib), not_working(status))
    for thing in status.resources:
        yield from of_resource(thing, wanted)
    yield from (str(failure) for failure in status.failures)


def of_the_whole(status: Status) -> Iterator[str]:
    dc = next((node for node in status.nodes if node.name == status.dc), None)
    if not status.dc:
        yield "no DC: nobody decides anything"
    elif dc is not None and dc.state in GONE:
        yield f"{dc.name} is said to be the DC and is {dc.state}: nobody decides anything"
    if not status.quorate:
        yield "no quorum: nothing is started"
    if not status.fencing_enabled:
        yield "fencing is disabled: a lost node's guests may run twice"


def not_working(status: Status) -> frozenset[str]:
    """Return the fence devices that have failed or should run and do not."""
    return frozenset(each.id for each in status.resources if each.state in BROKEN)


def of_resource(thing: ResourceStatus, wanted: Expected) -> Iterator[str]:
    if thing.state in BROKEN:
        part = thing.state is State.STOPPED and thing.nodes
        why = wanted.causes.get(thing.id) if thing.state is State.STOPPED else None
        said = "runs only in part" if part else f"is {thing.state}"
        yield f"{thing.id} {said}{f': {why}' if why else ''}"
    elif thing.absent:
        yield incomplete(thing)
    elif thing.state is State.BUSY:
        return
    elif thing.promoted == () and thing.nodes and (thing.unpromoted or not wanted.asked):
        yield f"{thing.id} is promoted nowhere"
    elif thing.unpromoted:
        yield f"{thing.id} should also be promoted on {', '.join(thing.unpromoted)}"


def incomplete(thing: ResourceStatus) -> str:
    """Say where something should run that does not: the whole of it, or a part."""
    parts = [node for node in thing.absent if node in thing.nodes]
    whole = [node for node in thing.absent if node not in thing.nodes]
    said = [f"does not run on {', '.join(whole)}, where it should"] if whole else []
    said += [f"runs only in part on {', '.join(parts)}"] if parts else []
    return f"{thing.id} {' and '.join(said)}"
