"""PortGate before real traffic: it is killed, flushed and bypassed, and not a packet leaves."""

import ctypes
import itertools
import os
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import pytest

from tests.support.instructions import allowed
from tests.support.private_node import PrivateNode, wait_until, why
from tests.truth.breaks import NO_TOOLS
from tests.truth.worlds.port_gate import Gate, lacking

pytestmark = [
    pytest.mark.backend,
    pytest.mark.xdist_group("port-gate"),
    *(pytest.mark.skipif(True, reason=reason) for reason in lacking()),
]
RUNNING, FAILED, STOPPED = 0, 1, 7
T = TypeVar("T")
CLONE_NEWNET = 0x40000000
ETH_P_ALL, TCP, ICMP, ICMP6 = 3, 6, 1, 58
HERE = Path(__file__).parents[2]


@pytest.fixture
def gate(node: PrivateNode) -> Iterator[Gate]:
    gate = Gate(node)
    yield gate
    gate.clean_up()


# coming and going


def test_a_gate_comes_and_goes_as_nft_sees_it(gate: Gate) -> None:
    assert gate.monitor() == STOPPED
    for _ in range(2):
        assert gate.code("start") == 0
        assert gate.listing() == gate.whole("drop")
        assert gate.monitor() == RUNNING
    gate.turn("accept")
    assert gate.monitor() == RUNNING
    for _ in range(2):
        assert gate.code("stop") == 0
        assert (gate.listing(), gate.monitor()) == ("", STOPPED)
    assert gate.node.sh("ls /run/hactl") == f"{gate.name}.run.lock"


def test_two_gates_do_not_mind_each_other(gate: Gate) -> None:
    other = Gate(gate.node)
    for each in (gate, other):
        assert each.code("start") == 0
    gate.turn("accept")
    assert (gate.monitor(), other.monitor()) == (RUNNING, RUNNING)
    assert gate.code("stop") == 0
    assert (other.monitor(), other.listing()) == (RUNNING, other.whole("drop"))
    assert other.code("stop") == 0


def test_many_gates_start_and_stop_at_once(node: PrivateNode) -> None:
    gates = [Gate(node) for _ in range(6)]
    with ThreadPoolExecutor(6) as pool:
        assert set(pool.map(lambda gate: gate.code("start"), gates)) == {0}
        assert [gate.listing() for gate in gates] == [gate.whole("drop") for gate in gates]
        assert set(pool.map(lambda gate: gate.code("stop"), gates)) == {0}
        assert [gate.listing() for gate in gates] == [""] * len(gates)


def test_a_firewall_that_never_rests_is_no_reason_to_fail(gate: Gate) -> None:
    script = "while :; do nft 'add table inet restless; delete table inet restless'; done"
    with ThreadPoolExecutor(1) as pool:
        restless = pool.submit(gate.node.run, "timeout", "3", "sh", "-c", script, check=False)
        while not restless.done():
            assert (gate.code("start"), gate.monitor(), gate.code("stop")) == (0, RUNNING, 0)
    gate.node.sh("nft delete table inet restless", check=False)


@pytest.mark.extended
def test_it_is_open_or_closed_but_never_half_there_wherever_it_is_killed(gate: Gate) -> None:
    for action, before in (("start", ""), ("stop", gate.whole("accept"))):
        for step in itertools.count(1):
            if before:
                assert gate.code("start") == 0
                gate.turn("accept")
            calls = "sendto,sendmsg,rename,unlink,unlinkat"
            cut = gate.node.call_killed(
                "PortGate", action, calls, step, resource=gate.name, **gate.params
            )
            listing = gate.listing()
            assert listing in (before, "" if before else gate.whole("drop")), (action, step)
            assert gate.monitor() == (RUNNING if listing else STOPPED)
            assert gate.code("stop") == 0
            assert gate.listing() == ""
            if not cut:
                break
        assert step > 5, action


def test_reload_takes_other_portals_and_leaves_the_gate_open(gate: Gate) -> None:
    assert gate.code("start") == 0
    gate.turn("accept")
    gate.params["portals"] += " 192.0.2.250:860"
    assert gate.monitor() == FAILED
    assert gate.code("reload-agent") == 0
    assert gate.monitor() == RUNNING
    assert "ip saddr 192.0.2.250 tcp sport 860 goto gate" in gate.listing()
    assert "accept\n\t}" in gate.listing()


