"""Times of a device that do not go together, or that Pacemaker cannot read."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hactl.errors import Severity
from hactl.fencing.configuration import Device, Fencing, fencing_property
from hactl.fencing.finding import Finding, Subject
from hactl.model.fencing import Means, means
from hactl.model.pacemaker_time import seconds

TIMES = re.compile(r"pcmk_(delay_max|[a-z-]+_timeout)")
OURS = frozenset({"fence_lab", "fence_libvirt", "fence_ceph_blocklist"})
POWER_TIMEOUT = 60.0  # seconds; the default of our agents
# What an agent waits for by itself before it can say anything: a parameter and its default.
WAITS = {"fence_kdump": ("timeout", 60.0)}


def times(fencing: Fencing, device: Device) -> Iterator[Finding]:
    """What is wrong with the times of a device."""
    yield from unreadable(device)
    yield from too_long(fencing, device)
    yield from delays(device)


def unreadable(device: Device) -> Iterator[Finding]:
    for name, value in device.parameters.items():
        delays = name == "pcmk_delay_base" and value and not list(bases(device))
        if delays or (TIMES.fullmatch(name) and seconds(value) is None):
            yield Finding(
                "device.unreadable-time",
                Subject.device(device.id),
                f"{name} is {value!r}, which is not a time: Pacemaker takes its default",
                f"write {name}=60s or the like",
                key=name,
            )


def too_long(fencing: Fencing, device: Device) -> Iterator[Finding]:
    """Pacemaker kills an agent that takes longer than it allows, and does not ask again."""
    allowed = time_allowed(fencing, device)
    limit = own_limit(device)
    if allowed and limit > allowed:
        yield Finding(
            "device.outlives-timeout",
            Subject.device(device.id),
            f"the agent gives itself {limit:g} s (power_timeout), Pacemaker gives it {allowed:g} s",
            "set power_timeout, pcmk_off_timeout and pcmk_reboot_timeout to the same",
        )
        return
    needed, what = own_wait(device)
    if allowed and needed >= allowed:
        yield Finding(
            "device.waits-too-long",
            Subject.device(device.id),
            f"the agent waits {needed:g} s by itself ({what}), Pacemaker gives it {allowed:g} s",
            f"set pcmk_off_timeout and pcmk_reboot_timeout to more than {needed:g} s, "
            f"or {what} to less",
            # A dump that does not come fails its level either way; only the time is lost.
            severity=Severity.WARNING if device.agent in WAITS else Severity.ERROR,
        )


def time_allowed(fencing: Fencing, device: Device) -> float:
    """The shortest of what Pacemaker gives the agent to turn something off, in seconds."""
    default = seconds(fencing.timeout) or 60.0
    asked = device.parameters
    once = (
        means(device.agent) is Means.STORAGE
        or fencing_property(fencing.properties, "action", "") == "off"
    )
    actions = ("off",) if once else ("off", "reboot")
    given = (seconds(asked.get(f"pcmk_{action}_timeout", "")) for action in actions)
    return min(each or default for each in given)


def own_limit(device: Device) -> float:
    default = POWER_TIMEOUT if device.agent in OURS else 0.0
    return seconds(device.parameters.get("power_timeout", "")) or default


def own_wait(device: Device) -> tuple[float, str]:
    """How long the agent only waits, and the parameters that make it."""
    given = device.parameters
    name, default = WAITS.get(device.agent, ("", 0.0))
    waits = {each: seconds(given.get(each, "")) or 0.0 for each in ("delay", "power_wait")}
    if name:
        waits[name] = seconds(given.get(name, "")) or default
    return sum(waits.values()), " and ".join(each for each, time in waits.items() if time)


def delays(device: Device) -> Iterator[Finding]:
    base = max(bases(device), default=0.0)
    most = seconds(device.parameters.get("pcmk_delay_max", "")) or 0.0
    if 0 < most < base:
        yield Finding(
            "device.delay-max",
            Subject.device(device.id),
            f"pcmk_delay_max ({most:g} s) is less than pcmk_delay_base ({base:g} s)",
            "pcmk_delay_max is the sum of pcmk_delay_base and what is drawn at random",
            severity=Severity.WARNING,
            key="pcmk_delay_max",
        )


def bases(device: Device) -> Iterator[float]:
    """The fixed delay, or one for each node: ``node1:5s;node2:10s``."""
    for word in re.split(r"[\s;]+", device.parameters.get("pcmk_delay_base", "")):
        time = seconds(word.rpartition(":")[2])
        if time is not None:
            yield time
