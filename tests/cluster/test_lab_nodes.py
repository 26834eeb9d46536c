"""A lab node as a machine: its power, its reboot, its panic, and what of the host it can touch."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from hactl.errors import ClusterError
from hactl.lab.daemon import PATIENCE
from hactl.lab.lab import Lab, wait_until
from hactl.lab.lab_spec import LabSpec
from hactl.lab.start import up
from tests.cluster.labs import Eventually, lab_name, skip_without_a_cluster_stack
from tests.support.node_host import host

pytestmark = pytest.mark.cluster

ASK_POWER_SOCKET = """
import socket, sys
power = socket.socket(socket.AF_UNIX)
power.connect("/lab/power.sock")
power.send(sys.argv[1].encode())
print(power.recv(999).decode())
"""
LISTEN = """
import socket
ear = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
ear.bind(("0.0.0.0", 7777))
ear.settimeout(%s)
ear.recv(99)
"""
SHOUT = """
import socket, time
mouth = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
mouth.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
for _ in range(5):
    mouth.sendto(b"hello", ("10.77.10.255", 7777))
    time.sleep(0.05)
"""
SHOUTING_TAKES = 1.5  # seconds, and the time to begin
CALL_AND_HANG = (
    "import socket, time; power = socket.socket(socket.AF_UNIX); "
    'power.connect("/lab/power.sock"); time.sleep(60)'
)


@pytest.fixture(scope="module")
def running() -> Iterator[Lab]:
    """Two nodes without a cluster."""
    skip_without_a_cluster_stack()
    lab = up(LabSpec(lab_name("nodes"), 2, start=False))
    yield lab
    lab.down()


@pytest.fixture
def machines(running: Lab) -> Lab:
    """Both nodes on, cables whole."""
    for node in running.nodes:
        running.power(node, "on")
        running.heal(node)
    return running


def last_use(lab: Lab) -> tuple[str, str, str]:
    use = lab.history()[-1]
    return use["node"], use["action"], use["result"]


def boots(lab: Lab) -> int:
    return len([use for use in lab.history() if use["result"] == "on"])


def test_a_command_runs_in_the_node_and_its_exit_status_is_ours(machines: Lab) -> None:
    assert machines.exec("node2", "hostname").stdout == "node2\n"
    assert machines.exec("node2", "sh", "-c", "cat; exit 7", stdin="in").returncode == 7
    assert machines.exec("node2", "cat", stdin="through").stdout == "through"


def test_the_client_reaches_the_nodes(machines: Lab) -> None:
    for address in ("10.77.1.1", "10.77.2.2"):
        done = machines.exec("client", "ping", "-c", "1", "-W", "1", address)
        assert done.returncode == 0, done.stdout


def test_nodes_share_lab_and_vms_and_nothing_else(machines: Lab) -> None:
    for folder in ("/lab", "/srv/vms"):
        machines.write("node1", f"{folder}/shared", b"seen")
        assert host(machines, "node2").file(f"{folder}/shared").content_string == "seen"
    for folder in ("/etc", "/var/lib", "/tmp", "/run", "/dev/shm"):
        machines.write("node1", f"{folder}/hactl-private", b"mine")
        assert not host(machines, "node2").file(f"{folder}/hactl-private").exists


def test_a_power_cycle_keeps_the_disk_and_loses_run_and_interfaces(machines: Lab) -> None:
    machines.write("node1", "/var/lib/hactl/kept", b"disk")
    machines.write("node1", "/run/lost", b"memory")
    machines.exec("node1", "ip", "link", "add", "br0", "type", "bridge")
    machines.exec("node1", "ip", "address", "add", "10.77.1.99/24", "dev", "eth0")
    assert machines.power("node1", "reboot") == "on"
    node1 = host(machines, "node1")
    assert node1.file("/var/lib/hactl/kept").content_string == "disk"
    assert not node1.file("/run/lost").exists
    addresses = node1.interface("eth0").addresses
    assert "10.77.1.1" in addresses
    assert "10.77.1.99" not in addresses
    assert not node1.interface("br0").exists


def test_a_killed_node_stays_dead_until_powered_on(machines: Lab) -> None:
    machines.kill("node1")
    time.sleep(0.3)
    assert machines.power("node1", "status") == "off"
    with pytest.raises(ClusterError, match="node1 is off"):
        machines.exec("node1", "true")
    with pytest.raises(ClusterError, match="node1 is off"):
        machines.kill("node1")
    assert machines.power("node1", "on") == "on"
    assert machines.exec("node1", "true").returncode == 0


def test_reboot_2_restarts_the_node_alone(machines: Lab, eventually: Eventually) -> None:
    before = boots(machines)
    machines.exec("node1", "reboot")
    eventually(lambda: boots(machines) == before + 1, "node1 boots again", 10)
    assert machines.exec("node1", "hostname").stdout == "node1\n"
    assert machines.power("node2", "status") == "on"


@pytest.mark.parametrize("command", ["poweroff", "halt"])
def test_poweroff_and_halt_leave_the_node_off(
    machines: Lab, eventually: Eventually, command: str
) -> None:
    machines.exec("node1", command)
    eventually(lambda: machines.power("node1", "status") == "off", "node1 is off", 10)


def test_a_panic_resets_the_node_and_never_the_host(machines: Lab, eventually: Eventually) -> None:
    """Pacemaker panics by writing to /proc/sysrq-trigger; the node sees a FIFO of the lab there."""
    before = boots(machines)
    machines.exec("node1", "sh", "-c", f"echo b >{guarded_trigger(machines)}")
    eventually(lambda: boots(machines) == before + 1, "node1 is reset", 10)
    machines.exec("node1", "sh", "-c", f"echo c >{guarded_trigger(machines)}")
    eventually(lambda: last_use(machines) == ("node1", "off", "off"), "node1 crashes", 10)


def guarded_trigger(lab: Lab) -> str:
    """A path that is proven to be the lab's FIFO before anybody writes to it."""
    node1 = host(lab, "node1")
    there = node1.file("/proc/sysrq-trigger").exists
    path = "/proc/sysrq-trigger" if there else "/dev/sysrq-trigger"
    mounts = [
        line.split() for line in node1.file("/proc/self/mountinfo").content_string.split("\n")
    ]
    guards = [fields[3] for fields in filter(None, mounts) if fields[4] == path]
    assert guards, f"{path} is not guarded"
    assert guards[-1].endswith("/node1/sysrq-trigger")
    assert node1.file(path).is_pipe
    return path


