"""What a VM lab is made of, what it refuses, and what it says to a machine that is not fit."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from hactl import intent
from hactl.errors import HactlError, TopologyError, UsageError
from hactl.lab.power import PowerSwitch
from hactl_vmlab import accelerator, box, definition, monitor, network, places, qemu
from hactl_vmlab import requirements as machine
from hactl_vmlab.accelerator import Accelerator
from hactl_vmlab.box import Box
from hactl_vmlab.daemon import Keeper
from hactl_vmlab.definition import Definition
from hactl_vmlab.libvirt_backend import Domains
from hactl_vmlab.topology import topology as topology_of

TEXT = places.DEFINITION.read_text()
BOX = Box(Path("/box"), "bookworm", "6.1", "digest")


@pytest.fixture
def lab() -> Definition:
    return definition.loads(TEXT)


def refusal(text: str) -> str:
    with pytest.raises(TopologyError) as caught:
        definition.loads(text, "lab.yaml")
    return str(caught.value)


def test_the_definition_of_the_project_has_what_the_tests_need(lab: Definition) -> None:
    assert [node.name for node in lab.nodes] == ["node1", "node2", "node3"]
    assert len(lab.links) == 2
    assert lab.management.port == 0
    assert dict(lab.disks).keys() == {"shared", "sbd"}


def test_a_node_is_added_by_one_line(lab: Definition) -> None:
    more = definition.loads(TEXT.replace("  node3: {}\n", "  node3: {}\n  node4: {memory: 1GiB}\n"))
    assert [node.name for node in more.nodes][len(lab.nodes) :] == ["node4"]
    assert more.nodes[-1].memory == 1024
    assert "10.78.1.14 node4 node4-link0" in network.hosts_file(more)


def test_a_ceph_is_where_the_file_says_or_else_in_the_last_node(lab: Definition) -> None:
    assert lab.ceph is not None
    assert lab.with_ceph() is lab
    without = definition.loads("".join(
        line for line in TEXT.splitlines(keepends=True) if not line.startswith("ceph:")
    ))  # fmt: skip
    assert without.ceph is None
    with_one = without.with_ceph()
    assert with_one.ceph is not None
    assert (with_one.ceph.name, with_one.ceph.memory) == ("node3", without.nodes[-1].memory + 512)
    assert "there is no node7; name one of nodes:" in refusal(f"{without.text}\nceph: node7\n")


def test_another_release_changes_nothing_but_the_box(lab: Definition) -> None:
    other = lab.with_suite("trixie")
    assert (lab.suite, other.suite) == ("bookworm", "trixie")
    assert other.nodes == lab.nodes
    assert other.networks == lab.networks
    assert other.file.model_copy(update={"box": lab.file.box}) == lab.file
    assert lab.with_suite("bookworm") is lab


def test_a_misspelled_key_is_named_with_its_line() -> None:
    said = refusal(TEXT.replace("  memory: 768MiB", "  memroy: 768MiB"))
    line = next(n for n, text in enumerate(TEXT.splitlines(), 1) if "memory: 768MiB" in text)
    assert said == f"lab.yaml:{line}: machine.memroy: unknown key; did you mean 'memory'?"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("link0: 10.78.1.0/24", "link0: 10.78.0.0/24", "overlaps with management"),
        ("link0: 10.78.1.0/24", "link0:", "has no subnet"),
        ("link0: 10.78.1.0/24", "link0: 10.78.1.0/30", "is not a subnet for a lab"),
        ("node3: {}", "web: {}", "'web' is not a node"),
        ("node3: {}", "node0: {}", "'node0' is not a node"),
        ("suite: bookworm", "suite: woody", "write one of bookworm, trixie"),
        ("memory: 768MiB", "memory: 768", "write the unit"),
        ("port: 7410", "port: 80", "80 is less than 1024"),
    ],
)
def test_a_definition_that_cannot_be_is_refused(old: str, new: str, said: str) -> None:
    assert old in TEXT
    assert said in refusal(TEXT.replace(old, new, 1))


def test_the_topology_of_a_lab_is_one_that_hactl_takes(lab: Definition, tmp_path: Path) -> None:
    for name in ("kvm", "tcg"):
        path = tmp_path / f"{name}.yaml"
        path.write_text(topology_of(lab, name))
        cluster, _ = intent.read(str(path))
        assert [node.name for node in cluster.nodes] == [node.name for node in lab.nodes]
        assert cluster.totem.token == lab.timing(name).token


def test_waiting_is_longer_under_emulation(lab: Definition) -> None:
    fast, slow = lab.timing("kvm"), lab.timing("tcg")
    for name in type(fast).model_fields:
        assert getattr(slow, name) > getattr(fast, name), name


def test_no_two_cables_of_a_lab_share_a_name_or_an_address(lab: Definition) -> None:
    pairs = [(node, each) for node in lab.nodes for each in lab.networks]
    assert len({network.port(*pair) for pair in pairs}) == len(pairs)
    assert len({network.mac(*pair) for pair in pairs}) == len(pairs)
    assert all(len(network.port(*pair)) < 16 for pair in pairs)


def test_a_machine_has_its_ports_in_the_order_of_the_definition(lab: Definition) -> None:
    argv = qemu.command(lab, lab.nodes[0], BOX, qemu.Files(Path("/run")), Accelerator("tcg", ""))
    cards = [word for word in argv if word.startswith("tap,")]
    assert [card.split(",")[1] for card in cards] == [f"id=net{n}" for n in range(5)]
    kernel = argv[argv.index("-append") + 1]
    assert "ip=10.78.1.11:::255.255.255.0:node1:eth1:off" in kernel
    assert "eth4" not in kernel, "the lan port is for bridges"


def test_a_missing_kvm_is_told_with_its_mend(tmp_path: Path) -> None:
    device = tmp_path / "kvm"
    assert "load kvm_intel or kvm_amd" in accelerator.absent(device)
    device.touch()
    assert accelerator.absent(device) == ""


def test_an_accelerator_that_was_asked_for_is_not_silently_another() -> None:
    assert accelerator.choose("tcg", lambda: "").name == "tcg"
    with pytest.raises(HactlError, match="KVM does not work"):
        accelerator.choose("kvm", lambda: "the kernel says nothing")
    with pytest.raises(UsageError):
        accelerator.choose("xen", lambda: "")


def test_a_misspelled_accelerator_is_refused_before_a_box_is_built() -> None:
    argv = [sys.executable, "-m", "hactl_vmlab", "up", "--accelerator", "kwm"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 2
    assert "'kwm' is not one of 'auto', 'kvm', 'tcg'" in done.stderr
    assert "box" not in done.stderr


def test_the_choice_and_its_reason_are_said_aloud() -> None:
    assert "no /dev/kvm" in Accelerator("tcg", "no /dev/kvm").describe()
    assert "no nested virtualisation" in Accelerator("kvm", "").describe()
    assert "no nested" not in Accelerator("kvm", "", nested=True).describe()


def test_too_little_memory_is_said_before_anything_starts(lab: Definition) -> None:
    with pytest.raises(HactlError, match="3 nodes need 3866 MiB of memory, 3000 MiB are free"):
        machine.check_memory(lab, 3000)
    machine.check_memory(lab, 3866)


def test_too_little_disk_is_said_before_anything_starts(lab: Definition) -> None:
    with pytest.raises(HactlError, match="HACTL_VM_HOME"):
        machine.check_disk(lab, Path("/small"), 100)


def test_a_missing_program_is_named_with_its_package() -> None:
    with pytest.raises(HactlError, match="apt install qemu-utils"):
        machine.check_programs(lambda program: program != "qemu-img")


def test_a_missing_libvirt_is_said_with_its_mend() -> None:
    def refused() -> bytes:
        raise HactlError("virsh: error: failed to connect\nerror: No such file or directory")

    with pytest.raises(HactlError) as caught:
        machine.check_libvirt(refused)
    assert "libvirt does not answer: error: No such file or directory" in str(caught.value)
    assert "systemctl start libvirtd" in str(caught.value)
    assert machine.check_libvirt(lambda: b"vagrant_node1\n\n") == ["vagrant_node1"]


def test_a_port_in_use_is_said_with_its_mend() -> None:
    text = TEXT.replace("management: 10.78.0.0/24", "management: 127.78.0.0/24")
    taken = socket.create_server(("127.78.0.1", 0))
    with taken:
        lab = definition.loads(text.replace("port: 7410", f"port: {taken.getsockname()[1]}"))
        keeper = Keeper(lab, "plain", Domains(lab, Path("vagrant")), Accelerator("tcg", ""))
        with pytest.raises(
            HactlError, match=r"127\.78\.0\.1 port \d+: Address already in use; choose"
        ):
            keeper.power_socket()


def test_packages_are_chosen_by_suite() -> None:
    text = "# head\npacemaker\nold @bookworm\nnew !bookworm  # why\n\n"
    assert box.packages(text, "bookworm") == ["pacemaker", "old"]
    assert box.packages(text, "trixie") == ["pacemaker", "new"]


def test_a_changed_recipe_is_another_box(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HACTL_VM_HOME", str(tmp_path))
    before = box.recipe("bookworm", ["click>=8"])
    assert before == box.recipe("bookworm", ["click>=8"])
    assert before != box.recipe("bookworm", ["click>=9"])
    (tmp_path / "key.pub").write_text("another key")
    assert before != box.recipe("bookworm", ["click>=8"])


def test_a_damaged_box_is_not_booted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HACTL_VM_HOME", str(tmp_path))
    assert box.find("bookworm") is None
    folder = places.box("bookworm")
    folder.mkdir(parents=True)
    (folder / box.DESCRIPTION).write_text("{")
    with pytest.raises(HactlError, match="damaged"):
        box.find("bookworm")
    (folder / box.DESCRIPTION).write_text(BOX.describe())
    with pytest.raises(HactlError, match=r"lacks .*box\.img; vagrant/box/build"):
        box.find("bookworm")


def test_an_event_of_a_machine_is_told_from_a_reply() -> None:
    line = {
        "timestamp": {"seconds": 100, "microseconds": 500_000},
        "event": "RESET",
        "data": {"guest": True, "reason": "guest-reset"},
    }
    said = monitor.event("node1", json.dumps(line).encode())
    assert said == monitor.Event(100.5, "node1", "RESET", True)
    for other in (b'{"return": {}}', b'{"QMP": {}}', b"", b"[1]", b"\xff"):
        assert monitor.event("node1", other) is None


def test_the_power_switch_says_to_fence_agents_what_it_has_seen() -> None:
    on = {"node1", "node2"}
    switch = PowerSwitch(("node1", "node2"), on.__contains__, on.discard, on.add)
    assert switch.reply("off node2\n", "node1") == "ok off\n"
    assert switch.reply("list\n", "node1") == "ok node1 on\nnode2 off\n"
    assert switch.reply("status node9\n", "node1").startswith("error the lab has no node")
    assert switch.reply("explode\n", "node1").startswith("error the power switch knows")
    assert switch.history[0].by == "node1"


def test_vagrant_reads_the_same_definition() -> None:
    text = (places.VAGRANT / "Vagrantfile").read_text()
    assert "lab.yaml" in text
    for address in yaml.safe_load(TEXT)["networks"].values():
        assert address is None or address not in text, "addresses stand in lab.yaml alone"
