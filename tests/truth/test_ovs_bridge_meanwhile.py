"""OvsBridge by a real Open vSwitch that dies, hangs or loses devices while it is waited for."""

import random
import threading
from collections.abc import Iterator

import pytest

from tests.support.ovs_node import OvsNode, lacking
from tests.support.private_node import wait_until, why
from tests.truth.worlds.ovs_bridge import Lan, ovs_node

pytestmark = [
    pytest.mark.backend,
    pytest.mark.xdist_group("ovs-bridge"),
    *(pytest.mark.skipif(True, reason=reason) for reason in lacking()),
]
RUNNING, FAILED, STOPPED, DEGRADED = 0, 1, 7, 190
SEED = 20261201
VSWITCHD, OVSDB = "ovs-vswitchd", "ovsdb-server"


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OvsNode]:
    with ovs_node(tmp_path_factory.mktemp("node")) as node:
        yield node


@pytest.fixture
def lan(node: OvsNode) -> Iterator[Lan]:
    lan = Lan(node)
    yield lan
    node.heal()
    lan.clean_up()


# daemons


@pytest.mark.parametrize("frozen", [0.0, *(random.Random(SEED).uniform(0, 0.15) for _ in range(5))])
def test_a_stop_outlives_the_daemon_that_it_waits_for(lan: Lan, frozen: float) -> None:
    """Frozen so many seconds into the stop, killed a second later: nobody is left to wait for."""
    assert lan.code("start", timeout=30) == 0
    timers = [
        threading.Timer(frozen, lambda: lan.node.signal(VSWITCHD, "STOP")),
        threading.Timer(frozen + 1, lambda: lan.node.kill(VSWITCHD)),
    ]
    for timer in timers:
        timer.start()
    done = lan.call("stop", timeout=20)
    for timer in timers:
        timer.join()
    assert done.returncode == 0, done.stderr
    assert lan.node.sh(f"ovs-vsctl --timeout=5 br-exists {lan.bridge} || echo gone") == "gone"
    assert lan.code("stop", timeout=20) == 0
    lan.node.heal()
    assert lan.untouched()


@pytest.mark.parametrize("daemon", [VSWITCHD, OVSDB])
def test_a_stop_outlives_the_restart_of_a_daemon(lan: Lan, daemon: str) -> None:
    assert lan.code("start", timeout=30) == 0
    lan.node.signal(daemon, "STOP")

    def restart() -> None:
        lan.node.kill(daemon)
        lan.node.start(daemon)

    timer = threading.Timer(1.0, restart)
    timer.start()
    done = lan.call("stop", timeout=20)
    timer.join()
    if done.returncode:  # the database was not there when it was asked: that is said, and mended
        assert (daemon, "not running" in why(done)) == (OVSDB, True), done.stderr
        assert lan.code("stop", timeout=20) == 0
    assert lan.untouched()
    assert lan.monitor() == STOPPED


def test_a_stop_does_not_outlive_a_daemon_that_hangs_on(lan: Lan) -> None:
    assert lan.code("start", timeout=30) == 0
    lan.node.signal(VSWITCHD, "STOP")
    done = lan.call("stop", timeout=5)
    assert done.returncode == FAILED
    assert "ovs-vswitchd" in why(done)
    lan.node.signal(VSWITCHD, "CONT")
    assert lan.code("stop", timeout=20) == 0
    assert lan.untouched()


def test_a_start_whose_daemon_dies_fails_and_the_stop_leaves_nothing(lan: Lan) -> None:
    lan.node.signal(VSWITCHD, "STOP")
    timer = threading.Timer(1.0, lambda: lan.node.kill(VSWITCHD))
    timer.start()
    assert lan.code("start", timeout=20) == FAILED
    timer.join()
    assert lan.code("stop", timeout=20) == 0
    lan.node.heal()
    assert lan.untouched()


# devices


def reachable(lan: Lan) -> bool:
    """Whether a packet passes from the other end of the uplink to the bridge itself."""
    ping = f"ip netns exec far{lan.bridge} ping -c1 -W1 10.8.0.1 >/dev/null && echo heard || :"
    return lan.node.sh(ping) == "heard"


def connect(lan: Lan) -> None:
    """Put the uplink's other end elsewhere, and give both ends an address."""
    far, switch = f"far{lan.bridge}", lan.switch[0]
    lan.node.sh(
        f"ip netns add {far} 2>/dev/null || :; ip link set {switch} netns {far}; "
        f"ip -n {far} addr add 10.8.0.2/24 dev {switch}; ip -n {far} link set {switch} up; "
        f"ip addr add 10.8.0.1/24 dev {lan.bridge} 2>/dev/null || :; ip neigh flush all"
    )


