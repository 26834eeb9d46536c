"""LinuxBridge against the real kernel: it is killed, misled and deprived, and tells the truth."""

import itertools
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.instructions import allowed
from tests.support.private_node import LIBDIR, PrivateNode, lacking, why
from tests.truth.worlds.linux_bridge import Lan

pytestmark = [
    pytest.mark.backend,
    pytest.mark.xdist_group("linux-bridge"),
    *(pytest.mark.skipif(True, reason=reason) for reason in lacking()),
]
RUNNING, FAILED, STOPPED, DEGRADED = 0, 1, 7, 190


@pytest.fixture
def lan(node: PrivateNode) -> Iterator[Lan]:
    lan = Lan(node)
    yield lan
    lan.clean_up()


UNTOUCHED = (None, False, 1500)


def test_a_bridge_comes_and_goes_and_its_uplink_is_as_before(lan: Lan) -> None:
    assert lan.monitor() == STOPPED
    assert lan.code("start") == 0
    assert lan.code("start") == 0
    assert lan.monitor() == RUNNING
    found = lan.link(lan.bridge)
    assert found is not None
    assert (found["ifalias"], "UP" in found["flags"]) == (f"hactl:{lan.name}", True)
    assert lan.uplink() == (lan.bridge, True, 1500)
    assert lan.code("stop") == 0
    assert lan.code("stop") == 0
    assert (lan.exists(), lan.uplink(), lan.monitor()) == (False, UNTOUCHED, STOPPED)


def test_settings_reach_the_kernel(lan: Lan) -> None:
    lan.params |= {
        "stp": "on", "stp_priority": 4096, "forward_delay": "4s", "ageing": "1m", "mtu": 1400,
        "multicast_snooping": "off", "multicast_querier": "on", "address": "52:54:00:00:00:17",
    }  # fmt: skip
    assert lan.code("start") == 0
    found = lan.link(lan.bridge)
    assert found is not None
    data = found["linkinfo"]["info_data"]
    assert (found["mtu"], found["address"]) == (1400, "52:54:00:00:00:17")
    assert (data["stp_state"], data["priority"], data["forward_delay"]) == (1, 4096, 400)
    assert (data["ageing_time"], data["mcast_snooping"], data["mcast_querier"]) == (6000, 0, 1)
    assert lan.uplink() == (lan.bridge, True, 1400)
    assert lan.code("stop") == 0
    assert lan.uplink() == UNTOUCHED


def test_vlan_filtering_is_there_or_start_fails_and_leaves_nothing(lan: Lan) -> None:
    done = lan.call("start", vlan_filtering="true")
    if done.returncode == 0:  # this kernel can
        found = lan.link(lan.bridge)
        assert found is not None
        assert found["linkinfo"]["info_data"]["vlan_filtering"] == 1
        return
    assert done.returncode == 5
    assert "vlan_filtering" in why(done)
    assert "this kernel cannot do that" in why(done)
    assert (lan.exists(), lan.uplink(), lan.monitor()) == (False, UNTOUCHED, STOPPED)


def test_killed_at_any_step_of_start_it_tells_the_truth_and_stop_cleans_up(lan: Lan) -> None:
    answers = set()
    for step in itertools.count(1):
        cut = lan.node.call_killed(
            "LinuxBridge", "start", "sendto,rename", step, resource=lan.name, **lan.params
        )
        exists, answer = lan.exists(), lan.monitor()
        assert answer == STOPPED if not exists else answer in (RUNNING, FAILED), step
        answers.add(answer)
        assert lan.code("stop") == 0
        assert (lan.exists(), lan.uplink(), lan.monitor()) == (False, UNTOUCHED, STOPPED), step
        if not cut:
            break
    assert answers == {STOPPED, FAILED, RUNNING}
    assert step > 10


def test_killed_at_any_step_of_stop_the_next_stop_finishes_it(lan: Lan) -> None:
    for step in itertools.count(1):
        assert lan.code("start") == 0
        cut = lan.node.call_killed(
            "LinuxBridge", "stop", "sendto,unlink", step, resource=lan.name, **lan.params
        )
        exists, answer = lan.exists(), lan.monitor()
        assert answer == STOPPED if not exists else answer in (RUNNING, FAILED), step
        assert lan.code("stop") == 0
        assert (lan.exists(), lan.uplink(), lan.monitor()) == (False, UNTOUCHED, STOPPED), step
        if not cut:
            break
    assert step > 5