# what others do


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ("flush chain {} gate", "its chain gate neither drops nor accepts"),
        ("add rule {} gate accept", "its chain gate neither drops nor accepts"),
        ("insert rule {} arriving accept", "its chain arriving does not have the rules"),
        ("flush chain {} leaving", "its chain leaving does not have the rules"),
        ("add table {} {{ flags dormant; }}", "it is dormant"),
        ("add chain {} leaving {{ policy drop; }}", "its chain leaving is hooked elsewhere"),
        ("add set {} mine {{ type ipv4_addr; }}", "it holds more than the gate"),
        ("add chain {} more", "it holds more than the gate"),
    ],
)
def test_a_change_by_hand_is_seen_and_mended(gate: Gate, change: str, text: str) -> None:
    assert gate.code("start") == 0
    gate.node.sh(f"nft '{change.format(f'inet {gate.table}')}'")
    done = gate.call("monitor")
    assert (done.returncode, text in why(done)) == (FAILED, True), why(done)
    assert gate.code("start") == 0
    assert (gate.monitor(), gate.listing()) == (RUNNING, gate.whole("drop"))


def test_a_flushed_gate_is_stopped_and_closing_it_brings_the_silence_back(gate: Gate) -> None:
    assert gate.code("start") == 0
    gate.turn("accept")
    gate.node.sh("nft flush ruleset")
    assert gate.monitor() == STOPPED
    assert turned(gate, "close_gate") == "closed"
    assert (gate.monitor(), gate.listing()) == (RUNNING, gate.whole("drop"))
    assert gate.code("stop") == 0
    assert gate.listing() == ""


def test_foreign_tables_of_other_families_are_not_mistaken(gate: Gate) -> None:
    gate.node.sh(f"nft 'add table ip {gate.table}; add table bridge {gate.table}'")
    assert gate.monitor() == STOPPED
    assert (gate.code("start"), gate.monitor()) == (0, RUNNING)
    assert gate.code("stop") == 0
    assert gate.node.sh("nft list tables").count(gate.table) == 2
    gate.node.sh(f"nft 'delete table ip {gate.table}; delete table bridge {gate.table}'")


def turned(gate: Gate, call: str) -> str:
    """Call open_gate or close_gate in the node, as the agent of a target does; the state then."""
    script = (
        f"import sys; sys.path.insert(0, {str(HERE / 'agents')!r})\n"
        "from hactl_agents.gate.turn import close_gate, gate_state, open_gate\n"
        "from hactl_agents.host.host import Host\n"
        f"{call}(Host(10), {gate.gate!r}); print(gate_state(Host(10), {gate.gate!r}))"
    )
    return gate.node.run("/usr/bin/python3", "-IS", "-c", script).stdout.strip()


def test_a_short_look_tells_whether_anybody_gets_through(gate: Gate) -> None:
    script = (
        f"import sys; sys.path.insert(0, {str(HERE / 'agents')!r})\n"
        "from hactl_agents.host.host import Host\n"
        f"print(Host(10).keeps_out({gate.gate!r}))"
    )

    def keeps_out() -> bool:
        return gate.node.run("/usr/bin/python3", "-IS", "-c", script).stdout.strip() == "True"

    assert not keeps_out(), "there is none"
    assert gate.code("start") == 0
    assert keeps_out()
    gate.turn("accept")
    assert not keeps_out()
    gate.node.sh(f"nft add chain ip6 {gate.table} gate 2>/dev/null || :")
    gate.turn("drop")
    assert keeps_out()
    gate.node.sh(f"nft delete table inet {gate.table}")
    assert not keeps_out()


# parameters and cost


@pytest.mark.parametrize(
    "params",
    [
        {"gate": "a; flush ruleset"},
        {"gate": "$(touch /run/x)"},
        {"gate": '"; }'},
        {"gate": "../san"},
        {"portals": "192.0.2.1:3260 }; flush ruleset"},
        {"portals": "$(touch /run/x):3260"},
        {"portals": "192.0.2.1:3260;192.0.2.2:3260"},
    ],
)
def test_metacharacters_reach_nobody(gate: Gate, params: dict[str, str]) -> None:
    before = gate.node.sh("nft list ruleset")
    done = gate.call("start", **params)
    assert (done.returncode, len(done.stderr.strip().splitlines())) == (6, 1), done.stderr
    assert gate.code("stop", **params) == 0
    assert gate.node.sh("nft list ruleset") == before
    assert gate.node.sh("test ! -e /run/x; echo clean") == "clean"