@pytest.mark.parametrize(
    "path", ["/proc/sys/kernel/panic", "/proc/sys/kernel/core_pattern", "/proc/sys/vm/swappiness"]
)
def test_a_node_cannot_change_the_hosts_kernel_settings(machines: Lab, path: str) -> None:
    value = machines.exec("node1", "cat", path).stdout.strip()
    done = machines.exec("node1", "sh", "-c", f"echo '{value}' >{path}")
    assert done.returncode != 0
    assert "Read-only" in done.stderr


def test_a_node_can_change_its_own_kernel_settings(machines: Lab) -> None:
    own = "echo 1 >/proc/sys/net/ipv4/ip_forward && echo 4097 >/proc/sys/kernel/msgmni"
    assert machines.exec("node1", "sh", "-c", own).returncode == 0
    assert host(machines, "node2").sysctl("kernel.msgmni") != 4097


def test_a_node_cannot_write_to_the_hosts_sys(machines: Lab) -> None:
    done = machines.exec("node1", "sh", "-c", "echo 0 >/sys/kernel/mm/ksm/run")
    assert done.returncode != 0
    assert "Read-only" in done.stderr
    script = "ip link add br0 type bridge; echo 1000 >/sys/class/net/br0/bridge/forward_delay"
    assert machines.exec("node1", "sh", "-c", script).returncode == 0


def test_a_node_cannot_set_the_hosts_clock(machines: Lab) -> None:
    script = 'date -s "$(date)"'
    assert machines.exec("node1", "sh", "-c", script).returncode != 0


