"""The command line of a node's QEMU. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hactl_vmlab.accelerator import Accelerator
from hactl_vmlab.box import Box
from hactl_vmlab.definition import Definition, Node
from hactl_vmlab.network import boot_arguments, mac, port

OVERHEAD = 350  # MiB of a QEMU beyond its guest's memory (translated code, buffers)

KERNEL_ARGUMENTS = (
    *("root=/dev/vda", "rw", "console=ttyS0", "net.ifnames=0", "mitigations=off", "quiet"),
    "systemd.show_status=0",
    # on a busy host the timer of an emulated machine is late for the kernel's test of it: a panic
    "no_timer_check",
)


@dataclass(frozen=True, slots=True)
class Files:
    """Where the files of a lab's nodes are."""

    folder: Path

    def overlay(self, node: Node) -> Path:
        return self.folder / f"{node.name}.qcow2"

    def console(self, node: Node) -> Path:
        return self.folder / f"{node.name}.console"

    def monitor(self, node: Node) -> Path:
        return self.folder / f"{node.name}.qmp"

    def disk(self, name: str) -> Path:
        return self.folder / f"disk-{name}.img"


def command(
    lab: Definition, node: Node, box: Box, files: Files, accelerator: Accelerator
) -> list[str]:
    """Start ``node``; it says what happens to it on the monitor, and its console goes to a file."""
    arguments = [*KERNEL_ARGUMENTS, f"systemd.hostname={node.name}", *boot_arguments(lab, node)]
    return [
        *("qemu-system-x86_64", "-name", node.name, "-M", "q35", *accelerator.arguments),
        *("-smp", str(node.cpus), "-m", str(node.memory)),
        *("-nodefaults", "-no-user-config", "-display", "none"),
        *("-kernel", str(box.kernel), "-initrd", str(box.initrd), "-append", " ".join(arguments)),
        *drive("root", f"file={files.overlay(node)},format=qcow2,cache=unsafe"),
        *shared_disks(lab, files),
        *network_cards(lab, node),
        *("-object", "rng-random,id=rng0,filename=/dev/urandom"),
        *("-device", "virtio-rng-pci,rng=rng0"),
        *("-chardev", f"file,id=console,path={files.console(node)},append=on"),
        *("-serial", "chardev:console"),
        *("-qmp", f"unix:{files.monitor(node)},server=on,wait=off"),
    ]


def drive(name: str, what: str, options: str = "") -> list[str]:
    device = f"virtio-blk-pci,drive={name},serial={name}{options}"
    return ["-drive", f"if=none,id={name},{what}", "-device", device]


def shared_disks(lab: Definition, files: Files) -> list[str]:
    """The host's cache is common to all nodes, so it cannot tear; it survives a dead QEMU."""
    found = []
    for name, _ in lab.disks:
        what = f"file={files.disk(name)},format=raw,cache=writeback,file.locking=off"
        found += drive(name, what, ",share-rw=on")
    return found


def network_cards(lab: Definition, node: Node) -> list[str]:
    found = []
    for network in lab.networks:
        name = f"net{network.port}"
        device = f"virtio-net-pci,netdev={name},mac={mac(node, network)},romfile="
        backend = f"tap,id={name},ifname={port(node, network)},script=no,downscript=no"
        found += ["-netdev", backend, "-device", device]
    return found
