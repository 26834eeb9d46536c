"""What is wrong with a fence device by itself: its hosts, its actions, its secrets, its times."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hactl.errors import Severity
from hactl.fencing.configuration import Device, Fencing
from hactl.fencing.finding import Finding, Subject
from hactl.fencing.host_map import host_map
from hactl.fencing.rules.timing import times
from hactl.model.fencing import PACEMAKERS, PACEMAKERS_NAMES
from hactl.model.secret import KEPT_BY_PACEMAKER, SECRET
from hactl.suggest import did_you_mean

ONE_SCRIPT = re.compile(r"/[A-Za-z0-9._/@+-]+")
CHECKS = ("static-list", "dynamic-list", "status", "none")
# What these say is not a sign of a node that is off.
HARMLESS = frozenset(
    {"metadata", "meta-data", "monitor", "list", "list-status", "status", "on", "validate-all"}
    | {"manpage", "help", "version", "none", "ack"}
)


def of_device(fencing: Fencing, device: Device) -> Iterator[Finding]:
    subject = Subject.device(device.id)
    if not device.enabled:
        yield Finding(
            "device.disabled",
            subject,
            "it is disabled: Pacemaker does not use it",
            "remove target-role",
        )
    elif len(fencing.nodes) > 1 and not fencing.users(device):
        yield Finding(
            "device.banned-everywhere",
            subject,
            "no node may use it",
            "remove the location constraints that ban it everywhere",
        )
    for node in device.listed:
        if node.lower() not in (each.lower() for each in fencing.nodes):
            yield Finding(
                "device.fences-stranger",
                subject,
                f"it fences {node}, which is not a node of this cluster",
                did_you_mean(node, fencing.nodes, f"there are {', '.join(fencing.nodes)}"),
                key="pcmk_host_list",
            )
    yield from secrets(device)
    yield from scripts(device)
    yield from hosts(device)
    yield from pacemakers_own(device)
    yield from actions(device)
    yield from times(fencing, device)


def secrets(device: Device) -> Iterator[Finding]:
    for name, value in device.parameters.items():
        if SECRET.fullmatch(name) and value and value != KEPT_BY_PACEMAKER:
            yield Finding(
                "device.secret-in-cib",
                Subject.device(device.id),
                f"{name} is in the CIB, which every member of haclient can read",
                f"cibsecret stash {device.id} {name}",
                severity=Severity.WARNING,
                key=name,
            )


def scripts(device: Device) -> Iterator[Finding]:
    for name, value in device.parameters.items():
        if more_than_a_script(name, value):
            yield Finding(
                "device.script",
                Subject.device(device.id),
                f"{name} is {value!r}, which the agent gives to a shell as it stands",
                "write the path of one script, without blanks or signs of the shell",
                severity=Severity.WARNING,
                key=name,
            )


def more_than_a_script(name: str, value: str) -> bool:
    """Whether a parameter that names a script says more than one word to a shell."""
    return name.endswith("_script") and not ONE_SCRIPT.fullmatch(value)


def hosts(device: Device) -> Iterator[Finding]:
    subject = Subject.device(device.id)
    check = device.parameters.get("pcmk_host_check", "")
    if check and check not in CHECKS:
        yield Finding(
            "device.host-check",
            subject,
            f"pcmk_host_check is {check!r}, which Pacemaker does not know",
            did_you_mean(check, CHECKS, f"write one of {', '.join(CHECKS)}"),
            key="pcmk_host_check",
        )
    elif device.static and not device.listed:
        yield Finding(
            "device.fences-nobody",
            subject,
            "it fences nobody: its list is empty",
            "set pcmk_host_list",
            key="pcmk_host_list",
        )
    elif check == "none" and device.listed:
        yield Finding(
            "device.host-check-none",
            subject,
            "pcmk_host_check=none: Pacemaker has it fence every node, whatever is listed",
            "write pcmk_host_check=static-list",
            key="pcmk_host_check",
        )
    for word in host_map(device.parameters.get("pcmk_host_map", ""))[1]:
        yield Finding(
            "device.host-map",
            subject,
            f"pcmk_host_map has {word!r}, which is not NODE:PLUG",
            "separate the pairs by ; or a space, and write \\: for a colon in a plug",
            key="pcmk_host_map",
        )


def pacemakers_own(device: Device) -> Iterator[Finding]:
    for name in device.parameters:
        if name.startswith("pcmk_") and not PACEMAKERS.fullmatch(name):
            yield Finding(
                "device.unknown-parameter",
                Subject.device(device.id),
                f"{name} is not a parameter that Pacemaker knows, and is ignored",
                did_you_mean(name, PACEMAKERS_NAMES, "see man pacemaker-fenced"),
                key=name,
            )


def actions(device: Device) -> Iterator[Finding]:
    subject = Subject.device(device.id)
    if "action" in device.parameters:
        yield Finding(
            "device.action",
            subject,
            "action is Pacemaker's to say, and is ignored",
            "remove it; stonith-action and pcmk_reboot_action are there for that",
            severity=Severity.WARNING,
            key="action",
        )
    for action in ("off", "reboot"):
        given = device.parameters.get(f"pcmk_{action}_action", action)
        if given in HARMLESS:
            yield Finding(
                "device.harmless-action",
                subject,
                f"pcmk_{action}_action={given}: it would say {given}, and Pacemaker take it for "
                f"{action}",
                f"remove pcmk_{action}_action",
                key=f"pcmk_{action}_action",
            )
    if device.parameters.get("pcmk_off_action") == "reboot":
        yield Finding(
            "device.off-is-reboot",
            subject,
            "pcmk_off_action=reboot: what Pacemaker believes to be off is on again",
            "remove pcmk_off_action",
            key="pcmk_off_action",
        )
    for action in ("monitor", "status"):
        given = device.parameters.get(f"pcmk_{action}_action", action)
        if given in ("metadata", "meta-data", "validate-all", "manpage", "help", "version"):
            yield Finding(
                "device.never-asked",
                subject,
                f"pcmk_{action}_action={given}: the device itself is never asked",
                f"remove pcmk_{action}_action",
                severity=Severity.WARNING,
                key=f"pcmk_{action}_action",
            )
