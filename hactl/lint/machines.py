"""Guests and containers that are described twice, half, or by files that do not help."""

from __future__ import annotations

from collections.abc import Iterator

from hactl.derive.needs import config_path
from hactl.derive.storage_paths import holder
from hactl.errors import Problem
from hactl.lint.subject import Subject
from hactl.topology.load import Topology
from hactl.topology.schema.guests import Guest

LIBVIRT_OWN = "/etc/libvirt/"
HARDWARE = ("max_cpus", "max_memory", "disks", "nics", "kernel", "initrd", "cmdline", "machine")


def machines(subject: Subject) -> Iterator[Problem]:
    """A guest has a definition or is described here, and not both."""
    topology = subject.topology
    for name, guest in topology.document.guests.items():
        if guest.definition:
            yield from defined(topology, name, guest)
        else:
            yield from described(topology, name, guest)
        yield from saved(topology, name, guest)


def defined(topology: Topology, name: str, guest: Guest) -> Iterator[Problem]:
    for key in HARDWARE:
        if key in guest.model_fields_set:
            yield topology.problem(
                ("guests", name, key),
                "the definition says that already",
                f"remove {key}, or definition; name what it needs with storage: and networks:",
            )
    if guest.definition and guest.definition.startswith(LIBVIRT_OWN):
        yield topology.problem(
            ("guests", name, "definition"),
            f"{LIBVIRT_OWN} belongs to libvirt, which may remove the file",
            "keep it on storage that all nodes share",
        )


def described(topology: Topology, name: str, guest: Guest) -> Iterator[Problem]:
    for key in ("cpus", "memory"):
        if getattr(guest, key) is None:
            yield topology.problem(
                ("guests", name), f"has no {key}", f"add {key}:, or a definition:"
            )
    for key, most in (("cpus", guest.max_cpus), ("memory", guest.max_memory)):
        if most is not None and most < (getattr(guest, key) or 0):
            yield topology.problem(
                ("guests", name, f"max_{key}"),
                f"is less than its {key}",
                f"raise it, or lower {key}",
            )
    if not guest.disks and not guest.kernel:
        yield topology.problem(
            ("guests", name), "has nothing to boot from", "add disks: [STORAGE], or a kernel:"
        )
    for key in ("initrd", "cmdline"):
        if getattr(guest, key) and not guest.kernel:
            yield topology.problem(
                ("guests", name, key), "means nothing without a kernel", "add kernel:"
            )
    yield from parts(topology, name, guest)


def parts(topology: Topology, name: str, guest: Guest) -> Iterator[Problem]:
    for index, disk in enumerate(guest.disks):
        if bool(disk.storage) == bool(disk.path):
            yield topology.problem(
                ("guests", name, "disks", index),
                "needs a storage or a path" if not disk.path else "has a storage and a path",
                "write one of them; hactl finds the storage a path is in",
            )
        storage = topology.document.storage.get(disk.storage or "")
        if disk.volume and not (storage and storage.has_volumes):
            yield topology.problem(
                ("guests", name, "disks", index, "volume"),
                "only a storage of kind lvm that names no lv has volumes",
                "remove it",
            )


def saved(topology: Topology, name: str, guest: Guest) -> Iterator[Problem]:
    """Memory that is saved on one node is lost to the next."""
    one_node = len(guest.nodes or topology.document.nodes) == 1
    if guest.save_dir and not one_node and not holder(topology.document, guest.save_dir):
        yield topology.warning(
            ("guests", name, "save_dir"),
            f"{guest.save_dir} is in no storage of this file: on another node the guest would "
            "boot anew, and what was saved would be lost",
            "put it on storage that all nodes share",
        )


def files(subject: Subject) -> Iterator[Problem]:
    """What a definition names is known here, so that what it needs can be inferred."""
    topology, survey = subject.topology, subject.survey
    for section, key in (("guests", "definition"), ("containers", "path")):
        for name in getattr(topology.document, section):
            path = (section, name, key)
            yield from unread(subject, section, name, key)
            needs = survey.needs[name]
            for disk in needs.stray_disks:
                yield topology.warning(
                    (section, name),
                    f"{disk} is in no storage of this file",
                    "make sure every node has it, or add the storage it is in",
                )
            for bridge in needs.stray_bridges:
                yield topology.warning(
                    path,
                    f"is plugged into {bridge}, which is not a network of this file",
                    "make sure every node has it, or add it to networks",
                )


def unread(subject: Subject, section: str, name: str, key: str) -> Iterator[Problem]:
    topology, survey = subject.topology, subject.survey
    if name in survey.unread and not said_by_hand(topology, section, name):
        yield topology.warning(
            (section, name, key),
            f"{file_of(subject, section, name)} cannot be read here: {survey.unread[name]}; "
            "what it needs is not inferred",
            "check on a node that has it, or say networks: and memory: by hand",
        )
    elif name in survey.illegible:
        yield topology.problem(
            (section, name, key),
            f"{file_of(subject, section, name)} {survey.illegible[name]}",
            "mend the file",
        )


def said_by_hand(topology: Topology, section: str, name: str) -> bool:
    """Whether the entry says what its file would have told."""
    entry = getattr(topology.document, section)[name]
    wanted = {"networks", "memory"} if section == "guests" else {"networks"}
    return wanted.issubset(entry.model_fields_set)


def file_of(subject: Subject, section: str, name: str) -> str:
    document = subject.topology.document
    if section == "guests":
        return document.guests[name].definition or ""
    return config_path(document.containers[name]) or ""
