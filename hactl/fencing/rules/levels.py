"""Levels that cannot work, are never reached, or do not do what they look like."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from hactl.errors import Severity
from hactl.fencing.configuration import Device, Fencing, Level
from hactl.fencing.finding import Finding, Subject
from hactl.model.fencing import OUTLETS, WATCHDOG, Means, means
from hactl.suggest import did_you_mean

LAST = 9


def of_levels(fencing: Fencing) -> Iterator[Finding]:
    """Yield what is wrong with each level, and with all levels of a node together."""
    for level in fencing.levels:
        yield from of_level(fencing, level)
    for node in fencing.nodes:
        own = sorted(fencing.levels_of(node), key=lambda level: level.index)
        yield from written_twice(node, own)
        yield from pointless(node, own)
        yield from outlets(fencing, node, own)
        yield from left_out(fencing, node, own)


def of_level(fencing: Fencing, level: Level) -> Iterator[Finding]:
    subject = Subject.level(level.index, level.target or "some nodes")
    if level.target and not level.targets:
        hint = did_you_mean(level.target, fencing.nodes, f"there are {', '.join(fencing.nodes)}")
        yield Finding("level.no-node", subject, "there is no such node in this cluster", hint)
    elif not level.targets:
        yield Finding(
            "level.for-nobody",
            subject,
            "it is for no node of this cluster",
            "mend its pattern or attribute",
        )
    if not 1 <= level.index <= LAST:
        yield Finding(
            "level.number", subject, "Pacemaker ignores it", f"number it from 1 to {LAST}"
        )
    for name, times in Counter(level.devices).items():
        if times > 1:
            yield Finding(
                "level.device-twice", subject, f"{name} is in it {times} times", "name it once"
            )
        yield from of_name(fencing, level, subject, name)
    yield from dump(fencing, level, subject)


def of_name(fencing: Fencing, level: Level, subject: Subject, name: str) -> Iterator[Finding]:
    device = fencing.device(name)
    if device is None and name == WATCHDOG:
        if not fencing.watchdog:
            yield Finding(
                "level.watchdog",
                subject,
                "it counts on the watchdog of the node, and stonith-watchdog-timeout is not set",
                "set it to twice SBD_WATCHDOG_TIMEOUT, or remove the level",
            )
        return
    if device is None:
        there = [each.id for each in fencing.devices]
        hint = did_you_mean(name, there, "create it, or take it out of the level")
        yield Finding("level.no-device", subject, f"there is no device {name}", hint)
        return
    for node in level.targets:
        if not device.fences(node):
            yield Finding(
                "level.device-of-others",
                subject,
                f"{name} does not fence {node}",
                f"add {node} to its pcmk_host_list, or take it out of the level",
            )
        elif device.enabled and fencing.users(device) == (node,):
            yield Finding(
                "level.fences-itself",
                subject,
                f"only {node} itself may use {name}, and nobody fences itself",
                f"ban {name} from {node}, and from no other node",
            )


def dump(fencing: Fencing, level: Level, subject: Subject) -> Iterator[Finding]:
    """Who cuts the power first, or at the same time, will never see the dump."""
    for name in level.devices:
        device = fencing.device(name)
        if (
            device
            and means(device.agent) is Means.KDUMP
            and (before(fencing, level) or beside(level))
        ):
            yield Finding(
                "level.dump-not-first",
                subject,
                f"{name} waits for a dump that a device before or beside it has cut short",
                f"give {name} the first level, alone",
            )


def before(fencing: Fencing, level: Level) -> bool:
    return any(
        other.index < level.index for node in level.targets for other in fencing.levels_of(node)
    )


def beside(level: Level) -> bool:
    return len(set(level.devices)) > 1


def written_twice(node: str, levels: list[Level]) -> Iterator[Finding]:
    for index, times in Counter(level.index for level in levels).items():
        if times > 1:
            yield Finding(
                "level.twice",
                Subject.level(index, node),
                f"it is there {times} times: Pacemaker makes one level of them, in which all "
                "devices have to succeed",
                "give each a number of its own",
            )


def pointless(node: str, levels: list[Level]) -> Iterator[Finding]:
    for place, level in enumerate(levels):
        for earlier in levels[:place]:
            if earlier.index < level.index and set(earlier.devices) <= set(level.devices):
                yield Finding(
                    "level.pointless",
                    Subject.level(level.index, node),
                    f"it needs {' and '.join(earlier.devices)} like level {earlier.index}, which "
                    "has failed by then",
                    "name a device that fails for other reasons",
                    severity=Severity.WARNING,
                )


def outlets(fencing: Fencing, node: str, levels: list[Level]) -> Iterator[Finding]:
    """Of two supplies, the second keeps a node running that the first one calls off."""
    own = [each for each in fencing.devices if each.agent in OUTLETS and each.static]
    mine = [each for each in own if each.fences(node)]
    for level in levels:
        here = [each.id for each in mine if each.id in level.devices]
        others = [each.id for each in mine if each.id not in level.devices]
        if here and others and elsewhere(others, levels):
            yield alone(Subject.level(level.index, node), here, others)
    if len(mine) > 1 and not levels:
        yield alone(Subject.node(node), [mine[0].id], [each.id for each in mine[1:]])


def elsewhere(devices: list[str], levels: list[Level]) -> bool:
    return any(name in level.devices for level in levels for name in devices)


def alone(subject: Subject, here: list[str], others: list[str]) -> Finding:
    both = ",".join([*here, *others])
    return Finding(
        "level.one-outlet-of-two",
        subject,
        f"{' and '.join(here)} without {' and '.join(others)}: a node with two supplies would be "
        "called off, and run on",
        f"one level with all of its outlets: {both}",
    )


def left_out(fencing: Fencing, node: str, levels: list[Level]) -> Iterator[Finding]:
    named = {name for level in levels for name in level.devices}
    for device in fencing.devices if levels else ():
        if left(device, node) and device.id not in named:
            yield Finding(
                "device.in-no-level",
                Subject.device(device.id),
                f"it fences {node} and is in none of its levels, so it is never tried",
                "add it to a level",
                severity=Severity.WARNING,
            )


def left(device: Device, node: str) -> bool:
    return device.enabled and node in device.listed
