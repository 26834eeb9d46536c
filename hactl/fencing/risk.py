"""Nodes that nobody could fence if they were lost now: told from the CIB and from what runs."""

from __future__ import annotations

from collections.abc import Iterator

from hactl.fencing.configuration import Fencing
from hactl.fencing.drill.levels import able
from hactl.model.fencing import WATCHDOG


def risks(found: Fencing, stopped: frozenset[str] = frozenset()) -> Iterator[str]:
    """Yield what is wrong with fencing, a sentence each; ``stopped`` are devices that have failed.

    Nothing where fencing is switched off: that is a problem of its own.
    """
    if not found.enabled:
        return
    if not found.devices and not found.watchdog:
        yield "fencing is enabled and there is no fence device: nothing is started or recovered"
        return
    for node in found.nodes:
        if node not in found.remote and not found.watchdog:
            yield from of_node(found, node, stopped)


def of_node(found: Fencing, node: str, stopped: frozenset[str]) -> Iterator[str]:
    ways = [level.devices for level in found.levels_of(node)]
    ways = ways or [(device,) for device in able(found, node)]
    if not ways:
        yield f"nothing can fence {node}: no enabled device is for it"
        return
    enabled = {device.id for device in found.devices if device.enabled} | {WATCHDOG}
    whole = [way for way in ways if set(way) <= enabled]
    if not whole:
        off = sorted({name for way in ways for name in way} - enabled)
        yield f"nothing can fence {node}: {', '.join(off)} is disabled or not there"
    elif all(set(way) & stopped for way in whole):
        down = sorted({name for way in whole for name in way} & stopped)
        yield f"fencing {node} is at risk: {', '.join(down)} does not work"
