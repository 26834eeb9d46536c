"""The keys of a guest -> the machine they describe, with stable addresses and paths."""

from __future__ import annotations

import hashlib
import uuid

from hactl.derive.rbd_attachment import NATIVE
from hactl.libvirt_xml import Ceph, Disk, Machine, Nic
from hactl.topology.schema import guests as schema
from hactl.topology.schema.document import Document
from hactl.topology.schema.networks import Network
from hactl.topology.schema.storage import Rbd, Storage
from hactl.topology.types import vlan_numbers

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
        if disk.path:
            found.append(Disk(disk.path, disk.format or usual_format(disk.path), disk.bus))
        elif disk.storage in document.storage:
            count = in_storage.get(disk.storage, 0)
            in_storage[disk.storage] = count + 1
            stem = f"{name}-{count}" if count else name
            found.append(stored(document.storage[disk.storage], disk, stem))
    return tuple(found)


def usual_format(path: str) -> str:
    return "raw" if path.startswith("/dev/") else "qcow2"


def stored(storage: Storage, disk: schema.Disk, stem: str) -> Disk:
    """Return a disk in a storage, where ``stem`` is what it is called if nobody said."""
    if isinstance(storage, Rbd):
        return image(storage, disk)
    form = disk.format or storage.usual_format
    return Disk(storage.disk_path(stem, disk.volume, form), form, disk.bus)


def image(storage: Rbd, disk: schema.Disk) -> Disk:
    form = disk.format or "raw"
    if storage.attach not in (None, NATIVE):
        return Disk(storage.root, form, disk.bus, storage.read_only)
    ceph = Ceph(storage.client or "admin", storage.secret or "", storage.conf or "")
    return Disk(storage.image, form, disk.bus, storage.read_only, ceph)


def nics(document: Document, name: str, guest: schema.Guest) -> tuple[Nic, ...]:
    cluster = document.cluster.name
    return tuple(
        Nic(
            bridge=document.networks[nic.network].bridge,
            mac=(nic.mac or mac(cluster, name, index)).lower(),
            model=nic.model,
            port=port(document.networks[nic.network], f"{cluster}/{name}/{index}"),
            vlans=(nic.vlan,) if nic.vlan else tuple(vlan_numbers(nic.vlans)),
            trunk=bool(nic.vlans),
        )
        for index, nic in enumerate(guest.nics)
        if nic.network in document.networks
    )


def port(network: Network, whose: str) -> str:
    """Return the id of an interface's port on an Open vSwitch bridge, which outlives migrations."""
    if not network.tags_ports:
        return ""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"hactl:{whose}"))


def mac(cluster: str, guest: str, index: int) -> str:
    """Return the address of a guest's interface: always the same for the same names."""
    digest = hashlib.sha256(f"{cluster}/{guest}/{index}".encode()).hexdigest()
    return ":".join((LOCAL_ADMINISTERED, digest[0:2], digest[2:4], digest[4:6]))
