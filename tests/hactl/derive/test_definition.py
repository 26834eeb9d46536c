"""Files that the topology points to: libvirt XML and LXC configs."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hactl.derive.definition import Definition, Illegible, container_config, guest_definition
from tests.hactl.topologies import BASE, said

GUEST = BASE + "guests:\n  db1: {definition: /srv/vms/db1.xml}\n"
CONTAINER = BASE + "containers:\n  c1: {path: /srv/vms/c1}\n"
PATH = "/srv/vms/db1.xml"


def test_disks_bridges_and_sizes_are_found() -> None:
    found = guest_definition(
        b"""<domain type="kvm"><name>a</name><memory unit="MiB">512</memory><vcpu>2</vcpu>
        <devices>
          <disk type="file"><source file="/a.qcow2"/></disk>
          <disk type="block"><source dev="/dev/vg/a"/></disk>
          <interface type="bridge">
            <mac address="52:54:00:AA:00:01"/><source bridge="br0"/>
          </interface>
          <interface type="network"><source network="default"/></interface>
        </devices></domain>"""
    )
    assert found == Definition(
        name="a",
        memory=512 << 20,
        vcpus=2,
        bridges=("br0",),
        disks=("/a.qcow2", "/dev/vg/a"),
        macs=("52:54:00:aa:00:01",),
    )


@pytest.mark.parametrize(
    ("memory", "size"),
    [
        ("<memory>1048576</memory>", 1 << 30),
        ('<memory unit="G">1</memory>', 1 << 30),
        ('<memory unit="MB">1</memory>', 10**6),
        ("<memory>much</memory>", None),
        ("", None),
    ],
)
def test_memory_is_counted_in_its_unit(memory: str, size: int | None) -> None:
    assert guest_definition(f"<domain>{memory}</domain>".encode()).memory == size


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is not XML: Document is empty"),
        ("<domain>", "is not XML: Premature end of data"),
        ("<network/>", "is not a libvirt domain but <network>"),
    ],
)
def test_a_definition_that_makes_no_sense_is_an_error(text: str, message: str) -> None:
    (line,) = said(GUEST, {PATH: text})
    assert line.startswith(f"t.yaml:10: guests.db1.definition: {PATH} {message}")


def test_a_definition_that_cannot_be_read_is_a_warning() -> None:
    assert said(GUEST) == [
        f"t.yaml:10: warning: guests.db1.definition: {PATH} cannot be read here: no such file or "
        "directory; what it needs is not inferred; check on a node that has it, or say "
        "networks: and memory: by hand"
    ]


def test_what_is_said_by_hand_needs_no_definition() -> None:
    text = GUEST.replace("db1.xml", "db1.xml, memory: 4GiB, networks: [lan]")
    assert said(text) == []


def test_no_file_is_opened_for_an_entity() -> None:
    text = '<!DOCTYPE d [<!ENTITY f SYSTEM "file:///etc/passwd">]><domain><name>&f;</name></domain>'
    assert guest_definition(text.encode()).name == ""


def test_an_entity_bomb_does_not_explode() -> None:
    pairs = zip("abcdefgh", "bcdefghi", strict=True)
    entities = "".join(f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in pairs)
    text = f'<!DOCTYPE d [<!ENTITY a "x">{entities}]><domain><name>&i;</name></domain>'
    with suppress(Illegible):  # newer libxml2 refuses it, older ones leave it alone
        assert guest_definition(text.encode()).name == ""


def test_a_disk_outside_every_storage_is_reported() -> None:
    text = '<domain><memory>1</memory><devices><disk><source file="/x"/></disk></devices></domain>'
    assert said(GUEST, {PATH: text}) == [
        "t.yaml:10: warning: guests.db1: /x is in no storage of this file; "
        "make sure every node has it, or add the storage it is in"
    ]


def test_a_bridge_outside_every_network_is_reported() -> None:
    text = '<domain><devices><interface><source bridge="br9"/></interface></devices></domain>'
    assert said(GUEST, {PATH: text}) == [
        "t.yaml:10: warning: guests.db1.definition: is plugged into br9, which is not a network of "
        "this file; make sure every node has it, or add it to networks"
    ]


def test_a_mac_address_that_another_guest_has_is_an_error() -> None:
    text = GUEST + (
        "  web1: {cpus: 1, memory: 1GiB, disks: [vms], "
        "nics: [{network: lan, mac: 52:54:00:aa:00:01}]}\n"
    )
    nic = '<interface><mac address="52:54:00:AA:00:01"/></interface>'
    xml = f"<domain><devices>{nic}</devices></domain>"
    assert said(text, {PATH: xml}) == [
        "t.yaml:10: guests.db1: the MAC address 52:54:00:aa:00:01 is also that of "
        "guests.web1.nics[0]; give it to one"
    ]


def test_a_definition_in_libvirts_own_folder_is_refused() -> None:
    text = GUEST.replace(PATH, "/etc/libvirt/qemu/db1.xml, memory: 1GiB, networks: []")
    assert said(text) == [
        "t.yaml:10: guests.db1.definition: /etc/libvirt/ belongs to libvirt, which may remove the "
        "file; keep it on storage that all nodes share"
    ]


def test_a_definition_says_what_the_machine_is() -> None:
    text = GUEST.replace("db1.xml", "db1.xml, memory: 1GiB, networks: [], disks: [vms]")
    assert said(text) == [
        "t.yaml:10: guests.db1.disks: the definition says that already; remove disks, or "
        "definition; name what it needs with storage: and networks:"
    ]


def test_the_config_of_a_container_is_read() -> None:
    found = container_config(
        b"# lxc.net.1.link = br9\nlxc.net.0.link=br0\nlxc.net.0.hwaddr = 00:16:3E:00:00:01\n"
        b"lxc.rootfs.path = overlay:/srv/base:/srv/c1\nlxc.uts.name = c1\nnonsense\n"
    )
    assert found == Definition(
        bridges=("br0",),
        disks=("/srv/base",),
        macs=("00:16:3e:00:00:01",),
        vlans=(("br0", 0),),
    )


def test_a_container_outside_every_storage_is_reported() -> None:
    text = CONTAINER.replace("/srv/vms/c1", "/var/lib/lxc/c1, networks: [lan]")
    assert said(text) == [
        "t.yaml:10: warning: containers.c1: /var/lib/lxc/c1 is in no storage of this file; "
        "make sure every node has it, or add the storage it is in"
    ]


def test_a_binary_config_is_an_error() -> None:
    assert said(CONTAINER, {"/srv/vms/c1/config": "\x00"}) == [
        "t.yaml:10: containers.c1.path: /srv/vms/c1/config is not text, or larger than 1 MiB; "
        "mend the file"
    ]


@given(st.binary() | st.text().map(str.encode))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    for read in (guest_definition, container_config):
        try:
            assert isinstance(read(data), Definition)
        except Illegible as exc:
            assert str(exc)
