"""Whether a node that is lost can still be fenced: each level, each device, from where it works.

A node that cannot is not recovered: it hangs, and all that was on it waits.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from hactl.fencing.configuration import Fencing
from hactl.model.fencing import WATCHDOG, Means, means

NAMED = 3


def unfenced(found: Fencing, lost: Collection[str], dead: Collection[str]) -> dict[str, str]:
    """Return each of ``lost`` that nothing can fence, with why; ``dead`` devices do not work.

    Nothing where fencing is switched off: then nobody waits for it.
    """
    if not found.enabled:
        return {}
    return {
        node: f"nothing left can fence it: {why}"
        for node in lost
        if node not in found.remote and (why := hindrance(found, node, lost, dead))
    }


def hindrance(found: Fencing, node: str, lost: Collection[str], dead: Collection[str]) -> str:
    """Return why no level can fence ``node``, or nothing if one can."""
    ways = [level.devices for level in sorted(found.levels_of(node), key=lambda lv: lv.index)]
    if not ways:
        ways = [(each.id,) for each in found.devices if each.fences(node)]
        if found.watchdog:
            ways.append((WATCHDOG,))
    broken = []
    for way in ways:
        why = next((w for name in way if (w := silent(found, name, node, lost, dead))), "")
        if not why:
            return ""
        broken.append(why)
    told = list(dict.fromkeys(broken)) or ["no device is for it"]
    more = f" and {len(told) - NAMED} more" if len(told) > NAMED else ""
    return ", ".join(told[:NAMED]) + more


def silent(
    found: Fencing, name: str, node: str, lost: Collection[str], dead: Collection[str]
) -> str:
    """Return why a device cannot be used for ``node``, or nothing if it can."""
    if name == WATCHDOG:
        return "" if found.watchdog else "no watchdog is counted on"
    device = found.device(name)
    if device is None:
        return f"{name} is not there"
    if name in dead:
        return f"{name} is lost as well"
    if not device.enabled:
        return f"{name} is switched off"
    if not device.fences(node):
        return f"{name} is not for it"
    if means(device.agent) is Means.KDUMP:
        return f"{name} only knows whether it dumps its memory"
    users = list(usable(found, name, lost))
    if users:
        return ""
    return f"{name} may be used by no node that is left"


def usable(found: Fencing, name: str, lost: Collection[str]) -> Iterator[str]:
    """Yield the nodes that are there and may use a device."""
    device = found.device(name)
    for node in found.users(device) if device else ():
        if node not in lost and (not found.online or node in found.online):
            yield node
