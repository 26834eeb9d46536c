"""Guests and containers on lab nodes: the hypervisors work, migrate, and never meet."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from hactl.lab.lab import Lab
from tests.cluster.labs import Eventually, bring_guest

pytestmark = pytest.mark.cluster

ADDRESS = "10.77.10.51"
CONSOLE = "/var/log/libvirt/tiny.console"


@pytest.fixture
def guest_files(lab: Lab, tmp_path: Path) -> None:
    """The tiny guest, where all nodes see it."""
    if shutil.which("qemu-system-x86_64") is None:
        pytest.skip("qemu-system-x86_64 is not installed")
    bring_guest(lab, tmp_path, "tiny", 1, f"{ADDRESS}/24", "br-test")


@pytest.mark.usefixtures("guest_files")
def test_a_guest_answers_migrates_live_and_heeds_the_power_button(
    lab: Lab, eventually: Eventually
) -> None:
    for node in ("node1", "node2"):
        bridge(lab, node)
    assert lab.exec("node1", "virsh", "create", "/srv/vms/tiny.xml").returncode == 0
    eventually(lambda: page(lab), "the guest answers", 60)
    before = page(lab)
    assert before["hostname"] == "tiny"
    moved = lab.exec("node1", "virsh", "migrate", "--live", "--p2p", "tiny", migration_uri("node2"))
    assert moved.returncode == 0, moved.stderr
    eventually(lambda: page(lab), "the guest answers on the other node", 20)
    after = page(lab)
    assert after["boot_id"] == before["boot_id"]
    assert float(after["uptime"]) > float(before["uptime"])
    assert lab.exec("node1", "virsh", "list", "--name").stdout.split() == []
    lab.exec("node2", "virsh", "shutdown", "tiny")
    names = ["virsh", "list", "--all", "--name"]
    eventually(lambda: "tiny" not in lab.exec("node2", *names).stdout, "the guest is off", 20)


def test_containers_of_the_same_name_on_two_nodes_do_not_meet(lab: Lab) -> None:
    for node in ("node1", "node2"):
        made = lab.exec(node, "lxc-create", "-n", "twin", "-t", "busybox")
        assert made.returncode == 0, made.stdout + made.stderr
        assert lab.exec(node, "lxc-start", "-n", "twin").returncode == 0
    limit = ["lxc-cgroup", "-n", "twin", "memory.limit_in_bytes"]
    v1 = lab.exec("node1", "test", "-d", "/sys/fs/cgroup/memory").returncode == 0
    if not v1:
        limit[-1] = "memory.max"
    assert lab.exec("node1", *limit, "67108864").returncode == 0
    assert lab.exec("node1", *limit).stdout.strip() == "67108864"
    assert lab.exec("node2", *limit).stdout.strip() != "67108864"
    lab.exec("node1", "lxc-stop", "-k", "-n", "twin")
    assert "STOPPED" in lab.exec("node1", "lxc-info", "-n", "twin", "-s").stdout
    assert "RUNNING" in lab.exec("node2", "lxc-info", "-n", "twin", "-s").stdout
    # power loss takes the container along, and its control groups do not stand in the way
    lab.power("node2", "reboot")
    assert "STOPPED" in lab.exec("node2", "lxc-info", "-n", "twin", "-s").stdout
    assert lab.exec("node2", "lxc-start", "-n", "twin").returncode == 0
    for node in ("node1", "node2"):
        lab.exec(node, "lxc-destroy", "-f", "-n", "twin")


def test_open_vswitch_starts_on_a_node(lab: Lab) -> None:
    if shutil.which("ovs-vswitchd", path="/usr/sbin") is None:
        pytest.skip("openvswitch-switch is not installed")
    assert lab.exec("node1", "systemctl", "start", "openvswitch-switch").returncode == 0
    userspace = ["--", "set", "bridge", "ovs0", "datapath_type=netdev"]
    made = lab.exec("node1", "ovs-vsctl", "--timeout=10", "add-br", "ovs0", *userspace)
    assert made.returncode == 0, made.stderr
    assert lab.exec("node1", "ip", "link", "show", "ovs0").returncode == 0
    assert lab.exec("node2", "ip", "link", "show", "ovs0").returncode != 0
    assert lab.exec("node1", "systemctl", "stop", "openvswitch-switch").returncode == 0


def bridge(lab: Lab, node: str) -> None:
    commands = (
        "link add br-test type bridge",
        "link set br-test up",
        "link set eth2 master br-test",
    )
    for command in commands:
        lab.exec(node, "ip", *command.split())


def page(lab: Lab) -> dict[str, str]:
    """What the guest says of itself; empty where it does not answer."""
    done = lab.exec("client", "curl", "-s", "-m", "1", f"http://{ADDRESS}/")
    return dict(line.split(None, 1) for line in done.stdout.splitlines() if " " in line)


def migration_uri(node: str) -> str:
    return f"qemu+tcp://{node}/system"
