"""What a node has to have for fencing to work from it: files of secrets, SBD's own times, a fencer
that knows its devices.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from hactl.errors import Severity
from hactl.fencing.configuration import Device, Fencing
from hactl.fencing.finding import Finding, Subject
from hactl.fencing.rules.device import more_than_a_script
from hactl.model.pacemaker_time import seconds

# Parameters that name a file with a secret, or a script that tells one.
SECRET_FILE = re.compile(
    r"keyring|(.*_)?key(_?file)?|identity_file|.*passw(or)?d_(script|file)|auth_file"
)
IN_URI = re.compile(r"[?&](?:keyfile|pkipath)=(/[^&\s]+)")
DEFAULT_WATCHDOG = 5.0  # seconds; sbd(8)
REGISTERED = re.compile(r'<item name="device">([^<]+)</item>')
TYPE, DIRECTORY, REGULAR = 0o170000, 0o040000, 0o100000


@dataclass(frozen=True, slots=True)
class File:
    """A file as stat(2) has it, behind all links."""

    mode: int
    size: int


@dataclass(frozen=True, slots=True)
class Premises:
    """What was seen on a node: files by path, SBD's settings, the UUID of its machine.

    ``registered`` are the devices that its fencer knows, None where there is none to ask.
    ``problem`` says why nothing could be seen.
    """

    node: str
    files: Mapping[str, File] = field(default_factory=dict)
    sbd: Mapping[str, str] = field(default_factory=dict)
    machine: str = ""
    problem: str = ""
    registered: frozenset[str] | None = None


def lacking(fencing: Fencing, seen: Premises) -> Iterator[Finding]:
    """Yield what a node lacks."""
    if seen.problem:
        hint = f"bring {seen.node} back, or say by --via how it is reached"
        yield Finding(
            "node.unreachable", Subject.node(seen.node), f"it cannot be asked: {seen.problem}", hint
        )
        return
    for device in fencing.devices:
        if device.enabled and seen.node not in device.banned:
            for path in secret_files(device):
                yield from of_file(device, seen, path)
    if fencing.watchdog:
        yield from of_watchdog(fencing, seen)
    if fencing.enabled and seen.registered is not None:
        yield from of_fencer(fencing, seen, seen.registered)


def of_fencer(fencing: Fencing, seen: Premises, known: frozenset[str]) -> Iterator[Finding]:
    """A fencer that could not reach the CIB as it started runs on without it, and fences nobody."""
    unknown = [
        device.id
        for device in fencing.devices
        if device.enabled and seen.node not in device.banned and device.id not in known
    ]
    if unknown:
        yield Finding(
            "node.stale-fencer",
            Subject.node(seen.node),
            f"its fencer does not know {', '.join(unknown)}",
            "end its pacemaker-fenced: Pacemaker starts another, which reads the CIB again",
            seen.node,
        )


def secret_files(device: Device) -> list[str]:
    """The files that a device cannot do without."""
    named = [
        value
        for name, value in device.parameters.items()
        if SECRET_FILE.fullmatch(name) and not more_than_a_script(name, value)
    ]
    named += [path for value in device.parameters.values() for path in IN_URI.findall(value)]
    return [path for path in dict.fromkeys(named) if path.startswith("/") and path.isprintable()]


def of_file(device: Device, seen: Premises, path: str) -> Iterator[Finding]:
    subject = Subject.device(device.id)
    file = seen.files.get(path)
    if file is None:
        yield Finding(
            "device.file-missing",
            subject,
            f"{path} is missing",
            f"copy it to {seen.node}",
            seen.node,
        )
    elif file.mode & TYPE == REGULAR and not file.size:
        yield Finding(
            "device.file-empty",
            subject,
            f"{path} is empty",
            f"copy it to {seen.node} again",
            seen.node,
        )
    elif file.mode & TYPE not in (REGULAR, DIRECTORY):
        yield Finding(
            "device.file-kind", subject, f"{path} is not a file", "write it anew", seen.node
        )
    elif file.mode & TYPE == REGULAR and file.mode & 0o026:
        what = "write" if file.mode & 0o022 else "read"
        yield Finding(
            "device.file-open",
            subject,
            f"others may {what} {path}",
            f"chmod {'0700' if file.mode & 0o100 else '0600'} {path}",
            seen.node,
            Severity.WARNING,
        )


def of_watchdog(fencing: Fencing, seen: Premises) -> Iterator[Finding]:
    """A node is given up only when its watchdog has surely reset it: sbd(8)."""
    if not seen.sbd:
        yield Finding(
            "node.no-sbd",
            Subject.node(seen.node),
            f"stonith-watchdog-timeout={fencing.watchdog} counts on SBD, which is not set up here",
            "hactl render --sbd writes its file",
            seen.node,
            key="stonith-watchdog-timeout",
        )
        return
    own = seconds(seen.sbd.get("SBD_WATCHDOG_TIMEOUT", "")) or DEFAULT_WATCHDOG
    given = seconds(fencing.watchdog)  # a negative one is found out by Pacemaker
    if given is not None and given < 2 * own:
        yield Finding(
            "node.watchdog-too-late",
            Subject.node(seen.node),
            f"stonith-watchdog-timeout={fencing.watchdog} gives it up before its watchdog has "
            f"surely reset it (SBD_WATCHDOG_TIMEOUT={own:g})",
            f"set stonith-watchdog-timeout to {2 * own:g} s at least",
            seen.node,
            key="stonith-watchdog-timeout",
        )


def registered(text: str) -> frozenset[str]:
    """The devices in what `stonith_admin --list-registered --output-as=xml` says."""
    return frozenset(REGISTERED.findall(text))


def settings(text: str) -> dict[str, str]:
    """NAME=value or NAME="value" by name, as a shell would read them."""
    found = re.findall(r"^\s*(\w+)=[\"']?([^\"'\n#]*)", text, re.MULTILINE)
    return {name: value.strip() for name, value in found}


def stats(text: str) -> dict[str, File]:
    """Lines of `stat -L -c %f:%s:%n` by path."""
    found = {}
    for line in text.splitlines():
        mode, size, path = (*line.split(":", 2), "", "")[:3]
        if path and size.isdigit() and re.fullmatch(r"[0-9a-f]+", mode):
            found[path] = File(int(mode, 16), int(size))
    return found


def machines(all_seen: list[Premises]) -> dict[str, str]:
    """UUID of the machine by node; none where nodes share one, as containers do."""
    found = {seen.node: seen.machine for seen in all_seen if seen.machine}
    return found if len(set(found.values())) == len(found) else {}
