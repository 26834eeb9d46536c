"""The operations of what hactl makes besides guests: the usual times, unless others are written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from hactl.model.resource import Operation
from hactl.topology.schema.operations import Operated, StepTimeouts

DEPTH = 10


@dataclass(frozen=True, slots=True)
class Usual:
    """The usual times of an agent in milliseconds; ``deep`` is how often it looks in depth."""

    start: int
    stop: int
    monitor: int
    interval: int
    deep: int = 0
    deep_timeout: int = 0
    on_stop: Mapping[str, str] = field(default_factory=dict)
    on_monitor: Mapping[str, str] = field(default_factory=dict)


def operations(entry: Operated, usual: Usual) -> tuple[Operation, ...]:
    """Return the operations of an entry: what it says, or else what is usual."""
    return tuple(steps(entry.timeouts, entry.monitor, usual))


def steps(own: StepTimeouts, interval: int | None, usual: Usual) -> Iterator[Operation]:
    yield Operation("start", own.start or usual.start)
    yield Operation("stop", own.stop or usual.stop, options=usual.on_stop)
    interval = interval or usual.interval
    yield Operation("monitor", own.monitor or usual.monitor, interval, usual.on_monitor)
    # Pacemaker tells checks apart by their interval.
    if usual.deep and usual.deep != interval:
        timeout = max(own.monitor or 0, usual.deep_timeout)
        yield Operation("monitor", timeout, usual.deep, usual.on_monitor, depth=DEPTH)


def spelled(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def written(entry: object, *keys: str) -> dict[str, str]:
    """Return the parameters that are called like the keys they come from, as far as they are set.

    A list becomes words.
    """
    found = ((key, getattr(entry, key)) for key in keys)
    return {
        key: " ".join(value) if isinstance(value, list) else spelled(value)
        for key, value in found
        if value not in (None, [])
    }
