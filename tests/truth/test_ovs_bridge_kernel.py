"""OvsBridge with the kernel's datapath, which goes on forwarding when ovs-vswitchd is dead."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from hactl.install.agents import install
from tests.support.execd import wait_until
from tests.support.kernel_guest import HactlError, KernelGuest, lacking, python_files
from tests.support.ovs_node import SCHEMA, START
from tests.support.ovs_node import lacking as ovs_lacks

pytestmark = [
    pytest.mark.backend,
    pytest.mark.extended,
    pytest.mark.xdist_group("ovs-bridge-kernel"),
    pytest.mark.timeout(600),
    *(pytest.mark.skipif(True, reason=reason) for reason in (*lacking(), *ovs_lacks())),
]
RUNNING, FAILED, STOPPED, DEGRADED = 0, 1, 7, 190
PROGRAMS = (
    "ovsdb-server", "ovs-vswitchd", "ovsdb-tool", "ovs-vsctl", "ovs-ofctl", "ovs-appctl",
    "ovs-dpctl", "ip", "setpriv", "tc",
)  # fmt: skip
IP = shutil.which("ip")  # busybox has one of its own that cannot do half of it
TC = shutil.which("tc")
MODULES = ["openvswitch", "veth", "sch_htb"]


class Machine(KernelGuest):
    """A guest with the agents and Open vSwitch."""

    def call(self, action: str, timeout: int = 30, **params: object) -> tuple[int, str]:
        given = {"bridge": "br0", "uplinks": "up0"} | params
        words = [f"OCF_RESKEY_{name}='{value}'" for name, value in given.items()]
        words += [f"OCF_RESKEY_CRM_meta_timeout={timeout * 1000}"]
        words += ["OCF_RESKEY_CRM_meta_interval=10000", "OCF_RESOURCE_INSTANCE=lan"]
        program = "/usr/lib/ocf/resource.d/hactl/OvsBridge"
        return self.run(f"{' '.join(words)} {program} {action}", timeout + 60)

    def code(self, action: str, **params: object) -> int:
        return self.call(action, **params)[0]  # type: ignore[arg-type]

    def says(self, script: str) -> str:
        return self.run(script)[1].strip()


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    folder = tmp_path_factory.mktemp("machine")
    install(folder / "root")
    files = python_files() | {SCHEMA: Path(SCHEMA).read_bytes()}
    for path in (folder / "root").rglob("*"):
        if path.is_file():
            files[f"/{path.relative_to(folder / 'root')}"] = path.read_bytes()
    programs = [found for name in PROGRAMS if (found := shutil.which(name))]
    machine = Machine(folder / "guest", ())
    try:
        machine.up(programs, MODULES, files)
        machine.run("mkdir -p /run/openvswitch /var/log/openvswitch")
        machine.run(f"ovsdb-tool create /run/conf.db {SCHEMA}")
        machine.run(START["ovsdb-server"])
        machine.run("ovs-vsctl --no-wait init")
        machine.run(START["ovs-vswitchd"])
        machine.run(f"{IP} link add up0 type veth peer name sw0; {IP} link set sw0 up")
        yield machine
    except HactlError as exc:
        pytest.skip(f"no kernel to boot: {exc}")
    finally:
        machine.down()


def test_a_bridge_comes_and_goes_in_the_kernel(machine: Machine) -> None:
    assert machine.code("monitor") == STOPPED
    code, text = machine.call("start", trunks="10,20", mtu=1400, qos_max_rate=1_000_000)
    assert code == 0, text
    given = {"trunks": "10,20", "mtu": 1400, "qos_max_rate": 1_000_000}
    code, text = machine.call("monitor", **given)  # type: ignore[arg-type]
    assert code == RUNNING, text
    assert "master ovs-system" in machine.says(f"{IP} link show up0")
    assert "openvswitch" in machine.says(f"{IP} -d link show br0")
    assert "htb" in machine.says(f"{TC} qdisc show dev up0")
    assert machine.code("stop", **given) == 0
    assert "master" not in machine.says(f"{IP} link show up0")
    assert "mtu 1500" in machine.says(f"{IP} link show up0")
    assert machine.run(f"{IP} link show br0")[0] == 1
    assert machine.code("monitor") == STOPPED


def test_a_kernel_that_still_forwards_is_not_stopped_and_is_stopped_all_the_same(
    machine: Machine,
) -> None:
    assert machine.code("start") == 0
    assert machine.code("monitor") == RUNNING
    machine.run("kill -9 $(cat /run/openvswitch/ovs-vswitchd.pid); sleep 1")
    code, text = machine.call("monitor")
    assert (code, "ovs-vswitchd is not running" in text) == (FAILED, True)
    code, text = machine.call("stop")
    assert code == 0, text
    assert machine.run(f"{IP} link show br0")[0] == 1
    assert "master" not in machine.says(f"{IP} link show up0")
    assert machine.code("monitor") == STOPPED
    machine.run(START["ovs-vswitchd"])
    assert machine.code("monitor") == STOPPED


def test_a_row_deleted_while_the_kernel_forwards_is_no_stop(machine: Machine) -> None:
    assert machine.code("start") == 0
    machine.run("kill -9 $(cat /run/openvswitch/ovs-vswitchd.pid); sleep 1")
    machine.run("ovs-vsctl --no-wait del-br br0")
    code, text = machine.call("monitor")
    assert (code, "the kernel still has the device br0" in text) == (FAILED, True), text
    machine.run("mv /usr/bin/ovs-dpctl /run/ovs-dpctl")
    assert machine.code("stop") == FAILED
    machine.run("mv /run/ovs-dpctl /usr/bin/ovs-dpctl")
    assert machine.code("stop") == 0
    assert machine.run(f"{IP} link show br0")[0] == 1
    machine.run(START["ovs-vswitchd"])
    assert machine.code("monitor") == STOPPED


def test_both_daemons_dead_and_the_kernel_still_forwards(machine: Machine) -> None:
    assert machine.code("start") == 0
    for daemon in ("ovs-vswitchd", "ovsdb-server"):
        machine.run(f"kill -9 $(cat /run/openvswitch/{daemon}.pid); sleep 1")
    machine.run("rm -rf /run/hactl")
    code, text = machine.call("monitor")
    assert (code, "so nobody knows whose br0 is" in text) == (FAILED, True), text
    assert machine.code("stop") == FAILED
    machine.run(START["ovsdb-server"])
    machine.run(START["ovs-vswitchd"])
    wait_until(lambda: machine.code("monitor") == RUNNING, "it does not come back", 30)
    assert machine.code("stop") == 0
    assert machine.code("monitor") == STOPPED
