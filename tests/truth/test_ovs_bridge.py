"""OvsBridge against a real Open vSwitch: it is killed, misled and deprived, and tells the truth."""

import itertools
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.support.instructions import allowed
from tests.support.ovs_node import DAEMONS, OvsNode, lacking
from tests.support.private_node import wait_until, why
from tests.truth.worlds.ovs_bridge import Lan, ovs_node

pytestmark = [
    pytest.mark.backend,
    pytest.mark.extended,
    pytest.mark.xdist_group("ovs-bridge"),
    *(pytest.mark.skipif(True, reason=reason) for reason in lacking()),
]
RUNNING, FAILED, STOPPED, DEGRADED = 0, 1, 7, 190


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


# what it makes


def test_a_bridge_comes_and_goes_and_its_uplink_is_as_before(lan: Lan) -> None:
    assert lan.monitor() == STOPPED
    assert lan.code("start") == 0
    assert lan.code("start") == 0
    assert lan.monitor() == RUNNING
    assert lan.monitor() == RUNNING
    bridge = lan.node.row("Bridge", lan.bridge)
    assert bridge["external_ids"]["hactl-resource"] == lan.name
    assert lan.node.sh(f"ovs-vsctl list-ports {lan.bridge}").split() == [lan.uplinks[0]]
    assert lan.link(lan.uplinks[0]) == (True, "1500")
    assert lan.code("stop") == 0
    assert lan.code("stop") == 0
    assert (lan.untouched(), lan.monitor()) == (True, STOPPED)


def full(lan: Lan) -> "dict[str, Any]":
    """Nearly everything at once."""
    lan.node.sh("printf 'priority=5,in_port=LOCAL,actions=NORMAL\\nactions=drop # all\\n' > /run/f")
    return {
        "bond": f"bond{lan.bridge}", "uplinks": " ".join(lan.uplinks), "bond_mode": "balance-slb",
        "bond_updelay": 10, "trunks": "10,20-22", "internal": f"mg{lan.bridge}=10",
        "fail_mode": "secure", "controllers": f"ptcp:{5000 + int(lan.name[3:])}",
        "managers": f"ptcp:{6000 + int(lan.name[3:])}", "flows": "/run/f", "mtu": 1400,
        "protocols": "OpenFlow13 OpenFlow14", "multicast_snooping": "true", "address": "port",
        "qos_max_rate": 10_000_000, "qos_queues": "0=0-1000000 1=500000-2000000",
        "mirror_vlan": 99, "sflow": "127.0.0.1:6343", "sflow_agent": "lo",
    }  # fmt: skip


def test_everything_that_is_given_is_there_and_goes_again(lan: Lan) -> None:
    lan.params |= full(lan)
    assert lan.code("start") == 0
    assert (lan.monitor(), lan.monitor()) == (RUNNING, RUNNING)
    assert lan.code("monitor", level=10) == RUNNING
    node = lan.node
    port, bridge = node.row("Port", f"bond{lan.bridge}"), node.row("Bridge", lan.bridge)
    assert (port["bond_mode"], port["trunks"]) == ("balance-slb", [10, 20, 21, 22])
    assert (bridge["fail_mode"], bridge["mcast_snooping_enable"]) == ("secure", True)
    assert node.row("Port", f"mg{lan.bridge}")["tag"] == 10
    assert "htb" in node.sh(f"tc qdisc show dev {lan.uplinks[1]}")
    assert node.sh(f"ovs-ofctl -O OpenFlow13 dump-flows {lan.bridge}").count("cookie=0x68") == 2
    assert lan.link(lan.uplinks[0]) == (True, "1400")
    assert lan.code("stop") == 0
    assert (lan.untouched(), lan.monitor()) == (True, STOPPED)


def test_rstp_is_spoken(lan: Lan) -> None:
    lan.params |= {"rstp": "on", "rstp_priority": 4096}
    assert lan.code("start") == 0
    bridge = lan.node.row("Bridge", lan.bridge)
    wait_until(
        lambda: lan.node.row("Bridge", lan.bridge)["rstp_status"]["rstp_bridge_id"][:5] == "1.000",
        "no RSTP",
        10,
    )
    assert bridge["rstp_enable"] is True