def test_the_name_of_a_resource_may_be_anything_that_pacemaker_takes(gate: Gate) -> None:
    gate.name = 'größe." }\\ %41'
    assert gate.code("start", resource=gate.name) == 0
    assert gate.code("monitor", resource=gate.name) == RUNNING
    assert gate.code("monitor", resource="another") == STOPPED
    assert gate.code("stop", resource=gate.name) == 0
    assert gate.listing() == ""


def test_it_needs_no_tool(gate: Gate) -> None:
    for action in ("start", "monitor", "reload-agent", "stop"):
        assert gate.code(action, wrapper=NO_TOOLS) == 0


@pytest.mark.parametrize("error", ["EPROTONOSUPPORT", "EPERM", "ENOBUFS"])
def test_a_kernel_that_has_no_tables_has_no_gate_and_one_that_is_silent_may(
    gate: Gate, error: str
) -> None:
    inject = ("strace", "-qq", "-o", "/dev/null", "-e", f"inject=socket:error={error}")
    none = error == "EPROTONOSUPPORT"
    assert gate.code("monitor", wrapper=inject) == (STOPPED if none else FAILED)
    assert gate.code("stop", wrapper=inject) == (0 if none else FAILED)
    done = gate.call("start", wrapper=inject)
    assert done.returncode == (5 if none else FAILED)
    assert why(done).startswith("making" if none else "looking at the table hactl-gate-"), why(done)


@pytest.mark.parametrize("action", ["start", "monitor", "stop"])
def test_nothing_is_forked(gate: Gate, action: str) -> None:
    if action != "start":
        assert gate.code("start") == 0
    trace = ("strace", "-f", "-qq", "-e", "trace=%process", "-e", "signal=none")
    done = gate.call(action, wrapper=trace)
    seen = [line for line in done.stderr.splitlines() if "exit" not in line]
    assert [line.partition("(")[0] for line in seen] == ["execve"], done.stderr


def test_a_monitor_costs_no_more_than_agreed(gate: Gate) -> None:
    if shutil.which("valgrind") is None:
        pytest.skip("valgrind is not installed")
    gate.params["portals"] += "".join(f" 192.0.2.{n}:3260" for n in range(210, 216))
    assert gate.code("start") == 0
    grind = ("valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null")
    done = gate.call("monitor", wrapper=(*grind, "/usr/bin/python3", "-IS"))
    counted = done.stderr.partition("Collected : ")[2].split()[0]
    assert (done.returncode, int(counted) <= allowed(25_000_000)) == (RUNNING, True), counted


