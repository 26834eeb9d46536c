"""A host with a real libvirtd, and guests on it that do nothing."""

from __future__ import annotations

from tests.support.libvirt_host import LibvirtHost

# no disk and no kernel: the firmware alone runs, which is a QEMU as good as any
GUEST = """
<domain type='qemu'><name>{name}</name><memory unit='MiB'>32</memory>
<os><type arch='x86_64'>hvm</type></os>
<devices><emulator>/usr/bin/qemu-system-x86_64</emulator></devices></domain>
"""


class SixToo(LibvirtHost):
    """A host whose libvirtd listens on IPv6 as well."""

    def lay_out(self) -> None:
        super().lay_out()
        conf = self.dir / "etc/libvirtd.conf"
        conf.write_text(conf.read_text().replace('"0.0.0.0"', '"::"'))


def boot(host: LibvirtHost, name: str, *, transient: bool = False) -> None:
    path = host.dir / f"{name}.xml"
    path.write_text(GUEST.format(name=name))
    if transient:
        host.virsh("create", str(path))
    else:
        host.virsh("define", str(path))
        host.virsh("start", name)
    assert host.guest_pid(name)