def test_a_bond_speaks_lacp_with_a_switch_and_says_when_it_does_not(lan: Lan) -> None:
    bond = {"bond": "lag", "bond_mode": "balance-tcp", "lacp": "active", "lacp_time": "fast"}
    lan.params |= {"uplinks": " ".join(lan.uplinks), **bond}
    assert lan.code("start") == 0
    first, second = lan.uplinks
    # for the first seconds Open vSwitch takes an unheard partner for one
    wait_until(lambda: lan.monitor() == DEGRADED, "a partner?", 15)
    assert f"no LACP partner on {first}, member of lag" in lan.complaint()
    lan.node.vsctl(
        "add-br", f"s{lan.bridge}", "--", "set", "Bridge", f"s{lan.bridge}",
        "datapath_type=netdev", "--", "add-bond", f"s{lan.bridge}", "gal", *lan.switch,
        "lacp=active", "other_config:lacp-time=fast",
    )  # fmt: skip
    wait_until(lambda: lan.monitor() == RUNNING, "no LACP", 15)
    lan.node.sh(f"ip link set {lan.switch[1]} down")
    wait_until(lambda: lan.monitor() == DEGRADED, "not degraded", 10)
    assert f"no link on {second}, member of lag" in lan.complaint()
    assert lan.monitor(on_member_down="fail") == FAILED
    assert lan.monitor(on_member_down="ignore") == RUNNING
    lan.node.vsctl("del-br", f"s{lan.bridge}")


def test_access_vlans_keep_ports_apart(lan: Lan) -> None:
    lan.params |= {"tag": 10, "internal": "in10=10 in20=20"}
    assert lan.code("start") == 0
    node, other = lan.node, lan.switch[0]
    places = {"near10": "in10", "near20": "in20", "far": other}
    for number, (place, device) in enumerate(places.items(), 1):
        node.sh(
            f"ip netns add {place}; ip link set {device} netns {place}; "
            f"ip -n {place} addr add 10.9.0.{number}/24 dev {device}; "
            f"ip -n {place} link set {device} up"
        )
    ping = "ip netns exec far ping -c1 -W2 10.9.0.%d >/dev/null && echo heard || echo silence"
    assert (node.sh(ping % 1), node.sh(ping % 2)) == ("heard", "silence")
    node.sh("for place in near10 near20 far; do ip netns del $place; done")


def test_a_pssl_controller_needs_a_key_nobody_else_reads(lan: Lan) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    lan.params |= {"controllers": f"pssl:{7000 + int(lan.name[3:])}"}
    assert "this node has no key for it" in lan.complaint("start")
    lan.node.sh(
        "openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=lab -keyout /run/k.pem "
        "-out /run/c.pem 2>/dev/null; chmod 644 /run/k.pem"
    )
    lan.params |= {
        "ssl_private_key": "/run/k.pem",
        "ssl_certificate": "/run/c.pem",
        "ssl_ca_cert": "/run/c.pem",
    }
    assert lan.complaint("start") == "ssl_private_key: others may read /run/k.pem: chmod 600 it"
    lan.node.sh("chmod 600 /run/k.pem")
    assert lan.code("start") == 0
    assert lan.monitor() == RUNNING
    assert len(lan.node.rows("SSL")) == 1
    assert lan.code("stop") == 0
    assert (lan.untouched(), lan.node.rows("SSL")) == (True, [])


# who may touch what


def test_a_foreign_bridge_is_neither_ours_nor_taken(lan: Lan) -> None:
    lan.node.vsctl("add-br", lan.bridge, "--", "set", "Bridge", lan.bridge, "datapath_type=netdev")
    assert lan.monitor() == STOPPED
    done = lan.call("start")
    assert (done.returncode, "not ours: delete it, or set adopt=true" in why(done)) == (2, True)
    assert lan.code("stop") == 0
    assert lan.exists()


