"""What is wrong with the fencing of a cluster as a whole: properties, and who waits for what."""

from __future__ import annotations

from collections.abc import Iterator

from hactl.errors import Severity
from hactl.fencing.configuration import Fencing, fencing_property
from hactl.fencing.finding import CLUSTER, Finding, Subject
from hactl.fencing.rules.timing import bases
from hactl.model.boolean import is_false
from hactl.model.fencing import Means, means
from hactl.model.pacemaker_time import seconds


def of_cluster(fencing: Fencing) -> Iterator[Finding]:
    yield from switched_off(fencing)
    yield from quorum(fencing)
    yield from how_and_how_long(fencing)
    yield from watchdog(fencing)
    yield from let_in(fencing)
    yield from tie(fencing)
    yield from outweighed(fencing)


def switched_off(fencing: Fencing) -> Iterator[Finding]:
    """Properties by which nobody is fenced, or not everybody who may have to be."""
    given = fencing.properties
    if not fencing.enabled:
        yield Finding(
            "cluster.off",
            CLUSTER,
            "fencing is switched off",
            "set stonith-enabled=true",
            key="stonith-enabled",
        )
    if not is_false(given.get("maintenance-mode", "false")):
        yield Finding(
            "cluster.maintenance",
            CLUSTER,
            "maintenance-mode is on: while nothing is managed, nobody is fenced",
            "set maintenance-mode=false",
            key="maintenance-mode",
        )
    if is_false(given.get("startup-fencing")):
        yield Finding(
            "cluster.startup-fencing",
            CLUSTER,
            "startup-fencing=false takes a node that was never seen for one that is off",
            "remove startup-fencing",
            key="startup-fencing",
        )


def quorum(fencing: Fencing) -> Iterator[Finding]:
    if fencing.properties.get("no-quorum-policy") == "ignore" and len(fencing.nodes) > 1:
        yield Finding(
            "cluster.ignores-quorum",
            CLUSTER,
            "no-quorum-policy=ignore lets both halves of a split cluster fence each other",
            "set no-quorum-policy=stop, or freeze",
            severity=Severity.WARNING,
            key="no-quorum-policy",
        )


def how_and_how_long(fencing: Fencing) -> Iterator[Finding]:
    action = fencing_property(fencing.properties, "action", "reboot")
    if seconds(fencing.timeout) in (None, 0.0):
        yield Finding(
            "cluster.timeout",
            CLUSTER,
            f"stonith-timeout is {fencing.timeout!r}, which is not a time",
            "write 60s",
            key="stonith-timeout",
        )
    if action not in ("reboot", "off", "poweroff"):
        yield Finding(
            "cluster.action",
            CLUSTER,
            f"stonith-action is {action!r}, which is not a way to fence",
            "write reboot, or off",
            key="stonith-action",
        )


def watchdog(fencing: Fencing) -> Iterator[Finding]:
    if fencing.watchdog and is_false(fencing.properties.get("have-watchdog")):
        yield Finding(
            "cluster.watchdog-without-sbd",
            CLUSTER,
            f"stonith-watchdog-timeout={fencing.watchdog} counts on SBD, which does not run",
            "start SBD on every node, or remove the property",
            key="stonith-watchdog-timeout",
        )


def let_in(fencing: Fencing) -> Iterator[Finding]:
    """Who waits to be let in to its storage needs somebody who does it."""
    cutters = [device for device in fencing.devices if means(device.agent) is Means.STORAGE]
    offered = any(device.meta.get("provides") == "unfencing" for device in fencing.devices)
    waiting = [name for name, what in fencing.requires.items() if what == "unfencing"]
    if waiting and not (cutters or offered) and fencing.enabled:
        yield Finding(
            "resource.unfencing-by-nobody",
            Subject.resource(waiting[0]),
            "requires=unfencing, and no device lets a node in to its storage",
            "add such a device, or write requires=fencing",
        )
    if cutters and not (waiting or offered) and fencing.enabled:
        yield Finding(
            "device.never-lets-in",
            Subject.device(cutters[0].id),
            "a node that it has cut off is never let in again: nobody asks for it",
            f"set the meta attribute provides=unfencing of {cutters[0].id}",
        )
    for name, what in fencing.requires.items():
        if what in ("nothing", "quorum") and fencing.enabled and not fencing.device(name):
            yield Finding(
                "resource.requires-too-little",
                Subject.resource(name),
                f"requires={what}: it is started while its old copy may still run",
                "remove requires, where it can do harm twice",
                severity=Severity.WARNING,
            )


def tie(fencing: Fencing) -> Iterator[Finding]:
    """Two nodes that are equally fast may shoot each other."""
    if len(fencing.nodes) != 2 or seconds(fencing.properties.get("priority-fencing-delay", "")):
        return
    fixed, drawn = [], False
    for node in fencing.nodes:
        mine = [each for each in fencing.devices if each.static and each.fences(node)]
        fixed.append(max((time for each in mine for time in bases(each)), default=0.0))
        drawn = drawn or any(each.parameters.get("pcmk_delay_max") for each in mine)
    if fixed[0] and fixed[0] == fixed[1] and not drawn:
        yield Finding(
            "cluster.tie",
            CLUSTER,
            f"both nodes are fenced after the same delay ({fixed[0]:g} s), "
            "so they can shoot each other",
            "give pcmk_delay_base to one of them only, or set priority-fencing-delay",
            key="pcmk_delay_base",
        )


def outweighed(fencing: Fencing) -> Iterator[Finding]:
    """A delay of a device that is as long as that of the priorities decides in their place."""
    given = fencing.properties.get("priority-fencing-delay", "")
    delays = [time for each in fencing.devices for time in bases(each)]
    delays += [
        seconds(each.parameters.get("pcmk_delay_max", "")) or 0.0 for each in fencing.devices
    ]
    longest = max(delays, default=0.0)
    if seconds(given) and 2 * longest > (seconds(given) or 0.0):
        yield Finding(
            "cluster.delay-outweighed",
            CLUSTER,
            f"priority-fencing-delay={given} is less than twice the longest delay of a device "
            f"({longest:g} s), so the node with the more important resources may lose",
            f"set priority-fencing-delay to {2 * longest:g}s",
            key="priority-fencing-delay",
        )
