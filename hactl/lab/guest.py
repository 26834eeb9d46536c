"""A tiny KVM guest to try things with: a distribution's kernel, busybox, and a page on port 80.

It boots in a few seconds even where QEMU has to emulate the processor.
"""

from __future__ import annotations

import gzip
import importlib.resources
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

from hactl.errors import HactlError
from hactl.lab import cpio
from hactl.lab import kernel as kernels

BUSYBOX = ("/bin/busybox", "/usr/bin/busybox")
MODULES = ["virtio_pci", "virtio_net", "virtio_blk", "virtio_balloon", "virtio-rng"]
MODULES += ["button", "evdev"]
MEMORY = 128  # MiB
# On a busy host the timer of an emulated machine is late for the kernel's test of it: a panic.
KERNEL_ARGUMENTS = "console=ttyS0 quiet panic=1 no_timer_check"

TEMPLATE = """\
<domain type={kind}>
  <name>{name}</name>
  <uuid>{uuid}</uuid>
  <memory unit="MiB">{memory}</memory>
  <vcpu>1</vcpu>
  <os>
    <type arch="x86_64" machine="pc">hvm</type>
    <kernel>{kernel}</kernel>
    <initrd>{initrd}</initrd>
    <cmdline>{cmdline}</cmdline>
  </os>
  <features><acpi/></features>
  <clock offset="utc"/>
  <on_poweroff>destroy</on_poweroff>
  <on_reboot>restart</on_reboot>
  <on_crash>destroy</on_crash>
  <devices>
    <interface type="bridge">
      <mac address={mac}/>
      <source bridge={bridge}/>
      <model type="virtio"/>
      <rom bar="off"/>
    </interface>
    <serial type="file">
      <source path={console} append="on"/>
    </serial>
    <memballoon model="virtio"/>
    <rng model="virtio"><backend model="random">/dev/urandom</backend></rng>
  </devices>
</domain>
"""


@dataclass(frozen=True, slots=True)
class GuestFiles:
    """What a guest boots from."""

    kernel: Path
    initrd: Path


@dataclass(frozen=True, slots=True)
class GuestSpec:
    """One guest. ``address`` is like 10.77.10.51/24; ``memory`` is in MiB.

    ``number`` makes its MAC address and UUID, the same on every node.
    """

    name: str
    number: int
    address: str
    bridge: str
    kernel: str
    initrd: str
    console: str
    memory: int = MEMORY
    kind: str = "qemu"  # emulation; "kvm" where the processor helps


def make(
    folder: Path, image: Path | None = None, progress: Callable[[str], None] = lambda _text: None
) -> GuestFiles:
    """Put ``vmlinuz`` and ``initrd.img`` into ``folder``. Raises HactlError."""
    kernel = kernels.find(image, cache_folder(), progress)
    progress(f"packing {kernel.image.name}")
    folder.mkdir(parents=True, exist_ok=True)
    files = GuestFiles(folder / "vmlinuz", folder / "initrd.img")
    shutil.copyfile(kernel.image, files.kernel)
    files.initrd.write_bytes(initrd(kernel, busybox()))
    return files


def cache_folder() -> Path:
    home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(home) / "hactl" / "kernel"


def busybox() -> bytes:
    """A busybox that needs no libraries. Raises HactlError."""
    for path in BUSYBOX:
        if Path(path).exists():
            data = Path(path).read_bytes()
            if b"/lib64/ld-linux" not in data[:4096]:
                return data
    raise HactlError("the guest needs a static busybox", "apt install busybox-static")


def initrd(kernel: kernels.Kernel, busybox: bytes) -> bytes:
    """The guest's whole file system."""
    modules = kernel.with_dependencies(MODULES)
    init = importlib.resources.files("hactl.lab").joinpath("files", "guest-init").read_bytes()
    order = "".join(f"{name}.ko\n" for name in modules)
    entries = [
        *(cpio.folder(path) for path in ("bin", "dev", "modules")),
        cpio.character_device("dev/console", 5, 1),
        cpio.program("bin/busybox", busybox),
        cpio.program("init", init),
        cpio.file("modules/order", order.encode()),
        *(cpio.file(f"modules/{name}.ko", content) for name, content in modules.items()),
    ]
    return gzip.compress(cpio.archive(entries), compresslevel=6, mtime=0)


def domain_xml(spec: GuestSpec) -> str:
    """The libvirt definition of a guest."""
    return TEMPLATE.format(
        kind=quoteattr(spec.kind),
        name=escape(spec.name),
        uuid=f"6861c71a-6e2f-4b7e-8000-{spec.number:012x}",
        memory=spec.memory,
        kernel=escape(spec.kernel),
        initrd=escape(spec.initrd),
        cmdline=escape(f"{KERNEL_ARGUMENTS} ip={spec.address} hactl.name={spec.name}"),
        mac=quoteattr("52:54:00:77:{:02x}:{:02x}".format(*divmod(spec.number, 256))),
        bridge=quoteattr(spec.bridge),
        console=quoteattr(spec.console),
    )
