"""TCP through a switch in user space, with and without a checksum that somebody computed."""

import subprocess
import sys
from collections.abc import Iterator

import pytest

from hactl.lab.lab_spec import LAN
from tests.support.ovs_node import OvsNode, lacking
from tests.support.private_node import PrivateNode, private_node, public_folder

pytestmark = [
    pytest.mark.backend,
    *(pytest.mark.skipif(True, reason=reason) for reason in lacking()),
]
SERVE = (
    "import socket; s = socket.create_server(('192.0.2.2', 5000)); print('up', flush=True); "
    "s.settimeout(10); c = s.accept()[0]; c.sendall(c.recv(9))"
)
ASK = (
    "import socket; c = socket.create_connection(('192.0.2.2', 5000), 2); c.sendall(b'anybody?'); "
    "print(c.recv(9).decode())"
)
COMPUTE = (
    f"import sys; sys.path = {sys.path!r}; from hactl.lab import checksum; checksum.compute('port')"
)

# What a booting node's father does (hactl/lab/node.py), with a process that only sleeps for a node.
PLUG_IN = f"""
import ctypes, fcntl, os, socket, struct, subprocess, sys, time
sys.path = {sys.path!r}
from hactl.lab import checksum, node, switch
from hactl.lab.lab_spec import PORTS, port_name

def computes(port):
    command = ctypes.create_string_buffer(checksum.COMMAND.pack(0x16, 0))  # ETHTOOL_GTXCSUM
    request = checksum.REQUEST.pack(port.encode(), ctypes.addressof(command))
    fcntl.ioctl(socket.socket(), checksum.SIOCETHTOOL, request)
    return not checksum.COMMAND.unpack(command.raw[:8])[1]

switch.power_up()
sleeper = subprocess.Popen(["unshare", "-n", "sleep", "60"])
while os.readlink(f"/proc/{{sleeper.pid}}/ns/net") == os.readlink("/proc/self/ns/net"):
    time.sleep(0.01)
(report, said), (_, plugged) = os.pipe(), os.pipe()
os.write(said, struct.pack("i", sleeper.pid))
os.close(said)
middle = os.fork()
if not middle:
    os._exit(0)
node.finish_boot("node1", middle, report, plugged, ())
print(*(int(computes(port_name("node1", port))) for port in range(PORTS)))
sleeper.kill()
"""


@pytest.fixture
def switched() -> "Iterator[tuple[OvsNode, PrivateNode]]":
    """A node that is on its bridge, and one at the other end of the bridge's uplink."""
    with public_folder() as folder, public_folder() as other, private_node(other) as lan:
        node = OvsNode(folder)
        try:
            node.up()
            pid = str(node.pid)
            lan.run("ip", "link", "add", "port", "type", "veth", "peer", "name", "eth2")
            into = ("nsenter", "-t", str(lan.pid), "-n", "ip", "link", "set", "eth2", "netns", pid)
            subprocess.run(into, check=True)
            lan.sh("ip addr add 192.0.2.1/24 dev port; ip link set port up")
            node.sh(
                "ip link set eth2 up; ovs-vsctl add-br br0 -- set bridge br0 datapath_type=netdev "
                "-- add-port br0 eth2; ip addr add 192.0.2.2/24 dev br0; ip link set br0 up"
            )
            yield node, lan
        finally:
            node.down()


def test_a_computed_checksum_gets_through_a_switch_in_user_space(
    switched: "tuple[OvsNode, PrivateNode]",
) -> None:
    node, lan = switched
    assert lan.run("ping", "-c1", "-W5", "192.0.2.2").returncode == 0
    assert "timed out" in answer(node, lan), "nobody computes it"
    lan.run("/usr/bin/python3", "-c", COMPUTE)
    assert answer(node, lan) == "anybody?"


def test_the_port_of_a_node_on_the_lan_computes_it() -> None:
    with public_folder() as folder, private_node(folder) as machine:
        done = machine.run("/usr/bin/python3", "-c", PLUG_IN)
    assert done.stdout.split()[LAN] == "1", done.stdout


def answer(node: OvsNode, lan: PrivateNode) -> str:
    """What one who asks over TCP gets to hear."""
    words = ("nsenter", "-t", str(node.pid), "-n", "/usr/bin/python3", "-c", SERVE)
    server = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert server.stdout is not None
        assert server.stdout.readline() == "up\n"
        done = lan.run("/usr/bin/python3", "-c", ASK, check=False)
        return done.stdout.strip() or done.stderr
    finally:
        server.kill()
        server.communicate()
