"""Fencing -> one device per node, away from its own target, and the levels they are tried in.

What nobody wrote follows from how an agent works: a node that dumps its memory is left alone first,
power is cut with the storage beside it, and a reset by the node itself comes last.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hactl.derive.parts import Parts
from hactl.model.constraint import INFINITY, Location
from hactl.model.fencing import OUTLETS, WATCHDOG, FencingLevel, Means, Watchdog, means
from hactl.model.pacemaker_time import longest
from hactl.model.resource import Agent, Operation, Primitive
from hactl.model.timing import duration, rounded
from hactl.topology.schema.document import Document

# How long the fencing of the first node of two is held back, so that a tie has one survivor.
TIE_BREAK = 5_000
STONITH_TIMEOUT = 60_000
# The device that SBD's disks are, for a topology that names the disks only.
PILL = "sbd"
# These of ours give up by themselves, a while before Pacemaker does.
OWN = frozenset({"fence_lab", "fence_libvirt", "fence_ceph_blocklist"})


def device_id(device: str, node: str) -> str:
    return f"{device}-{node}"


def fence_devices(document: Document) -> Parts:
    """Return a stonith primitive for each node and device, banned from the node it fences."""
    if not document.cluster.fencing:
        return Parts()
    pairs = list(used_devices(document))
    resources = tuple(fence_device(document, node, device) for node, device in pairs)
    bans = tuple(
        Location(device_id(device, node), node, -INFINITY)
        for node, device in pairs
        if not document.fencing.devices[device].runs_on_target
    )
    pills = tuple(poison_pills(document))
    own = tuple(Location(pill.id, pill.params["pcmk_host_list"], -INFINITY) for pill in pills)
    return Parts((*resources, *pills), (*bans, *own))


def poison_pills(document: Document) -> Iterator[Primitive]:
    """Yield a fence_sbd for each node where SBD has disks."""
    dog = watchdog(document)
    if dog is None or not dog.disks:
        return
    for node in document.nodes:
        yield Primitive(
            id=device_id(PILL, node),
            agent=Agent("stonith", "", "fence_sbd"),
            kind="fencing",
            params={
                "devices": ",".join(dog.disks),
                "plug": node,
                "pcmk_host_list": node,
                "pcmk_host_check": "static-list",
                **timeouts(dog.longest),
                **tie_break(document, node),
            },
            operations=checked(60_000),
        )


def watchdog(document: Document) -> Watchdog | None:
    """Return what SBD is told, where there is SBD."""
    written = document.fencing.watchdog
    if written is None or not document.cluster.fencing:
        return None
    return Watchdog(written.timeout, written.device, tuple(written.disks))


def used_devices(document: Document) -> Iterator[tuple[str, str]]:
    for name, node in document.nodes.items():
        for device in node.fencing:
            if device in document.fencing.devices:
                yield name, device


def fence_device(document: Document, node: str, device: str) -> Primitive:
    declared = document.fencing.devices[device]
    params: dict[str, str] = {}
    if declared.timeout is not None:
        params |= timeouts(declared.timeout)
    params |= own_time(declared.agent, declared.timeout or document.cluster.stonith_timeout)
    if means(declared.agent) is Means.KDUMP:
        params["pcmk_reboot_action"] = "off"
    params |= written(document, node, device)
    params |= {"pcmk_host_list": node, "pcmk_host_check": "static-list"}
    params |= tie_break(document, node)
    return Primitive(
        id=device_id(device, node),
        agent=Agent("stonith", "", declared.agent),
        kind="fencing",
        params=params,
        meta=standing(document, device),
        operations=checked(declared.monitor),
    )


def standing(document: Document, device: str) -> dict[str, str]:
    """Return where a device stands and what it feeds: Pacemaker does not read it, `whatif` does."""
    declared = document.fencing.devices[device]
    found = {"rack": declared.rack} if declared.rack else {}
    if declared.feeds:
        found["feeds"] = " ".join(fed(document, declared.feeds))
    return found


def fed(document: Document, names: Sequence[str]) -> Iterator[str]:
    """Yield nodes by name, and devices by the names of their resources."""
    for name in names:
        if name in document.nodes:
            yield name
        else:
            users = (node for node, device in used_devices(document) if device == name)
            yield from (device_id(name, node) for node in users)


def own_time(agent: str, limit: int | None) -> dict[str, str]:
    """Return what tells an agent how long it may take: it should say no before it is killed."""
    if means(agent) is Means.KDUMP:
        return {"timeout": str(max(1, (limit or STONITH_TIMEOUT) * 9 // 10_000))}
    if agent in OWN and limit is not None:
        return {"power_timeout": str(limit // 1000)}
    return {}


def checked(interval: int) -> tuple[Operation, ...]:
    return Operation("start", 60_000), Operation("monitor", 60_000, interval=interval)


def timeouts(limit: int) -> dict[str, str]:
    return {f"pcmk_{action}_timeout": duration(limit) for action in ("reboot", "off")}


def tie_break(document: Document, node: str) -> dict[str, str]:
    """Return what makes the fencing of this node wait, so that two do not shoot each other.

    The first of two waits, unless the operator has written any delay, or there is a third vote.
    """
    if len(document.nodes) != 2 or document.cluster.qdevice or node != next(iter(document.nodes)):
        return {}
    return {} if any(delays(document)) else {"pcmk_delay_base": duration(TIE_BREAK)}


def delays(document: Document) -> Iterator[int]:
    """Yield the delays that the operator has written, in milliseconds."""
    for node, device in used_devices(document):
        params = written(document, node, device)
        yield longest(params, "pcmk_delay_base", "pcmk_delay_max")


def written(document: Document, node: str, device: str) -> dict[str, str]:
    """Return what the operator has written for a device, and on top of it for this node."""
    return document.fencing.devices[device].parameters | document.nodes[node].fencing[device]


def fencing_levels(document: Document) -> tuple[FencingLevel, ...]:
    if not document.cluster.fencing:
        return ()
    return tuple(level for name in document.nodes for level in levels_of(document, name))


def levels_of(document: Document, name: str) -> Iterator[FencingLevel]:
    """Yield the levels of a node that has more than one device.

    Several devices in one level are a node with several supplies, or power with storage beside it:
    Pacemaker turns all off before it turns any on.
    """
    own = [device for node, device in used_devices(document) if node == name]
    wanted = written_levels(document, own) or natural_levels(document, own)
    found = [[device_id(device, name) for device in level if device in own] for level in wanted]
    found = [level for level in (*found, last_level(document, name)) if level]
    if sum(map(len, found)) < 2:
        return
    for index, level in enumerate(found, 1):
        yield FencingLevel(name, index, tuple(level))


def written_levels(document: Document, own: Sequence[str]) -> list[list[str]]:
    """Return the levels as written, without those whose power devices this node does not have.

    What is left of such a level would cut the node off from its storage alone.
    """
    devices = document.fencing.devices
    power = {name for name in devices if means(devices[name].agent) is Means.POWER}
    if not power & set(own):
        return document.fencing.levels
    return [
        level
        for level in document.fencing.levels
        if power & set(own) & set(level) or not power & set(level)
    ]


def natural_levels(document: Document, own: Sequence[str]) -> list[list[str]]:
    """Return the levels of a node's devices where the operator has written none."""
    by_means: dict[Means, list[str]] = {sort: [] for sort in Means}
    for device in document.fencing.devices:
        if device in own:
            by_means[means(document.fencing.devices[device].agent)].append(device)
    storage = by_means[Means.STORAGE]
    harmless = [[*power, *storage] for power in supplies(document, by_means[Means.POWER])]
    return [
        *([device] for device in by_means[Means.KDUMP]),
        *(harmless or ([storage] if storage else [])),
        *([device] for device in by_means[Means.PILL]),
    ]


