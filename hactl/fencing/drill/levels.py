"""The levels that are tried for one node, and what their devices are configured to do."""

from __future__ import annotations

import hashlib
import json

from hactl.fencing.configuration import Fencing, Level

DIGITS = 12


def levels_of(fencing: Fencing, node: str) -> tuple[Level, ...]:
    """Return the levels of a node in their order; one nobody wrote stands for its only device.

    Empty where it cannot be said which device is used when: `unsaid` tells why.
    """
    named = [level for level in fencing.levels if level.target == node]
    if named:
        return tuple(sorted(named, key=lambda level: level.index))
    devices = able(fencing, node)
    if len(devices) != 1 or shared(fencing):
        return ()
    return (Level(node, 1, devices),)


def unsaid(fencing: Fencing, node: str) -> str:
    """Return why there are no levels of a node to prove one by one."""
    if shared(fencing):
        return f"the levels of {node} are written for a pattern or an attribute, not for its name"
    devices = able(fencing, node)
    if not devices:
        return f"no device fences {node}"
    return f"{node} has several devices ({', '.join(devices)}) and no levels that order them"


def able(fencing: Fencing, node: str) -> tuple[str, ...]:
    return tuple(each.id for each in fencing.devices if each.enabled and each.fences(node))


def shared(fencing: Fencing) -> bool:
    """Whether some levels are for nodes that they do not name."""
    return any(not level.target for level in fencing.levels)


def fingerprint(fencing: Fencing, level: Level) -> str:
    """Return 12 hex digits for how the devices of a level are configured, in their order."""
    spelled = []
    for name in level.devices:
        device = fencing.device(name)
        given = sorted(device.parameters.items()) if device else []
        spelled.append([name, device.agent if device else "", given])
    return hashlib.sha256(json.dumps(spelled).encode()).hexdigest()[:DIGITS]