def test_a_freeze_stops_every_process_and_a_thaw_lets_them_go_on(
    machines: Lab, eventually: Eventually
) -> None:
    loop = "while :; do date +%N >/lab/alive; sleep 0.01; done"
    machines.exec("node1", "sh", "-c", f"setsid sh -c '{loop}' >/dev/null 2>&1 &")

    def last_sign() -> str:
        return machines.exec("node2", "cat", "/lab/alive").stdout

    eventually(last_sign, "node1 gives a sign of life")
    machines.freeze("node1")
    frozen = last_sign()
    time.sleep(0.3)
    assert last_sign() == frozen
    machines.thaw("node1")
    eventually(lambda: last_sign() not in ("", frozen), "node1 gives another sign")


def test_a_one_way_cut_stops_one_direction_only(machines: Lab) -> None:
    assert heard(machines) == (True, True)
    machines.cut("node1", link=2, way="in")
    assert heard(machines) == (False, True)
    machines.heal("node1")
    machines.cut("node1", link=2, way="out")
    assert heard(machines) == (True, False)
    machines.heal("node1", link=2)
    assert heard(machines) == (True, True)


def heard(lab: Lab) -> tuple[bool, bool]:
    """(node1 hears the lan, the lan hears node1), by broadcasts, which need no answer."""
    lab.exec("node1", "ip", "address", "replace", "10.77.10.1/24", "dev", "eth2")
    return arrives(lab, "client", "node1"), arrives(lab, "node1", "client")


def arrives(lab: Lab, speaker: str, listener: str) -> bool:
    with ThreadPoolExecutor() as pool:
        ear = LISTEN % SHOUTING_TAKES
        listening = pool.submit(lab.exec, listener, "/usr/bin/python3", "-c", ear)
        port = host(lab, listener).socket("udp://0.0.0.0:7777")
        assert wait_until(lambda: port.is_listening, 10)
        lab.exec(speaker, "/usr/bin/python3", "-c", SHOUT)
        return listening.result().returncode == 0


def reaches_node1(lab: Lab) -> bool:
    return lab.exec("client", "ping", "-c", "1", "-W", "2", "10.77.1.1").returncode == 0


def test_who_knew_a_node_reaches_it_right_after_its_reboot(machines: Lab) -> None:
    assert reaches_node1(machines)  # so that its hardware address is known
    machines.power("node1", "reboot")
    assert reaches_node1(machines)


def test_a_cut_cable_stays_cut_over_a_reboot(machines: Lab) -> None:
    machines.cut("node1", link=0)
    machines.power("node1", "reboot")
    state = host(machines, "node1").file("/sys/class/net/eth0/operstate")
    assert state.content_string.strip() != "up"
    machines.heal("node1", link=0)
    assert reaches_node1(machines)


def test_an_unknown_node_gets_a_hint(machines: Lab) -> None:
    with pytest.raises(ClusterError, match="no node 'nod1'; did you mean 'node1'"):
        machines.kill("nod1")
    with pytest.raises(ClusterError, match="no link 7"):
        machines.cut("node1", link=7)
    with pytest.raises(ClusterError, match="not frozen"):
        machines.thaw("node1")


def test_who_calls_the_power_switch_and_hangs_keeps_nobody_waiting(machines: Lab) -> None:
    """A node may freeze in the middle of a question; the others must still be able to fence it."""
    for _ in range(3):
        hang = f"nohup /usr/bin/python3 -c '{CALL_AND_HANG}' >/dev/null 2>&1 &"
        machines.exec("node1", "sh", "-c", hang)
    time.sleep(0.3)
    began = time.monotonic()
    assert machines.exec("node2", "fence_lab", "-o", "reboot", "-n", "node1").returncode == 0
    assert time.monotonic() - began < 3 * PATIENCE, "what waiting for all three would take"
    assert machines.history()[-1]["by"] == "node2"


def test_a_node_cannot_reach_into_the_lab_by_the_power_socket(machines: Lab) -> None:
    for question in ("", "off", "enter client", "off node1 node2", "reboot"):
        said = machines.exec(
            "node1", "/usr/bin/python3", "-c", ASK_POWER_SOCKET, question + "\n"
        ).stdout
        assert said.startswith("error"), question
    assert machines.power("node2", "status") == "on"
