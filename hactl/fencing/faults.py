"""What is wrong with a fencing configuration by itself, before any device is asked."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hactl.errors import Severity
from hactl.fencing.configuration import Device, Fencing
from hactl.fencing.finding import Finding

SECRETS = ("passwd", "password", "secret", "token", "snmp_priv_passwd")
UNITS = {"": 1.0, "s": 1.0, "sec": 1.0, "ms": 0.001, "msec": 0.001, "m": 60.0, "min": 60.0}
DEFAULT_TIMEOUT = 60.0  # seconds; Pacemaker's, and the default of our agents' power_timeout


def faults(fencing: Fencing) -> Iterator[Finding]:
    """Yield everything that can be seen in the CIB alone."""
    if not fencing.enabled:
        yield Finding("cluster", "fencing is switched off", "set stonith-enabled=true")
    for node in fencing.nodes:
        yield from nobody_fences(fencing, node)
    for device in fencing.devices:
        yield from of_device(fencing, device)
    yield from of_levels(fencing)
    yield from shared_plugs(fencing)


def nobody_fences(fencing: Fencing, node: str) -> Iterator[Finding]:
    can = [device for device in fencing.devices if device.enabled and device.fences(node)]
    if not can:
        yield Finding(f"node {node}", "no device fences it", "add one with pcmk_host_list")
    elif not any(set(fencing.users(device)) - {node} for device in can):
        yield Finding(
            f"node {node}",
            "no other node may use the device that fences it, and nobody fences itself",
            f"ban the device from {node}, and from no other node",
        )


def of_device(fencing: Fencing, device: Device) -> Iterator[Finding]:
    subject = f"device {device.id}"
    if not device.enabled:
        yield Finding(subject, "it is disabled: Pacemaker does not use it", "remove target-role")
    for node in device.listed:
        if node not in fencing.nodes:
            yield Finding(subject, f"it fences {node}, which is no node of this cluster")
    for name in SECRETS:
        value = device.parameters.get(name, "")
        if value and value != "lrm://":
            yield Finding(
                subject,
                f"{name} is in the CIB, which every member of haclient can read",
                f"cibsecret stash {device.id} {name}",
                severity=Severity.WARNING,
            )
    yield from times(fencing, device)


def times(fencing: Fencing, device: Device) -> Iterator[Finding]:
    allowed = longest(device, "pcmk_off_timeout", "pcmk_reboot_timeout") or seconds(fencing.timeout)
    own = seconds(device.parameters.get("power_timeout", "")) or 0.0
    if allowed and own > allowed:
        yield Finding(
            f"device {device.id}",
            f"the agent gives itself {own:g} s (power_timeout), Pacemaker gives it {allowed:g} s",
            "set power_timeout, pcmk_off_timeout and pcmk_reboot_timeout to the same",
        )


def longest(device: Device, *names: str) -> float:
    return max((seconds(device.parameters.get(name, "")) or 0.0 for name in names), default=0.0)


def seconds(text: str) -> float | None:
    """``60``, ``60s`` or ``1min``; None where it is something else."""
    found = re.fullmatch(r"\s*(\d+)\s*([a-z]*)\s*", text)
    return float(found[1]) * UNITS[found[2]] if found and found[2] in UNITS else None


def of_levels(fencing: Fencing) -> Iterator[Finding]:
    for level in fencing.levels:
        subject = f"level {level.index} of {level.target or 'some nodes'}"
        if level.target and level.target not in fencing.nodes:
            yield Finding(subject, "there is no such node in this cluster")
        for name in level.devices:
            device = fencing.device(name)
            if device is None:
                yield Finding(subject, f"there is no device {name}")
            elif level.target and not device.fences(level.target):
                yield Finding(subject, f"{name} does not fence {level.target}")


def shared_plugs(fencing: Fencing) -> Iterator[Finding]:
    """Two nodes on one plug of one device: fencing the one hits the other."""
    seen: dict[tuple[object, ...], str] = {}
    for device in fencing.devices:
        for node in device.listed:
            where = (device.agent, *sorted(reached_by(device)), device.plug(node))
            other = seen.setdefault(where, node)
            if other != node:
                yield Finding(
                    f"device {device.id}",
                    f"fencing {node} would hit {other}: both are plug {device.plug(node)!r}",
                )


def reached_by(device: Device) -> Iterator[tuple[str, str]]:
    """The parameters that tell which device it is."""
    for name, value in device.parameters.items():
        if not name.startswith("pcmk_") and name not in ("plug", "port"):
            yield name, value
