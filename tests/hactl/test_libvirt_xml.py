"""Domain XML: libvirt's own schema accepts it, and nothing can be smuggled into it."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from hactl.libvirt_xml import Ceph, Disk, Machine, Nic, domain, letters

SCHEMA = Path("/usr/share/libvirt/schemas/domain.rng")
UUID = "6725aeb6-b450-52be-9795-9ae9de03cef8"
PLAIN = Machine("web1", UUID, 1 << 30)
FULL = Machine(
    name="web1",
    uuid=UUID,
    memory=1 << 30,
    vcpus=4,
    cpu="host-model",
    disks=(
        Disk("/srv/vms/web1.qcow2"),
        Disk("/dev/vg/web1", "raw", "scsi"),
        Disk("/a", bus="sata"),
    ),
    nics=(Nic("br-lan", "52:54:00:00:00:01"), Nic("br-san", "52:54:00:00:00:02", "e1000e")),
    guest_agent=True,
)
KERNEL = Machine(
    "tiny", UUID, 128 << 20, type="qemu", chipset="pc", cpu="qemu64", kernel="/k", initrd="/i",
    cmdline="console=ttyS0",
)  # fmt: skip

SHARED = Machine(
    "shared", UUID, 1 << 30,
    disks=(
        Disk("vms/prod/web1", "raw", ceph=Ceph("hactl", UUID, "/etc/ceph/vms.conf")),
        Disk("vms/iso", "raw", "sata", read_only=True, ceph=Ceph()),
    ),
    nics=(
        Nic("br-lan", "52:54:00:00:00:01", port=UUID, vlans=(10,)),
        Nic("br-lan", "52:54:00:00:00:02", port=UUID, vlans=(20, 21), trunk=True),
    ),
)  # fmt: skip

ALL = [PLAIN, FULL, KERNEL, SHARED]
NAMES = ["plain", "full", "kernel", "shared"]
needs_libvirt = pytest.mark.skipif(not SCHEMA.exists(), reason="libvirt is not installed")


@needs_libvirt
@pytest.mark.parametrize("machine", ALL, ids=NAMES)
def test_libvirts_schema_accepts_it(machine: Machine) -> None:
    schema = etree.RelaxNG(etree.parse(str(SCHEMA)))
    schema.assertValid(etree.fromstring(domain(machine)))


@needs_libvirt
@pytest.mark.backend
@pytest.mark.parametrize("machine", ALL, ids=NAMES)
def test_libvirt_defines_it(machine: Machine) -> None:
    libvirt = pytest.importorskip("libvirt")
    connection = libvirt.open("test:///default")
    try:
        assert connection.defineXML(domain(machine)).name() == machine.name
    finally:
        connection.close()


def test_disks_are_named_by_their_bus() -> None:
    found = etree.fromstring(domain(FULL)).xpath("devices/disk/target/@dev")
    assert found == ["vda", "sda", "sdb"]
    assert [letters(n) for n in (0, 25, 26, 27, 701)] == ["a", "z", "aa", "ab", "zz"]


def test_a_block_device_is_no_file() -> None:
    sources = etree.fromstring(domain(FULL)).findall("devices/disk/source")
    assert [dict(source.attrib) for source in sources] == [
        {"file": "/srv/vms/web1.qcow2"},
        {"dev": "/dev/vg/web1"},
        {"file": "/a"},
    ]


def test_qemu_opens_an_image_itself() -> None:
    (disk, other) = etree.fromstring(domain(SHARED)).iterfind("devices/disk")
    assert disk.get("type") == "network"
    assert disk.find("source").attrib == {"protocol": "rbd", "name": "vms/prod/web1"}
    assert disk.find("auth").get("username") == "hactl"
    assert disk.find("auth/secret").attrib == {"type": "ceph", "uuid": UUID}
    assert disk.find("source/config").get("file") == "/etc/ceph/vms.conf"
    assert (other.find("auth"), other.find("readonly") is None) == (None, False)


def test_an_interface_is_in_a_vlan_or_gets_several() -> None:
    (one, several) = etree.fromstring(domain(SHARED)).iterfind("devices/interface")
    assert one.find("virtualport").get("type") == "openvswitch"
    assert (one.find("vlan").attrib, len(one.find("vlan"))) == ({}, 1)
    assert [tag.get("id") for tag in several.iterfind("vlan[@trunk='yes']/tag")] == ["20", "21"]


def test_a_guest_boots_from_its_disk_or_its_kernel() -> None:
    assert etree.fromstring(domain(FULL)).find("os/boot") is not None
    direct = etree.fromstring(domain(KERNEL))
    assert direct.findtext("os/kernel") == "/k"
    assert direct.find("os/boot") is None


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn"])))
def test_no_value_becomes_markup(text: str) -> None:
    machine = Machine("web1", UUID, 1 << 30, kernel="/k", cmdline=f'x"><y/>]]>&z;{text}')
    again = etree.fromstring(domain(machine))
    assert again.findtext("os/cmdline") == f'x"><y/>]]>&z;{text}'