def test_a_bridge_under_guests_is_not_deleted(lan: Lan) -> None:
    assert lan.code("start") == 0
    lan.tap("vnet7")
    done = lan.call("stop", timeout=3)
    assert done.returncode == FAILED
    assert "still carries vnet7" in why(done)
    assert (lan.exists(), lan.monitor()) == (True, RUNNING)
    assert lan.uplink() == (lan.bridge, True, 1500)
    lan.node.sh("ip link del vnet7")
    assert lan.code("stop") == 0
    assert not lan.exists()


def test_force_deletes_under_guests_and_leaves_their_ports(lan: Lan) -> None:
    assert lan.code("start") == 0
    lan.tap("vnet8")
    assert lan.code("stop", force="true") == 0
    tap = lan.link("vnet8")
    assert not lan.exists()
    assert tap is not None and "UP" in tap["flags"] and "master" not in tap
    lan.node.sh("ip link del vnet8")


def test_an_adopted_bridge_is_given_back(lan: Lan) -> None:
    tap = f"tap{lan.bridge}"
    lan.node.sh(f"ip link add {lan.bridge} type bridge; ip link set {lan.bridge} alias 'by hand'")
    lan.tap(tap)
    assert lan.monitor() == STOPPED
    done = lan.call("start")
    assert (done.returncode, "set adopt=true" in why(done)) == (2, True)
    assert lan.code("stop") == 0
    lan.params |= {"adopt": "true", "stp": "on"}
    assert lan.code("start") == 0
    assert lan.monitor() == RUNNING
    assert lan.code("stop") == 0, "the guest on it is no reason to keep what is not ours"
    found = lan.link(lan.bridge)
    assert found is not None
    assert (found["ifalias"], found["linkinfo"]["info_data"]["stp_state"]) == ("by hand", 0)
    assert (lan.monitor(), lan.uplink()) == (STOPPED, UNTOUCHED)
    port = lan.link(tap)
    assert port is not None and port["master"] == lan.bridge
    lan.node.sh(f"ip link del {tap}")


@pytest.mark.parametrize("adopted", [False, True], ids=["made", "adopted"])
def test_ownership_survives_the_loss_of_the_record(lan: Lan, adopted: bool) -> None:
    if adopted:
        lan.node.sh(f"ip link add {lan.bridge} type bridge")
        lan.params["adopt"] = "true"
    assert lan.code("start") == 0
    lan.node.sh("rm -rf /run/hactl")
    assert lan.monitor() == RUNNING
    assert lan.code("stop") == 0
    assert lan.exists() == adopted
    assert lan.monitor() == STOPPED


def test_a_state_folder_that_cannot_be_written_fails_start_but_not_stop(lan: Lan) -> None:
    assert lan.code("start") == 0
    lan.node.sh("mount --bind /run/hactl /run/hactl; mount -o remount,bind,ro /run/hactl")
    assert lan.monitor() == RUNNING
    assert lan.code("stop") == 0
    assert not lan.exists()
    assert lan.code("start") == FAILED
    assert (lan.exists(), lan.uplink()[0]) == (False, None)
    lan.node.sh("umount /run/hactl")