def replace(lan: Lan) -> None:
    """The uplink goes and comes back under its name, with the address it had: a reset card."""
    name = lan.uplinks[0]
    address = lan.node.sh(f"cat /sys/class/net/{name}/address")
    lan.node.sh(f"ip link del {name}")
    wait_until(lambda: lan.node.row("Interface", name)["link_state"] != "up", "still there", 5)
    lan.node.sh(f"ip link add {name} address {address} type veth peer name {lan.switch[0]}")
    lan.node.sh(f"ip link set {lan.switch[0]} up; ip link set {name} up")
    wait_until(lambda: lan.node.row("Interface", name)["link_state"] == "up", "no link", 5)
    connect(lan)


@pytest.mark.parametrize("how", ["start", "repair", "reload-agent"])
def test_an_uplink_that_was_replaced_is_seen_and_opened_anew(lan: Lan, how: str) -> None:
    assert lan.code("start", timeout=30) == 0
    connect(lan)
    assert (lan.monitor(), lan.monitor(), reachable(lan)) == (RUNNING, RUNNING, True)
    replace(lan)
    assert not reachable(lan)
    done = lan.call("monitor", meta={"interval": "10000"})
    text = f"ovs-vswitchd switches another device than the {lan.uplinks[0]} that is there by now"
    assert (done.returncode, why(done)) == (DEGRADED, text)
    assert lan.code("monitor", level=10) == DEGRADED
    assert lan.monitor(drift="fail") == FAILED
    if how == "repair":
        assert lan.monitor(drift="repair") == RUNNING
    else:
        assert lan.code(how, timeout=30) == 0
    assert (lan.monitor(), reachable(lan)) == (RUNNING, True)
    assert lan.code("stop", timeout=20) == 0


def test_a_member_of_a_bond_that_was_replaced_is_seen_without_a_record(lan: Lan) -> None:
    lan.params |= {"uplinks": " ".join(lan.uplinks), "bond": f"bond{lan.bridge}"}
    lan.params["bond_mode"] = "active-backup"
    assert lan.code("start", timeout=30) == 0
    assert lan.monitor() == RUNNING
    replace(lan)
    lan.node.sh("rm -rf /run/hactl")
    assert f"another device than the {lan.uplinks[0]}" in lan.complaint(level=10)
    assert lan.code("start", timeout=30) == 0
    assert lan.monitor() == RUNNING


def test_somebody_who_listens_on_the_new_device_deceives_nobody(lan: Lan) -> None:
    assert lan.code("start", timeout=30) == 0
    connect(lan)
    replace(lan)
    sniff = "import socket,time; s=socket.socket(17,3,768); s.bind(({!r},0)); time.sleep(60)"
    lan.node.sh(f'setsid python3 -c "{sniff.format(lan.uplinks[0])}" >/dev/null 2>&1 & sleep 0.5')
    assert lan.monitor() == DEGRADED


def test_a_renamed_uplink_is_named_and_given_back(lan: Lan) -> None:
    assert lan.code("start", mtu=1400, timeout=30) == 0
    old, new = lan.uplinks[0], f"n{lan.uplinks[0]}"
    lan.node.sh(f"ip link set {old} down; ip link set {old} name {new}; ip link set {new} up")
    done = lan.call("monitor", mtu=1400, meta={"interval": "10000"})
    assert done.returncode == DEGRADED
    assert f"port {old} is called {new} by now" in why(done)
    assert lan.code("stop", timeout=20) == 0
    lan.uplinks = (new, lan.uplinks[1])
    assert lan.untouched()


@pytest.mark.parametrize("kind", ["macvlan", "macvtap"])
def test_a_bridge_under_other_devices_is_not_deleted(lan: Lan, kind: str) -> None:
    lan.params["internal"] = f"in{lan.bridge}"
    assert lan.code("start", timeout=30) == 0
    for lower in (lan.bridge, f"in{lan.bridge}"):
        upper = f"u{lower}"
        lan.node.sh(f"ip link add {upper} link {lower} type {kind}")
        done = lan.call("stop", timeout=8)
        assert (done.returncode, f"still carries {upper} ({kind})" in why(done)) == (FAILED, True)
        assert lan.monitor() == RUNNING
        lan.node.sh(f"ip link del {upper}")
    assert lan.code("stop", timeout=20) == 0
    assert lan.untouched()