def test_an_adopted_bridge_is_given_back_as_it_was(lan: Lan) -> None:
    node, bridge = lan.node, lan.bridge
    node.sh(f"ip link set {lan.uplinks[1]} up")
    node.vsctl(
        "add-br", bridge, "--", "set", "Bridge", bridge, "datapath_type=netdev",
        "fail_mode=standalone", 'other_config:rstp-priority="8192"', "external_ids:by=hand", "--",
        "add-port", bridge, lan.uplinks[1], "tag=7",
    )  # fmt: skip
    lan.tap(f"t{bridge}")

    def state() -> "list[Any]":
        columns = ("fail_mode", "other_config", "external_ids", "rstp_enable", "ports")
        row, port = node.row("Bridge", bridge), node.row("Port", lan.uplinks[1])
        row["ports"] = sorted(row["ports"])
        return [*(row[name] for name in columns), port["tag"], port["trunks"], port["external_ids"]]

    before = state()
    lan.params |= {
        "adopt": "true", "fail_mode": "secure", "rstp": "on", "rstp_priority": 4096,
        "uplinks": " ".join(lan.uplinks), "tag": 10,
    }  # fmt: skip
    lan.node.sh("printf 'actions=NORMAL\\n' > /run/f")
    lan.params["flows"] = "/run/f"
    assert lan.code("start") == 0
    assert lan.monitor() == RUNNING
    assert node.row("Port", lan.uplinks[1])["tag"] == 10
    assert lan.code("stop") == 0, "the guest on it is no reason to keep what is not ours"
    assert state() == before
    assert lan.link(lan.uplinks[1])[0]
    assert "cookie=0x68" not in node.sh(f"ovs-ofctl dump-flows {bridge}")
    assert lan.monitor() == STOPPED
    node.sh(f"ip link del t{bridge}")


def test_a_bridge_under_guests_is_not_deleted(lan: Lan) -> None:
    assert lan.code("start") == 0
    tap = f"t{lan.bridge}"
    lan.tap(tap)
    done = lan.call("stop", timeout=8)
    assert done.returncode == FAILED
    assert f"still carries {tap}" in why(done)
    assert (lan.exists(), lan.monitor()) == (True, RUNNING)
    lan.node.vsctl("del-port", tap)
    assert lan.code("stop") == 0
    assert lan.untouched()
    lan.node.sh(f"ip link del {tap}")


def test_force_deletes_under_guests_and_leaves_their_ports(lan: Lan) -> None:
    assert lan.code("start") == 0
    tap = f"t{lan.bridge}"
    lan.tap(tap)
    assert lan.code("stop", force="true") == 0
    assert lan.untouched()
    lan.node.sh(f"ip link show {tap} && ip link del {tap}")


def test_a_port_of_another_bridge_is_left_where_it_is(lan: Lan) -> None:
    other = f"o{lan.bridge}"
    lan.node.vsctl("add-br", other, "--", "set", "Bridge", other, "datapath_type=netdev")
    lan.node.vsctl("add-port", other, lan.uplinks[0])
    done = lan.call("start")
    assert (done.returncode, f"is a port of the bridge {other}" in why(done)) == (2, True)
    assert lan.node.vsctl("port-to-br", lan.uplinks[0]) == other
    assert not lan.exists()
    lan.node.vsctl("del-br", other)


def test_somebody_elses_manager_serves_and_stays(lan: Lan) -> None:
    target = f"ptcp:{6000 + int(lan.name[3:])}"
    lan.node.vsctl("set-manager", target)
    lan.params["managers"] = target
    assert lan.code("start") == 0
    assert lan.monitor() == RUNNING
    assert lan.code("stop") == 0
    assert [row["target"] for row in lan.node.rows("Manager")] == [target]
    lan.node.vsctl("del-manager")