@pytest.mark.parametrize(
    ("params", "code", "text"),
    [
        ({"bridge": "sixteen-letters-"}, 6, "longer than 15 characters"),
        ({"bridge": "br0;touch /run/x"}, 6, "is not a device name"),
        ({"bridge": "$(touch /run/x)"}, 6, "is not a device name"),
        ({"ports": "nosuch0"}, 2, "this node has no network device nosuch0"),
        ({"ports": "lo"}, 2, "lo is the loopback"),
        ({"mtu": "5000000000"}, 6, "is more than 65535"),
        ({"ports": ""}, 0, ""),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence(
    lan: Lan, params: "dict[str, str]", code: int, text: str
) -> None:
    before = lan.node.sh("ip -o link")
    done = lan.call("start", **params)
    assert (done.returncode, text in why(done)) == (code, True), done.stderr
    assert done.stderr.count("\n") <= 1
    assert "Traceback" not in done.stderr
    if code:
        assert lan.node.sh("ip -o link; ls /run").startswith(before)
        assert "x" not in lan.node.sh("ls /run").split()
        assert lan.code("stop", **params) == 0


def test_a_port_of_another_bridge_is_left_where_it_is(lan: Lan) -> None:
    lan.node.sh(f"ip link add other{lan.bridge} type bridge")
    lan.node.sh(f"ip link set {lan.port} master other{lan.bridge}")
    done = lan.call("start")
    assert (done.returncode, "is a port of another device" in why(done)) == (2, True)
    assert (lan.exists(), lan.uplink()[0]) == (False, f"other{lan.bridge}")
    lan.node.sh(f"ip link del other{lan.bridge}")


def test_a_port_with_an_address_is_refused(lan: Lan) -> None:
    lan.node.sh(f"ip addr add 10.11.12.13/24 dev {lan.port}")
    done = lan.call("start")
    assert (done.returncode, "has the address 10.11.12.13/24" in why(done)) == (2, True)
    assert (lan.exists(), lan.uplink()) == (False, UNTOUCHED)


def test_a_port_the_kernel_refuses_leaves_nothing(lan: Lan) -> None:
    # a device can be on one macvlan or bridge only: the kernel says so after the bridge was made
    lan.node.sh(f"ip link add link {lan.port} name mac{lan.bridge} type macvlan")
    done = lan.call("start")
    assert (done.returncode, f"changing {lan.port}: " in why(done)) == (FAILED, True)
    assert (lan.exists(), lan.uplink(), lan.monitor()) == (False, UNTOUCHED, STOPPED)


def test_names_are_compared_whole(lan: Lan) -> None:
    lan.node.sh(f"ip link add {lan.bridge}0 type bridge")
    lan.node.sh(f"ip link set {lan.bridge}0 alias hactl:{lan.name}")
    assert lan.monitor() == STOPPED
    assert lan.code("start") == 0
    assert lan.code("stop") == 0
    assert lan.link(f"{lan.bridge}0") is not None
    lan.node.sh(f"ip link del {lan.bridge}0")


def test_a_device_of_that_name_that_is_no_bridge_is_left_alone(lan: Lan) -> None:
    lan.node.sh(f"ip tuntap add {lan.bridge} mode tap")
    assert lan.monitor() == STOPPED
    done = lan.call("start", adopt="true")
    assert (done.returncode, "not a bridge" in why(done)) == (2, True)
    assert lan.code("stop") == 0
    assert lan.exists()


def test_sysfs_of_another_namespace_misleads_nobody(lan: Lan) -> None:
    assert lan.code("start") == 0
    # without a new /sys this namespace still shows the bridge there
    done = lan.call("monitor", wrapper=("unshare", "--net"))
    assert done.returncode == STOPPED


def test_drift_is_named_and_repaired(lan: Lan) -> None:
    lan.params |= {"stp": "off"}
    assert lan.code("start") == 0
    lan.node.sh(
        f"ip link set {lan.port} nomaster; ip link set {lan.bridge} type bridge stp_state 1"
    )
    done = lan.call("monitor")
    assert done.returncode == DEGRADED
    assert why(done) == (
        f"{lan.bridge} has stp 1 instead of 0; {lan.port} is not a port of {lan.bridge} any more"
    )
    assert lan.monitor(drift="fail") == FAILED
    assert lan.monitor(drift="repair") == RUNNING
    assert lan.monitor() == RUNNING


def test_a_pulled_cable_is_seen(lan: Lan) -> None:
    assert lan.code("start") == 0
    lan.node.sh(f"ip link set {lan.switch} down")
    done = lan.call("monitor")
    assert (done.returncode, why(done)) == (
        DEGRADED,
        f"no carrier on {lan.port}, port of {lan.bridge}",
    )
    lan.node.sh(f"ip link del {lan.port}")
    done = lan.call("monitor")
    assert (done.returncode, why(done)) == (DEGRADED, f"port {lan.port} does not exist any more")
    assert lan.code("stop") == 0
    lan.node.sh(f"ip link add {lan.port} type veth peer name {lan.switch}")


def test_ports_change_without_a_restart(lan: Lan) -> None:
    other = Lan(lan.node)
    assert lan.code("start") == 0
    before = lan.link(lan.bridge)
    assert lan.code("reload-agent", ports=other.port, mtu=1400) == 0
    after = lan.link(lan.bridge)
    assert before is not None and after is not None
    assert before["ifindex"] == after["ifindex"]
    assert lan.uplink() == UNTOUCHED
    assert other.uplink() == (lan.bridge, True, 1400)
    assert lan.code("stop") == 0
    assert other.uplink() == UNTOUCHED
    lan.node.sh(f"ip link del {other.port}")


def test_clone_instances_share_the_bridge_of_the_node(lan: Lan) -> None:
    assert lan.code("start", resource=f"{lan.name}:0") == 0
    assert lan.monitor(resource=f"{lan.name}:1") == RUNNING
    assert lan.code("stop", resource=f"{lan.name}:2") == 0
    assert not lan.exists()


def test_many_bridges_start_at_once(node: PrivateNode) -> None:
    lans = [Lan(node) for _ in range(6)]
    with ThreadPoolExecutor(len(lans)) as pool:
        assert set(pool.map(lambda lan: lan.code("start"), lans)) == {0}
        assert [lan.uplink()[0] for lan in lans] == [lan.bridge for lan in lans]
        assert set(pool.map(lambda lan: lan.code("stop"), lans)) == {0}
    assert [lan.uplink() for lan in lans] == [UNTOUCHED] * len(lans)


def test_starts_and_stops_of_one_bridge_wait_for_each_other(lan: Lan) -> None:
    actions = ["start", "start", "stop", "start", "stop", "start"]
    with ThreadPoolExecutor(len(actions)) as pool:
        assert set(pool.map(lan.code, actions)) == {0}
    exists = lan.exists()
    assert lan.monitor() == (RUNNING if exists else STOPPED)
    assert lan.code("stop") == 0
    assert (lan.exists(), lan.uplink()) == (False, UNTOUCHED)


def test_it_needs_no_tool(lan: Lan) -> None:
    missing = {"OCF_TESTER_FAIL_HAVE_BINARY": "1", "PATH": "/nowhere"}
    tools = ("env", *(f"{name}={value}" for name, value in missing.items()))
    for action in ("start", "monitor", "stop"):
        assert lan.code(action, wrapper=tools) == 0


def test_a_monitor_forks_nothing(lan: Lan) -> None:
    assert lan.code("start") == 0
    trace = ("strace", "-f", "-qq", "-e", "trace=%process", "-e", "signal=none")
    done = lan.call("monitor", wrapper=trace)
    seen = [line for line in done.stderr.splitlines() if "exit" not in line]
    assert [line.partition("(")[0] for line in seen] == ["execve"], done.stderr


def test_a_monitor_costs_no_more_than_agreed(lan: Lan) -> None:
    if shutil.which("valgrind") is None:
        pytest.skip("valgrind is not installed")
    assert lan.code("start") == 0
    grind = ("valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null")
    done = lan.call("monitor", wrapper=(*grind, "/usr/bin/python3", "-IS"))
    counted = done.stderr.partition("Collected : ")[2].split()[0]
    assert (done.returncode, int(counted) <= allowed(25_000_000)) == (RUNNING, True), counted


def test_ocf_tester_is_content(lan: Lan) -> None:
    if shutil.which("ocf-tester") is None:
        pytest.skip("ocf-tester is not installed")
    given = [word for name, value in lan.params.items() for word in ("-o", f"{name}={value}")]
    program = lan.node.launcher("LinuxBridge")
    done = lan.node.run("ocf-tester", "-n", lan.name, *given, program, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "passed all tests" in done.stdout
    assert (lan.exists(), lan.uplink()) == (False, UNTOUCHED)


def test_the_agent_runs_from_where_it_was_installed(node: PrivateNode) -> None:
    assert LIBDIR in Path(node.launcher("LinuxBridge")).read_text()