def test_ocf_tester_is_content(gate: Gate) -> None:
    if shutil.which("ocf-tester") is None:
        pytest.skip("ocf-tester is not installed")
    given = [word for name, value in gate.params.items() for word in ("-o", f"{name}={value}")]
    program = gate.node.launcher("PortGate")
    done = gate.node.run("ocf-tester", "-n", gate.name, *given, program, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "passed all tests" in done.stdout
    assert gate.listing() == ""


# traffic


class Wire:
    """An initiator's machine beside the node, and all that comes to it over the wire.

    ``family`` is 4 or 6. The portal's address is on the node, the peer's on the other end.
    """

    def __init__(self, gate: Gate, family: int) -> None:
        self.gate, self.node = gate, gate.node
        number = gate.gate[1:]
        self.peer, self.cable, self.plug = f"peer{number}", f"cable{number}", f"plug{number}"
        v6 = family == 6
        self.family = socket.AF_INET6 if v6 else socket.AF_INET
        self.portal = f"fd00:{number}::1" if v6 else f"10.{number}.0.1"
        self.mine = f"fd00:{number}::2" if v6 else f"10.{number}.0.2"
        self.own = f"fd00:{number}::3" if v6 else f"10.{number}.0.3"  # the node's
        self.length = 64 if v6 else 24
        gate.params["portals"] = f"[{self.portal}]:3260" if v6 else f"{self.portal}:3260"
        self.seen: list[bytes] = []

    def lay(self) -> None:
        nodad = "nodad" if self.family == socket.AF_INET6 else ""
        self.node.sh(
            f"ip netns add {self.peer}\n"
            f"ip link add {self.plug} type veth peer name {self.cable} netns {self.peer}\n"
            f"ip link set {self.plug} up\n"
            f"ip -n {self.peer} link set {self.cable} up\n"
            f"ip addr add {self.own}/{self.length} dev {self.plug} {nodad}\n"
            f"ip addr add {self.portal}/{self.length} dev {self.plug} {nodad}\n"
            f"ip -n {self.peer} addr add {self.mine}/{self.length} dev {self.cable} {nodad}\n"
        )

    def cut(self) -> None:
        self.node.sh(f"ip netns del {self.peer}; ip link del {self.plug}", check=False)

    def on_node(self, work: Callable[[], T]) -> T:
        return inside(f"/proc/{self.node.pid}/ns/net", work)

    def on_peer(self, work: Callable[[], T]) -> T:
        return inside(f"/proc/{self.node.pid}/root/run/netns/{self.peer}", work)

    def listener(self) -> socket.socket:
        return self.on_node(lambda: socket.create_server((self.portal, 3260), family=self.family))

    def call(self, port: int = 3260) -> socket.socket:
        """A connection of the initiator's; raises TimeoutError where there is silence."""

        def dial() -> socket.socket:
            caller = socket.socket(self.family)
            caller.settimeout(0.7)
            try:
                caller.connect((self.portal, port))
            except OSError:
                caller.close()
                raise
            return caller

        return self.on_peer(dial)

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Note every packet that comes to the initiator meanwhile."""

        def tap() -> socket.socket:
            tapped = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL))
            tapped.bind((self.cable, ETH_P_ALL))
            tapped.settimeout(0.05)
            return tapped

        done = threading.Event()

        def note() -> None:
            while True:  # what had come before the end is read, however late this thread runs
                try:
                    packet, place = tapped.recvfrom(2048)
                except TimeoutError:
                    if done.is_set():
                        return
                    continue
                if place[2] != socket.PACKET_OUTGOING:  # type: ignore[attr-defined]
                    self.seen.append(packet)

        self.seen = []
        with self.on_peer(tap) as tapped:
            thread = threading.Thread(target=note)
            thread.start()
            try:
                yield
                time.sleep(0.2)
            finally:
                done.set()
                thread.join()

    def said(self) -> list[str]:
        """What came of TCP and ICMP: SYN, ACK, FIN, RST, unreachable, ... ."""
        return [word for packet in self.seen if (word := spelled(packet))]


def inside(namespace: str, work: Callable[[], T]) -> T:
    """Call ``work`` in a network namespace; sockets that it makes stay there."""
    libc = ctypes.CDLL(None, use_errno=True)

    def enter() -> T:
        descriptor = os.open(namespace, os.O_RDONLY)
        try:
            assert libc.setns(descriptor, CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())
        finally:
            os.close(descriptor)
        return work()

    with ThreadPoolExecutor(1) as thread:  # it alone changes its namespace, and ends
        return thread.submit(enter).result()


def spelled(packet: bytes) -> str:
    """What an IP packet is, as far as it would tell an initiator anything."""
    v6 = packet[0] >> 4 == 6
    kind = packet[6] if v6 else packet[9]
    body = packet[40:] if v6 else packet[(packet[0] & 15) * 4 :]
    if kind == TCP:
        flags = body[13]
        return next(
            name for bit, name in ((4, "RST"), (1, "FIN"), (2, "SYN"), (16, "ACK")) if flags & bit
        )
    if kind == ICMP or (kind == ICMP6 and body[0] < 128):
        return f"ICMP {body[0]}/{body[1]}"
    return ""


@pytest.fixture(params=[4, 6], ids=["IPv4", "IPv6"])
def wire(gate: Gate, request: pytest.FixtureRequest) -> Iterator[Wire]:
    wire = Wire(gate, request.param)
    wire.lay()
    yield wire
    wire.cut()


def test_without_a_gate_the_initiator_is_turned_away(wire: Wire) -> None:
    with wire.listening(), pytest.raises(ConnectionRefusedError):
        wire.call()
    assert wire.said() == ["RST"]


def test_behind_a_closed_gate_there_is_nobody_to_turn_one_away(wire: Wire) -> None:
    assert wire.gate.code("start") == 0
    with wire.listening(), pytest.raises(TimeoutError):
        wire.call()
    assert wire.said() == []
    wire.gate.turn("accept")
    with pytest.raises(ConnectionRefusedError):
        wire.call()


def test_a_closed_gate_hides_a_server_and_an_open_one_shows_it(wire: Wire) -> None:
    assert wire.gate.code("start") == 0
    with wire.listener():
        with wire.listening(), pytest.raises(TimeoutError):
            wire.call()
        assert wire.said() == []
        assert turned(wire.gate, "open_gate") == "open"
        wire.call().close()
        assert turned(wire.gate, "close_gate") == "closed"
        with pytest.raises(TimeoutError):
            wire.call()


def test_a_connection_falls_silent_and_goes_on_where_it_was(wire: Wire) -> None:
    assert wire.gate.code("start") == 0
    wire.gate.turn("accept")
    with wire.listener() as listener, wire.call() as caller:
        served, _ = listener.accept()
        with served:
            served.settimeout(5)
            caller.sendall(b"one")
            assert served.recv(9) == b"one"
            turned(wire.gate, "close_gate")
            with wire.listening():
                caller.sendall(b"two")
                served.sendall(b"yes")
                time.sleep(0.5)
            assert wire.said() == []
            turned(wire.gate, "open_gate")
            caller.settimeout(5)
            assert (served.recv(9), caller.recv(9)) == (b"two", b"yes")


def test_a_request_that_was_received_is_answered_before_the_silence(wire: Wire) -> None:
    assert wire.gate.code("start") == 0
    wire.gate.turn("accept")
    with wire.listener() as listener, wire.call() as caller, ThreadPoolExecutor(1) as pool:
        served, _ = listener.accept()
        with served:
            caller.settimeout(5)
            served.settimeout(0.7)
            caller.sendall(b"request")
            assert served.recv(9) == b"request"
            closing = pool.submit(turned, wire.gate, "close_gate")
            wait_until(lambda: "oif" in wire.gate.listing(), "it was never drained", 5)
            assert wire.gate.monitor() in (RUNNING, STOPPED), "it is not a failure to be drained"
            caller.sendall(bytes(48))
            served.sendall(b"answer")
            assert caller.recv(9) == b"answer"
            assert closing.result() == "closed"
            served.sendall(b"too late")
            with pytest.raises(TimeoutError):
                served.recv(48)  # what nobody can answer any more is not acknowledged


@pytest.mark.parametrize("gated", [False, True], ids=["no gate", "closed gate"])
def test_a_server_that_is_killed_says_so_unless_the_gate_is_closed(wire: Wire, gated: bool) -> None:
    assert wire.gate.code("start") == 0
    wire.gate.turn("accept")
    with wire.listener() as listener, wire.call() as caller:
        served, _ = listener.accept()
        caller.sendall(b"never read")
        wait_until(lambda: waiting(served), "nothing came", 5)
        if gated:
            turned(wire.gate, "close_gate")
        with wire.listening():
            served.close()  # with data unread: a reset
            listener.close()
            if gated:
                caller.sendall(b"into the dark")
                time.sleep(0.5)
        assert wire.said() == ([] if gated else ["RST"])


def waiting(connection: socket.socket) -> bytes:
    return connection.recv(1, socket.MSG_PEEK)


@pytest.mark.parametrize("gated", [False, True], ids=["no gate", "closed gate"])
def test_a_router_without_the_address_does_not_say_so_behind_a_closed_gate(
    wire: Wire, gated: bool
) -> None:
    """As on a hypervisor, between the address's going and the gate's."""
    v6 = wire.family == socket.AF_INET6
    switch = "net.ipv6.conf.all.forwarding" if v6 else "net.ipv4.ip_forward"
    path = f"/proc/sys/{switch.replace('.', '/')}"
    assert wire.gate.code("start") == 0
    if not gated:
        wire.gate.turn("accept")
    mac = wire.node.sh(f"cat /sys/class/net/{wire.plug}/address")
    wire.node.sh(
        f"ip addr del {wire.portal}/{wire.length} dev {wire.plug}\n"
        f"ip route add unreachable {wire.portal}\n"
        f"echo 1 >{path}\n"
        f"ip -n {wire.peer} neigh replace {wire.portal} lladdr {mac} dev {wire.cable}"
    )
    try:
        with wire.listening(), pytest.raises(TimeoutError if gated else OSError):
            wire.call()
        assert (wire.said() == []) == gated, wire.said()
    finally:
        wire.node.sh(f"echo 0 >{path}; ip route del unreachable {wire.portal}")


def test_other_ports_and_addresses_are_not_touched(wire: Wire) -> None:
    assert wire.gate.code("start") == 0
    with pytest.raises(ConnectionRefusedError):
        wire.call(port=3261)
    with wire.on_node(
        lambda: socket.create_server((wire.portal, 3261), family=wire.family)
    ) as server:
        wire.call(port=3261).close()
        server.close()


def test_the_node_can_still_call_the_same_port_elsewhere(wire: Wire) -> None:
    assert wire.gate.code("start") == 0
    server = wire.on_peer(lambda: socket.create_server((wire.mine, 3260), family=wire.family))
    with server:
        wire.on_node(lambda: socket.create_connection((wire.mine, 3260), 2)).close()
