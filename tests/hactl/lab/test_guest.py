"""The tiny guest: its archive, its modules, its definition."""

from __future__ import annotations

import gzip
import lzma
import shutil
import subprocess
from pathlib import Path

import pytest
from lxml import etree

from hactl.errors import HactlError
from hactl.lab import cpio, kernel
from hactl.lab.guest import GuestSpec, domain_xml, initrd
from hactl.lab.kernel import Kernel, dependencies, packages_in

DOMAIN_SCHEMA = Path("/usr/share/libvirt/schemas/domain.rng")
SPEC = GuestSpec(
    "web1", 300, "10.77.10.51/24", "br0", "/srv/vms/vmlinuz", "/srv/vms/initrd.img", "/tmp/c"
)


def test_cpio_unpacks_the_archive(tmp_path: Path) -> None:
    if shutil.which("cpio") is None:
        pytest.skip("cpio is not installed")
    entries = [
        cpio.folder("bin"),
        cpio.program("bin/run", b"#!/bin/sh\n"),
        cpio.file("odd", b"12345"),
        cpio.file("empty", b""),
    ]
    archive = cpio.archive(entries)
    subprocess.run(["cpio", "-id", "--quiet"], input=archive, cwd=tmp_path, check=True)
    assert (tmp_path / "bin/run").read_bytes() == b"#!/bin/sh\n"
    assert (tmp_path / "bin/run").stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "odd").read_bytes() == b"12345"
    assert (tmp_path / "empty").read_bytes() == b""


@pytest.fixture
def a_kernel(tmp_path: Path) -> Kernel:
    """A kernel with four modules, packed in as many ways as distributions do."""
    image = tmp_path / "boot/vmlinuz-6.1"
    folder = tmp_path / "lib/modules/6.1/kernel/net"
    for path in (image.parent, folder):
        path.mkdir(parents=True)
    image.write_bytes(b"kernel")
    modules = {"virtio_net": "virtio,net_failover", "net_failover": "failover", "failover": ""}
    for name, needs in modules.items():
        content = b"\x7fELF\0depends=" + needs.encode() + b"\0name=" + name.encode() + b"\0"
        (folder / f"{name}.ko").write_bytes(content)
    (folder / "virtio.ko.xz").write_bytes(lzma.compress(b"\x7fELF\0depends=\0name=virtio\0"))
    return kernel.beside(image)


def test_modules_come_in_an_order_in_which_they_load(a_kernel: Kernel) -> None:
    order = list(a_kernel.with_dependencies(["virtio_net", "button"]))
    assert order == ["virtio", "failover", "net_failover", "virtio_net"]


def test_dependencies_are_read_from_the_module() -> None:
    assert dependencies(b"x\0depends=a,b\0y") == ["a", "b"]
    assert dependencies(b"x\0depends=\0y") == []
    assert dependencies(b"nothing") == []


def test_the_initrd_holds_init_busybox_and_modules(a_kernel: Kernel) -> None:
    archive = gzip.decompress(initrd(a_kernel, b"BUSYBOX"))
    for name in (b"init", b"bin/busybox", b"modules/virtio_net.ko", b"dev/console", b"BUSYBOX"):
        assert name in archive


def test_a_kernel_without_its_modules_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HactlError, match="its modules are not in"):
        kernel.beside(tmp_path / "boot/vmlinuz-1.0")


def test_meta_packages_lead_to_real_ones() -> None:
    debian = "linux-image-cloud-amd64\n  Depends: linux-image-6.1.0-56-cloud-amd64\n"
    assert list(packages_in(debian)) == ["linux-image-6.1.0-56-cloud-amd64"]
    ubuntu = "linux-image-virtual\n  Depends: linux-image-6.8.0-51-generic\n"
    assert list(packages_in(ubuntu)) == [
        "linux-image-6.8.0-51-generic",
        "linux-modules-6.8.0-51-generic",
    ]
    sid = (
        "linux-image-7.2.13+deb14-cloud-amd64\n  PreDepends: linux-base\n |Depends: dracut\n"
        "  Depends: linux-base-7.2.13+deb14-cloud-amd64\n"
        "  Depends: linux-binary-7.2.13+deb14-cloud-amd64\n"
        "  Depends: linux-modules-7.2.13+deb14-cloud-amd64\n  Suggests: linux-doc-7.2\n"
    )
    version = "7.2.13+deb14-cloud-amd64"
    parts = [f"linux-{part}-{version}" for part in ("base", "binary", "modules")]
    assert list(packages_in(sid)) == parts


def test_a_kernel_may_lie_beside_its_modules(tmp_path: Path) -> None:
    folder = tmp_path / "root/usr/lib/modules/7.2.13"
    folder.mkdir(parents=True)
    (folder / "vmlinuz").touch()
    assert kernel.cached(tmp_path) == Kernel(folder / "vmlinuz", folder)


def test_libvirts_own_schema_accepts_the_definition() -> None:
    if not DOMAIN_SCHEMA.exists():
        pytest.skip(f"{DOMAIN_SCHEMA} is not installed")
    etree.RelaxNG(file=str(DOMAIN_SCHEMA)).assertValid(etree.fromstring(domain_xml(SPEC)))


def test_two_guests_are_two_and_one_is_the_same_everywhere() -> None:
    one, other = (etree.fromstring(domain_xml(spec)) for spec in (SPEC, renumbered(301)))
    assert domain_xml(SPEC) == domain_xml(SPEC)
    assert one.findtext("uuid") != other.findtext("uuid")
    assert one.find(".//mac").get("address") == "52:54:00:77:01:2c"


def renumbered(number: int) -> GuestSpec:
    return GuestSpec("web2", number, "10.77.10.52/24", "br0", "/k", "/i", "/c")
