"""A machine -> the libvirt domain XML that makes it; the same machine always gives the same XML."""

from __future__ import annotations

from dataclasses import dataclass
from string import ascii_lowercase

from lxml import etree
from lxml.etree import _Element

PREFIXES = {"virtio": "vd", "scsi": "sd", "sata": "sd"}
NAMED_MODES = ("host-model", "host-passthrough")


@dataclass(frozen=True, slots=True)
class Ceph:
    """How QEMU itself opens an image; ``secret`` is the UUID of libvirt's secret with the key."""

    client: str = ""
    secret: str = ""
    conf: str = ""


@dataclass(frozen=True, slots=True)
class Disk:
    """``path`` is a file or device; with ``ceph`` it is an image, POOL/IMAGE."""

    path: str
    format: str = "qcow2"
    bus: str = "virtio"
    read_only: bool = False
    ceph: Ceph | None = None


@dataclass(frozen=True, slots=True)
class Nic:
    """``port`` is the id of its port on an Open vSwitch bridge, empty on a Linux bridge.

    With one of ``vlans`` it is in that VLAN; several it gets with their tags (``trunk``).
    """

    bridge: str
    mac: str
    model: str = "virtio"
    port: str = ""
    vlans: tuple[int, ...] = ()
    trunk: bool = False


@dataclass(frozen=True, slots=True)
class Machine:
    """A virtual machine; ``memory`` in bytes, ``cpu`` a model, a mode, or empty for the default."""

    name: str
    uuid: str
    memory: int
    vcpus: int = 1
    type: str = "kvm"
    chipset: str = "q35"
    cpu: str = ""
    disks: tuple[Disk, ...] = ()
    nics: tuple[Nic, ...] = ()
    kernel: str = ""
    initrd: str = ""
    cmdline: str = ""
    guest_agent: bool = False


def domain(machine: Machine) -> str:
    """Return the domain XML in one line."""
    root = etree.Element("domain", type=machine.type)
    add(root, "name", machine.name)
    add(root, "uuid", machine.uuid)
    add(root, "memory", str(machine.memory // 1024), unit="KiB")
    add(root, "vcpu", str(machine.vcpus))
    add_os(root, machine)
    features = add(root, "features")
    add(features, "acpi")
    add(features, "apic")
    add_cpu(root, machine.cpu)
    add(root, "clock", offset="utc")
    for event, reaction in (("poweroff", "destroy"), ("reboot", "restart"), ("crash", "destroy")):
        add(root, f"on_{event}", reaction)
    add_devices(add(root, "devices"), machine)
    return etree.tostring(root, encoding="unicode")


def add_os(root: _Element, machine: Machine) -> None:
    os = add(root, "os")
    add(os, "type", "hvm", arch="x86_64", machine=machine.chipset)
    for tag in ("kernel", "initrd", "cmdline"):
        if value := getattr(machine, tag):
            add(os, tag, value)
    if not machine.kernel:
        add(os, "boot", dev="hd")


def add_cpu(root: _Element, cpu: str) -> None:
    if cpu in NAMED_MODES:
        add(root, "cpu", mode=cpu)
    elif cpu:
        model = add(root, "cpu", mode="custom", match="exact")
        add(model, "model", cpu, fallback="forbid")


def add_devices(devices: _Element, machine: Machine) -> None:
    if any(disk.bus == "scsi" for disk in machine.disks):
        add(devices, "controller", type="scsi", model="virtio-scsi")
    names = dict.fromkeys(PREFIXES.values(), 0)
    for disk in machine.disks:
        prefix = PREFIXES[disk.bus]
        add_disk(devices, disk, prefix + letters(names[prefix]))
        names[prefix] += 1
    for nic in machine.nics:
        interface = add(devices, "interface", type="bridge")
        add(interface, "mac", address=nic.mac)
        add(interface, "source", bridge=nic.bridge)
        add_port(interface, nic)
        add(interface, "model", type=nic.model)
    add(add(devices, "serial", type="pty"), "target", port="0")
    add(add(devices, "console", type="pty"), "target", type="serial", port="0")
    if machine.guest_agent:
        channel = add(devices, "channel", type="unix")
        add(channel, "target", type="virtio", name="org.qemu.guest_agent.0")
    add(devices, "memballoon", model="virtio")
    rng = add(devices, "rng", model="virtio")
    add(rng, "backend", "/dev/urandom", model="random")


def add_port(interface: _Element, nic: Nic) -> None:
    if nic.port:
        add(add(interface, "virtualport", type="openvswitch"), "parameters", interfaceid=nic.port)
    if nic.vlans:
        tags = add(interface, "vlan", **({"trunk": "yes"} if nic.trunk else {}))
        for vlan in nic.vlans:
            add(tags, "tag", id=str(vlan))


def add_disk(devices: _Element, disk: Disk, target: str) -> None:
    block = disk.path.startswith("/dev/")
    kind = "network" if disk.ceph else "block" if block else "file"
    device = add(devices, "disk", type=kind, device="disk")
    # cache=none: a migration is only safe if the host's page cache holds nothing back.
    add(device, "driver", name="qemu", type=disk.format, cache="none", discard="unmap")
    if disk.ceph:
        add_image(device, disk.path, disk.ceph)
    else:
        add(device, "source", **{"dev" if block else "file": disk.path})
    add(device, "target", dev=target, bus=disk.bus)
    if disk.read_only:
        add(device, "readonly")


def add_image(device: _Element, image: str, ceph: Ceph) -> None:
    if ceph.secret:
        auth = add(device, "auth", username=ceph.client)
        add(auth, "secret", type="ceph", uuid=ceph.secret)
    source = add(device, "source", protocol="rbd", name=image)
    if ceph.conf:
        add(source, "config", file=ceph.conf)


def letters(index: int) -> str:
    """Return a, b ... z, aa, ab ...: how disks are named."""
    high, low = divmod(index, 26)
    return (letters(high - 1) if high else "") + ascii_lowercase[low]


def add(parent: _Element, tag: str, text: str = "", **attributes: str) -> _Element:
    element = etree.SubElement(parent, tag, attributes)
    if text:
        element.text = text
    return element
