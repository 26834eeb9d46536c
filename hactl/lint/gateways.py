"""Gateways that serve the same twice, that everybody may use, or that cannot be as they are."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Sequence

from hactl.derive.exports import numbered
from hactl.derive.rbd_attachment import NATIVE, exports, exports_key, several_paths
from hactl.errors import Problem
from hactl.lint.subject import Subject
from hactl.topology.load import Topology
from hactl.topology.schema.gateways import Export, Gateway, Iscsi, Lun, Nvmeof
from hactl.topology.yaml.positions import Step

# What parts the agent's words.
SEPARATOR = re.compile(r"[\s,=]")


def gateways(subject: Subject) -> Iterator[Problem]:
    """Every gateway can be what it says, and is not open to all."""
    topology = subject.topology
    for name, gateway in topology.document.gateways.items():
        yield from numbers(topology, name, gateway)
        for index, export in enumerate(exports(gateway)):
            path = ("gateways", name, exports_key(gateway), index)
            yield from what_is_served(topology, path, export)
        if isinstance(gateway, Nvmeof):
            yield from opened_by_librbd(subject, name, gateway)
        yield from modes(topology, name, gateway)
        yield from addresses(topology, name, gateway)
        yield from open_to_all(topology, name, gateway)
        for disk in subject.survey.needs[name].stray_disks:
            yield topology.warning(
                ("gateways", name),
                f"{disk} is in no storage of this file",
                "make sure every node has it, or add the storage it is in",
            )


def numbers(topology: Topology, name: str, gateway: Gateway) -> Iterator[Problem]:
    key = exports_key(gateway)
    what = "LUN" if key == "luns" else "namespace"
    seen: dict[int, int] = {}
    for index, (number, _) in enumerate(numbered(gateway)):
        path = ("gateways", name, key, index)
        if number in seen:
            yield topology.problem(
                path, f"{what} {number} is also {key}[{seen[number]}]", "give it another number"
            )
        seen.setdefault(number, index)
        if number == 0 and isinstance(gateway, Iscsi) and gateway.backend == "tgt":
            yield topology.problem(path, "tgtd has LUN 0 for itself", "begin with 1")


def what_is_served(topology: Topology, path: Sequence[Step], export: Export) -> Iterator[Problem]:
    if bool(export.storage) == bool(export.path):
        yield topology.problem(
            path,
            "has a storage and a path" if export.path else "needs a storage or a path",
            "write one of them; hactl finds the storage a path is in",
        )
        return
    texts = [export.path or "", *export.params, *export.params.values()]
    if isinstance(export, Lun):
        texts += [export.serial or "", export.naa or ""]
    for text in texts:
        if SEPARATOR.search(text):
            yield topology.problem(
                path, f"{text!r} contains a space, comma or =", "choose another name"
            )
    storage = topology.document.storage.get(export.storage or "")
    if export.volume and not (storage and storage.has_volumes):
        yield topology.problem(
            path, "only a storage of kind lvm that names no lv has volumes", "remove volume"
        )
    elif storage and storage.has_volumes and not export.volume:
        yield topology.problem(
            path, f"{export.storage} is a volume group", "say which of its volumes: volume:"
        )
    elif storage and storage.holds_files:
        yield topology.problem(
            path, f"{export.storage} is a directory", "write the file in it: path:"
        )


def opened_by_librbd(subject: Subject, name: str, gateway: Nvmeof) -> Iterator[Problem]:
    for index, export in enumerate(gateway.namespaces):
        if subject.survey.attached.get(export.storage or "") == NATIVE:
            yield subject.topology.problem(
                ("gateways", name, "namespaces", index),
                f"the kernel serves devices, and native leaves none of {export.storage}",
                f"write attach: mapped for {export.storage}, or leave attach out",
            )


def modes(topology: Topology, name: str, gateway: Gateway) -> Iterator[Problem]:
    path = ("gateways", name)
    nodes = len(gateway.nodes or topology.document.nodes)
    if not several_paths(gateway):
        if gateway.gateways is not None:
            yield topology.problem(
                (*path, "gateways"), "it is on one node at a time", "remove it, or change mode"
            )
        return
    for key in ("together", "apart"):
        if getattr(gateway, key):
            yield topology.problem(
                (*path, key),
                "it is on every node at once",
                "leave it out; prefer says where the optimized path is",
            )
    if gateway.gateways is not None and gateway.gateways > nodes:
        yield topology.problem(
            (*path, "gateways"),
            f"it can run on only {nodes} nodes",
            f"write {nodes} at most",
        )
    if isinstance(gateway, Iscsi) and gateway.backend == "tgt":
        yield topology.problem(
            (*path, "mode"), "tgtd cannot tell which path is the optimized one", "backend: lio"
        )
    for index, export in enumerate(exports(gateway)):
        if isinstance(export, Lun) and export.write_cache:
            yield topology.problem(
                (*path, "luns", index, "write_cache"),
                "what one path has cached the other does not know",
                "leave it off with several paths",
            )


def addresses(topology: Topology, name: str, gateway: Gateway) -> Iterator[Problem]:
    path = ("gateways", name, "address")
    several = several_paths(gateway)
    for index, written in enumerate(gateway.address):
        if several and not is_network(written):
            network = ipaddress.ip_interface(written).network
            yield topology.problem(
                (*path, index),
                f"{written} is one address, but every node needs one of its own",
                f"write their network: {network}",
            )
        elif not several and is_network(written):
            yield topology.problem(
                (*path, index), f"{written} is a whole network", "write one address of it"
            )
    if len(gateway.address) > 1 and (several or isinstance(gateway, Nvmeof)):
        yield topology.problem(path, "has more than one address", "write one")


def is_network(written: str) -> bool:
    address = ipaddress.ip_interface(written)
    whole = address.network
    return whole.num_addresses > 2 and address.ip == whole.network_address


def open_to_all(topology: Topology, name: str, gateway: Gateway) -> Iterator[Problem]:
    if isinstance(gateway, Iscsi) and not gateway.initiators and not gateway.chap:
        yield topology.problem(
            ("gateways", name),
            "everybody who reaches it could write to it",
            "add initiators: [IQN, ...], or chap: {file: ...}",
        )
    elif isinstance(gateway, Nvmeof) and not gateway.hosts and not gateway.auth:
        yield topology.warning(
            ("gateways", name),
            "everybody who reaches it can write to it",
            "add hosts: [NQN, ...], or auth: {file: ...}",
        )