def supplies(document: Document, power: Sequence[str]) -> Iterator[list[str]]:
    """Yield what takes all power from a node: a controller, or all of its outlets together.

    A node with two supplies runs on after one of them was turned off.
    """
    outlets = [name for name in power if document.fencing.devices[name].agent in OUTLETS]
    for name in power:
        if name not in outlets:
            yield [name]
        elif name == outlets[0]:
            yield outlets


def last_level(document: Document, name: str) -> list[str]:
    """Return what is left when all devices have failed: that the node resets itself."""
    dog = watchdog(document)
    if dog is None:
        return []
    return [device_id(PILL, name)] if dog.disks else [WATCHDOG]


def stonith_timeout(document: Document) -> int:
    """Return how long a fencing action may take, in milliseconds: room for what was written."""
    if document.cluster.stonith_timeout:
        return document.cluster.stonith_timeout
    dog = watchdog(document)
    needed = [STONITH_TIMEOUT, *([dog.longest] if dog else [])]
    for node, device in used_devices(document):
        params = fence_device(document, node, device).params
        delay = longest(params, "pcmk_delay_base", "pcmk_delay_max")
        needed.append(delay + longest(params, "pcmk_reboot_timeout", "pcmk_off_timeout") + 1)
    return rounded(max(needed))


def reaction(document: Document) -> str:
    """Return what a node does that was fenced and still runs; empty for Pacemaker's default.

    One that lost only its storage, or that a watchdog may not have reset, must not go on
    answering for its addresses.
    """
    if document.fencing.reaction:
        return document.fencing.reaction
    agents = (document.fencing.devices[device].agent for _, device in used_devices(document))
    doubtful = any(means(agent) is Means.STORAGE for agent in agents)
    return "panic" if doubtful or watchdog(document) else ""
