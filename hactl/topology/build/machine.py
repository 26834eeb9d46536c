"""The keys of a guest -> the machine they describe, with stable addresses and paths."""

from __future__ import annotations

import hashlib
import uuid

from hactl.model.domain import Disk, Machine, Nic
from hactl.topology.schema import guests as schema
from hactl.topology.schema.document import Document

LOCAL_ADMINISTERED = "52:54:00"
DEFAULT_MEMORY = 1 << 30


def machine(document: Document, name: str, guest: schema.Guest) -> Machine:
    cluster = document.cluster.name
    hardware = guest.machine
    return Machine(
        name=name,
        uuid=str(uuid.uuid5(uuid.NAMESPACE_URL, f"hactl:{cluster}/{name}")),
        type=hardware.type,
        chipset=hardware.chipset,
        cpu=hardware.cpu or ("host-model" if hardware.type == "kvm" else ""),
        memory=guest.max_memory or guest.memory or DEFAULT_MEMORY,
        vcpus=guest.max_cpus or guest.cpus or 1,
        disks=disks(document, name, guest),
        nics=nics(document, name, guest),
        kernel=guest.kernel or "",
        initrd=guest.initrd or "",
        cmdline=guest.cmdline or "",
        guest_agent=guest.agent is True,
    )


def disks(document: Document, name: str, guest: schema.Guest) -> tuple[Disk, ...]:
    """Return the disks; the first in a storage is NAME.qcow2, the second NAME-1.qcow2."""
    found: list[Disk] = []
    in_storage: dict[str, int] = {}
    for disk in guest.disks:
        path = disk.path
        if disk.storage in document.storage and not path:
            count = in_storage.get(disk.storage, 0)
            in_storage[disk.storage] = count + 1
            stem = f"{name}-{count}" if count else name
            path = f"{document.storage[disk.storage].path}/{stem}.{disk.format}"
        if path:
            found.append(Disk(path, disk.format, disk.bus))
    return tuple(found)


def nics(document: Document, name: str, guest: schema.Guest) -> tuple[Nic, ...]:
    return tuple(
        Nic(
            bridge=document.networks[nic.network].bridge,
            mac=(nic.mac or mac(document.cluster.name, name, index)).lower(),
            model=nic.model,
        )
        for index, nic in enumerate(guest.nics)
        if nic.network in document.networks
    )


def mac(cluster: str, guest: str, index: int) -> str:
    """Return the address of a guest's interface: always the same for the same names."""
    digest = hashlib.sha256(f"{cluster}/{guest}/{index}".encode()).hexdigest()
    return ":".join((LOCAL_ADMINISTERED, digest[0:2], digest[2:4], digest[4:6]))