@pytest.mark.parametrize(
    ("params", "code", "text"),
    [
        ({"bridge": "sixteen-letters-"}, 6, "longer than 15 characters"),
        ({"bridge": "br0;touch /run/x"}, 6, "is not a device name"),
        ({"bridge": "-- del-br br1"}, 6, "is not a device name"),
        ({"controllers": "tcp:$(touch /run/x)"}, 6, "has no address such as"),
        ({"controllers": "udp:192.0.2.1"}, 6, "is not a target"),
        ({"uplinks": "nosuch0"}, 2, "this node has no network device nosuch0"),
        ({"uplinks": "lo"}, 2, "lo is the loopback"),
        ({"trunks": "10-5"}, 6, "the wrong way round"),
        ({"tag": 4095}, 6, "is more than 4094"),
        ({"flows": "/run/nosuch"}, 2, "there is no file /run/nosuch"),
        ({"flows": "/proc/uptime"}, 1, "ovs-ofctl: /proc/uptime:1: "),
        ({"flows": "/dev/zero"}, 2, "/dev/zero is not a regular file"),
        ({"rundir": "/run/nowhere"}, 1, "nobody listens on /run/nowhere/db.sock: start Open"),
        ({"controllers": "ssl:[fd00::1]:6653"}, 2, "this node has no key for it"),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence_and_leaves_nothing(
    lan: Lan, params: "dict[str, Any]", code: int, text: str
) -> None:
    before = lan.node.sh("ip -br link; ovs-vsctl show")
    done = lan.call("start", **params)
    assert (done.returncode, text in why(done)) == (code, True), done.stderr
    assert "Traceback" not in done.stderr
    assert lan.node.sh("ip -br link; ovs-vsctl show") == before
    assert "x" not in lan.node.sh("ls /run").split()
    assert lan.code("stop", **params) == 0


def test_what_open_vswitch_only_logs_fails_start(lan: Lan) -> None:
    # a device that another namespace takes away in between: ovs-vsctl still exits 0
    lan.node.sh("printf 'actions=output:nosuchport\\n' > /run/f")
    done = lan.call("start", flows="/run/f")
    assert done.returncode == FAILED
    assert (lan.untouched(), lan.monitor()) == (True, STOPPED)


def test_a_system_datapath_this_kernel_lacks_fails_start_and_leaves_nothing(lan: Lan) -> None:
    done = lan.call("start", datapath="system")
    if done.returncode == 0:
        pytest.skip("this kernel has the Open vSwitch module")
    assert done.returncode == FAILED
    assert (lan.untouched(), lan.monitor()) == (True, STOPPED)


# cut short


def told(lan: Lan, step: int) -> int:
    """The answer of a monitor, which is not a lie: what it denies is gone, what it sees was there.

    Between the two ovs-vswitchd may let go of what a killed stop has told it to.
    """
    exists, answer = lan.exists(), lan.monitor()
    assert not lan.exists() if answer == STOPPED else answer in (RUNNING, FAILED), step
    assert exists or answer == STOPPED, step
    return answer


def test_killed_at_any_step_of_start_it_tells_the_truth_and_stop_cleans_up(lan: Lan) -> None:
    answers = set()
    calls = "sendmsg,sendto,rename,vfork,clone,clone3"
    for step in itertools.count(1):
        cut = lan.node.call_killed(
            "OvsBridge", "start", calls, step, resource=lan.name, **lan.params
        )
        answer = told(lan, step)
        answers.add(answer)
        assert lan.code("stop") == 0
        assert (lan.untouched(), lan.monitor()) == (True, STOPPED), step
        if not cut:
            break
    assert answers == {STOPPED, FAILED, RUNNING}
    assert step > 15


@pytest.mark.parametrize("way", ["stop", "start"])
def test_killed_at_any_step_of_stop_the_next_action_finishes_it(lan: Lan, way: str) -> None:
    lan.params |= {"qos_max_rate": 1_000_000, "managers": f"ptcp:{6000 + int(lan.name[3:])}"}
    for step in itertools.count(1, 2 if way == "start" else 1):
        assert lan.code("start") == 0
        cut = lan.node.call_killed(
            "OvsBridge", "stop", "sendmsg,sendto,unlink,vfork,clone,clone3", step,
            resource=lan.name, **lan.params,
        )  # fmt: skip
        answer = told(lan, step)
        assert lan.code(way) == 0, answer
        if way == "start":
            assert lan.monitor() == RUNNING
            assert lan.code("stop") == 0
        assert (lan.untouched(), lan.monitor()) == (True, STOPPED), step
        if not cut:
            break
    assert step > 5


# broken dependencies; all of them in all states: test_truth.py


def test_with_open_vswitch_dead_and_nothing_here_it_is_stopped(lan: Lan) -> None:
    for daemon in DAEMONS:
        lan.node.kill(daemon)
    assert lan.monitor() == STOPPED
    assert lan.code("stop") == 0
    assert lan.complaint("start").endswith("start Open vSwitch")


def test_stop_with_a_dead_vswitchd_takes_the_rows_and_sees_that_nothing_is_left(lan: Lan) -> None:
    assert lan.code("start") == 0
    lan.node.kill("ovs-vswitchd")
    assert lan.complaint() == f"{lan.bridge} is configured, but ovs-vswitchd is not running"
    assert lan.code("stop") == 0
    assert lan.node.sh(f"ip link show {lan.bridge} || echo gone") == "gone"
    lan.node.heal()
    assert lan.untouched()


def test_a_database_that_lost_the_bridge_under_a_running_vswitchd_is_no_stop(lan: Lan) -> None:
    assert lan.code("start") == 0
    lan.node.signal("ovs-vswitchd", "STOP")
    lan.node.vsctl("--no-wait", "del-br", lan.bridge)
    assert lan.code("monitor", timeout=4) == FAILED
    assert lan.code("stop", timeout=4) == FAILED
    lan.node.signal("ovs-vswitchd", "CONT")
    wait_until(lambda: lan.monitor() == STOPPED, "still there", 5)
    assert lan.code("stop") == 0


def test_a_hanging_daemon_is_named_within_the_deadline(lan: Lan) -> None:
    assert lan.code("start") == 0
    assert lan.monitor() == RUNNING
    for daemon in ("ovsdb-server", "ovs-vswitchd"):
        lan.node.signal(daemon, "STOP")
        done = lan.call("monitor", timeout=3)
        lan.node.signal(daemon, "CONT")
        assert done.returncode == FAILED
        assert "no answer within" in why(done)


# drift


@pytest.mark.parametrize(
    ("breakage", "text"),
    [
        ("ovs-vsctl set Port {port} tag=5", "{port} has tag 5 instead of 10"),
        ("ovs-vsctl set Bridge {bridge} fail_mode=secure", "secure instead of standalone"),
        ("ovs-vsctl del-port {port}", "{port} is not a port of {bridge} any more"),
        ("ovs-vsctl del-controller {bridge}", "Controller {target} is missing from {bridge}"),
        ("ovs-vsctl clear Bridge {bridge} external_ids", "{bridge} has lost our mark"),
        ("ovs-vsctl clear Port {port} external_ids", "port {port} does not carry our mark"),
        ("ovs-ofctl del-flows {bridge}", "{bridge} has 0 of the 2 flows of /run/f"),
        ("tc qdisc del dev {port} root", "the kernel has no htb on it"),
        ("ip link set {port} down", "port {port} is down"),
        ("ip link set {bridge} down", "{bridge} is down"),
    ],
)  # fmt: skip
def test_drift_is_named_and_repaired(lan: Lan, breakage: str, text: str) -> None:
    target = f"ptcp:{5000 + int(lan.name[3:])}"
    names = {"port": lan.uplinks[0], "bridge": lan.bridge, "target": target}
    lan.node.sh("printf 'priority=5,in_port=LOCAL,actions=NORMAL\\nactions=NORMAL\\n' > /run/f")
    lan.params |= {
        "tag": 10, "fail_mode": "standalone", "controllers": target, "flows": "/run/f",
        "qos_max_rate": 1_000_000,
    }  # fmt: skip
    assert lan.code("start") == 0
    assert lan.monitor() == RUNNING
    lan.node.sh(breakage.format(**names))
    done = lan.call("monitor")
    assert (done.returncode, text.format(**names) in why(done)) == (DEGRADED, True), done.stderr
    assert lan.monitor(drift="fail") == FAILED
    assert lan.monitor(drift="repair") == RUNNING
    assert lan.monitor() == RUNNING
    assert lan.code("stop") == 0
    assert lan.untouched()


def test_drift_is_seen_although_the_monitor_only_compares_words(lan: Lan) -> None:
    assert lan.code("start") == 0
    assert lan.monitor() == RUNNING
    assert lan.node.sh(f"ls /run/hactl/{lan.name}.run.seen")
    assert lan.monitor() == RUNNING
    lan.tap(f"t{lan.bridge}")
    assert lan.monitor() == RUNNING, "a guest's port is not drift"
    lan.node.sh(f"ovs-vsctl del-port t{lan.bridge}; ip link del t{lan.bridge}")
    lan.node.sh(f"ip link set {lan.switch[0]} down")
    done = lan.call("monitor")
    assert (done.returncode, why(done)) == (
        DEGRADED,
        f"no link on {lan.uplinks[0]}, port of {lan.bridge}",
    )
    lan.node.sh(f"ip link set {lan.switch[0]} up; ip link del {lan.uplinks[0]}")
    assert lan.monitor() == DEGRADED
    assert f"port {lan.uplinks[0]} does not exist any more" in lan.complaint()
    assert lan.code("stop") == 0
    first, other = lan.uplinks[0], lan.switch[0]
    lan.node.sh(f"ip link add {first} type veth peer name {other}")


def test_flows_that_were_replaced_are_seen_by_a_deep_monitor(lan: Lan) -> None:
    lan.node.sh("printf 'priority=5,in_port=LOCAL,actions=NORMAL\\nactions=NORMAL\\n' > /run/f")
    lan.params["flows"] = "/run/f"
    assert lan.code("start") == 0
    assert lan.code("monitor", level=10) == RUNNING
    lan.node.sh(f"ovs-ofctl mod-flows {lan.bridge} 'priority=5,in_port=LOCAL,actions=drop'")
    assert lan.code("monitor", level=10) == DEGRADED


def test_a_vswitchd_that_was_restarted_gets_its_flows_again(lan: Lan) -> None:
    lan.node.sh("printf 'actions=NORMAL\\n' > /run/f")
    lan.params |= {"flows": "/run/f", "drift": "repair", "fail_mode": "secure"}
    assert lan.code("start") == 0
    lan.node.kill("ovs-vswitchd")
    lan.node.heal()
    wait_until(lan.exists, "vswitchd did not come back", 10)
    done = lan.call("monitor", drift="report")
    assert (done.returncode, "has 0 of the 1 flows" in why(done)) == (DEGRADED, True)
    assert lan.monitor() == RUNNING


def test_a_bridge_that_came_back_after_a_reboot_is_completed(lan: Lan) -> None:
    lan.node.sh("printf 'actions=NORMAL\\n' > /run/f")
    lan.params["flows"] = "/run/f"
    assert lan.code("start") == 0
    # what a reboot leaves: the database, and nothing else
    lan.node.kill("ovs-vswitchd")
    lan.node.sh(f"rm -rf /run/hactl; ip link set {lan.uplinks[0]} down")
    lan.node.heal()
    wait_until(lan.exists, "vswitchd did not come back", 10)
    assert lan.code("monitor", meta={"interval": "0"}) == RUNNING, "Open vSwitch runs it"
    assert not lan.link(lan.uplinks[0])[0], "a probe changes nothing"
    assert lan.monitor() == RUNNING
    assert lan.link(lan.uplinks[0])[0]
    assert lan.code("stop") == 0
    assert lan.untouched()


# reload


def test_uplinks_and_settings_change_without_a_restart(lan: Lan) -> None:
    lan.params |= {"rstp": "on", "tag": 10, "controllers": f"ptcp:{5000 + int(lan.name[3:])}"}
    assert lan.code("start") == 0
    before = lan.node.row("Bridge", lan.bridge)
    changed: dict[str, Any] = {
        "bridge": lan.bridge, "uplinks": lan.uplinks[1], "datapath": "netdev", "mtu": 1400,
        "managers": f"ptcp:{6000 + int(lan.name[3:])}", "resource": lan.name,
    }  # fmt: skip
    assert lan.node.call("OvsBridge", "reload-agent", **changed).returncode == 0
    after = lan.node.row("Bridge", lan.bridge)
    assert (after["_uuid"], before["rstp_enable"]) == (before["_uuid"], True)
    assert (after["rstp_enable"], after["controller"]) == (False, [])
    assert lan.node.sh(f"ovs-vsctl list-ports {lan.bridge}") == lan.uplinks[1]
    assert lan.link(lan.uplinks[0]) == (False, "1500")
    assert lan.link(lan.uplinks[1]) == (True, "1400")
    meta = {"interval": "10000"}
    assert lan.node.call("OvsBridge", "monitor", meta=meta, **changed).returncode == RUNNING
    assert lan.node.call("OvsBridge", "stop", **changed).returncode == 0
    assert lan.untouched()


# many at once


def test_many_bridges_start_at_once(node: OvsNode) -> None:
    lans = [Lan(node) for _ in range(4)]
    with ThreadPoolExecutor(len(lans)) as pool:
        assert set(pool.map(lambda lan: lan.code("start"), lans)) == {0}
        assert set(pool.map(lambda lan: lan.monitor(), lans)) == {RUNNING}
        assert set(pool.map(lambda lan: lan.code("stop"), lans)) == {0}
    assert all(lan.untouched() for lan in lans)


def test_starts_and_stops_of_one_bridge_wait_for_each_other(lan: Lan) -> None:
    actions = ["start", "start", "stop", "start", "stop", "start"]
    with ThreadPoolExecutor(len(actions)) as pool:
        assert set(pool.map(lan.code, actions)) == {0}
    assert lan.monitor() == (RUNNING if lan.exists() else STOPPED)
    assert lan.code("stop") == 0
    assert lan.untouched()


def test_clone_instances_share_the_bridge_of_the_node(lan: Lan) -> None:
    assert lan.code("start", resource=f"{lan.name}:0") == 0
    assert lan.monitor(resource=f"{lan.name}:1") == RUNNING
    assert lan.code("stop", resource=f"{lan.name}:2") == 0
    assert lan.untouched()


# costs and judges


def test_a_monitor_forks_nothing(lan: Lan) -> None:
    assert lan.code("start") == 0
    trace = ("strace", "-f", "-qq", "-e", "trace=%process", "-e", "signal=none")
    for _ in ("in full", "by comparing words"):
        done = lan.call("monitor", wrapper=trace)
        seen = [line for line in done.stderr.splitlines() if "exit" not in line]
        assert [line.partition("(")[0] for line in seen] == ["execve"], done.stderr


@pytest.mark.parametrize(
    ("more", "forgetful", "agreed"),
    [
        ({}, False, 25_000_000),
        ({"qos_max_rate": 1_000_000}, False, 25_000_000),
        # Looked at in full, after something has changed: ten modules more, half of them for JSON
        ({}, True, 32_000_000),
    ],
    ids=["as before", "shaped", "in full"],
)
def test_a_monitor_costs_no_more_than_agreed(
    lan: Lan, more: "dict[str, int]", forgetful: bool, agreed: int
) -> None:
    if shutil.which("valgrind") is None:
        pytest.skip("valgrind is not installed")
    lan.params |= {"uplinks": " ".join(lan.uplinks), "bond": "cheap", "trunks": "10,20", **more}
    assert lan.code("start") == 0
    assert lan.monitor() == RUNNING
    if forgetful:
        lan.node.sh("rm /run/hactl/*.seen")
    grind = ("valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null")
    done = lan.call("monitor", timeout=60, wrapper=(*grind, "/usr/bin/python3", "-IS"))
    counted = done.stderr.partition("Collected : ")[2].split()[0]
    assert (done.returncode, int(counted) <= allowed(agreed)) == (RUNNING, True), counted


def test_ocf_tester_is_content(lan: Lan) -> None:
    if shutil.which("ocf-tester") is None:
        pytest.skip("ocf-tester is not installed")
    for folder in (lan.node.dir, *lan.node.dir.parents[:3]):
        folder.chmod(0o755)  # it asks for meta-data as nobody
    given = [word for name, value in lan.params.items() for word in ("-o", f"{name}={value}")]
    program = lan.node.launcher("OvsBridge")
    done = lan.node.run("ocf-tester", "-n", lan.name, *given, program, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "passed all tests" in done.stdout
    assert lan.untouched()
