"""What restarts when something fails or changes: the constraints, on Pacemaker's own scheduler."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from lxml import etree

from hactl.cib import document
from tests.hactl.pacemaker import crm_simulate, needs_pacemaker, simulate
from tests.hactl.topologies import cluster_of

TOPOLOGY = """\
cluster: {name: demo}
nodes:
  node1: {fencing: {bmc: }}
  node2: {fencing: {bmc: }}
  node3: {fencing: {bmc: }}
fencing: {devices: {bmc: {agent: fence_lab}}}
networks: {lan: {kind: bridge, bridge: br-lan}}
storage: {vms: {kind: directory, path: /srv/vms, device: "nas:/vms", fstype: nfs4}}
containers:
  dns1: {path: /srv/vms/dns1, networks: [lan], address: 10.0.0.53/24, prefer: {node1: 500}}
guests:
  web1: {cpus: 1, memory: 1GiB, disks: [vms], nics: [lan], prefer: {node1: 500}}
  web2: {cpus: 1, memory: 1GiB, disks: [vms], nics: [lan], prefer: {node2: 500}}
  db1: {cpus: 1, memory: 1GiB, disks: [vms], nics: [lan], after: [web1], prefer: {node3: 500}}
"""
WORKLOADS = {"dns1", "web1", "web2", "db1"}

pytestmark = needs_pacemaker
Change = Callable[[etree._Element], None]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CIB in which everything runs, as the scheduler would have started it."""
    folder = tmp_path_factory.mktemp("running")
    cold, warm = folder / "cold.xml", folder / "warm.xml"
    cold.write_bytes(document.text(document.cib(cluster_of(TOPOLOGY))))
    subprocess.run(
        ["crm_simulate", "-S", "-x", str(cold), "-O", str(warm)], check=True, capture_output=True
    )
    return warm


def touched(running: Path, change: Change | None = None, *faults: str) -> dict[str, set[str]]:
    """Return what the scheduler would do to each guest and container after a change or fault."""
    root = etree.parse(str(running)).getroot()
    if change:
        change(root)
    changed = running.with_name("changed.xml")
    changed.write_bytes(etree.tostring(root))
    said = simulate(changed, *faults)
    actions: dict[str, set[str]] = {}
    for action in said.iterfind("actions/rsc_action"):
        if action.get("blocked") == "true":  # wanted, and not done
            continue
        name = re.sub(":[0-9]+$", "", action.get("resource", ""))
        actions.setdefault(name, set()).add(action.get("action", ""))
    return actions


def parameter(primitive: str, name: str, value: str) -> Change:
    def change(root: etree._Element) -> None:
        (nvset,) = root.xpath("//primitive[@id=$id]/instance_attributes", id=primitive)
        etree.SubElement(nvset, "nvpair", id=f"{primitive}-{name}", name=name, value=value)

    return change


def meta(unit: str, name: str, value: str) -> Change:
    def change(root: etree._Element) -> None:
        (found,) = root.xpath("//resources/*[@id=$id]", id=unit)
        nvset = etree.SubElement(found, "meta_attributes", id=f"{unit}-t")
        etree.SubElement(nvset, "nvpair", id=f"{unit}-t-{name}", name=name, value=value)

    return change


def standby(node: str) -> Change:
    def change(root: etree._Element) -> None:
        (found,) = root.xpath("//node[@uname=$name]", name=node)
        nvset = etree.SubElement(found, "instance_attributes", id=f"{node}-attributes")
        etree.SubElement(nvset, "nvpair", id=f"{node}-standby", name="standby", value="on")

    return change


def test_everything_runs_and_nothing_is_left_to_do(running: Path) -> None:
    assert touched(running) == {}
    text = running.read_text()
    assert all(f'<lrm_resource id="{name}"' in text for name in WORKLOADS)


def test_a_failed_bridge_restarts_no_guest(running: Path) -> None:
    actions = touched(running, None, "--op-inject", "lan-bridge_monitor_10000@node1=1")
    assert "lan-bridge" in actions
    assert not WORKLOADS & set(actions)


def test_a_changed_bridge_restarts_no_guest(running: Path) -> None:
    actions = touched(running, parameter("lan-bridge", "mtu", "9000"))
    assert "lan-bridge" in actions
    assert not WORKLOADS & set(actions)


def test_a_failed_address_does_not_restart_its_container(running: Path) -> None:
    actions = touched(running, None, "--op-inject", "dns1-address_monitor_10000@node1=1")
    assert set(actions) == {"dns1-address"}


def test_a_failed_container_leaves_its_address_alone(running: Path) -> None:
    actions = touched(running, None, "--op-inject", "dns1_monitor_10000@node1=1")
    assert set(actions) == {"dns1"}


def test_failed_storage_restarts_what_uses_it_on_that_node_and_nothing_else(running: Path) -> None:
    actions = touched(running, None, "--op-inject", "vms-mount_monitor_20000@node1=1")
    assert WORKLOADS & set(actions) == {"dns1", "web1"}


def test_a_drained_node_loses_its_guests_live(running: Path) -> None:
    actions = touched(running, standby("node1"))
    assert actions["web1"] == {"migrate"}
    assert actions["dns1"] == {"move"}
    assert not {"web2", "db1"} & set(actions)


def test_a_guest_that_another_starts_after_may_fail_alone(running: Path) -> None:
    actions = touched(running, None, "--op-inject", "web1_monitor_10000@node1=1")
    assert WORKLOADS & set(actions) == {"web1"}


def test_a_lost_node_is_fenced_and_its_guests_start_elsewhere(running: Path) -> None:
    actions = touched(running, None, "-f", "node1")
    assert WORKLOADS & set(actions) == {"web1", "dns1"}


@pytest.mark.parametrize("name, value", [("is-managed", "false"), ("maintenance", "true")])
@pytest.mark.parametrize("unit", ["web1", "dns1", "dns1-address", "lan", "vms"])
def test_what_is_not_managed_disturbs_nobody(
    running: Path, unit: str, name: str, value: str
) -> None:
    assert touched(running, meta(unit, name, value)) == {}


def with_what_was_written_before(root: etree._Element) -> None:
    for order in root.iterfind(".//rsc_order[@kind='Serialize']"):
        order.set("kind", "Mandatory")


def test_before_an_unmanaged_guest_stopped_all_others(running: Path) -> None:
    def change(root: etree._Element) -> None:
        with_what_was_written_before(root)
        meta("web1", "is-managed", "false")(root)

    assert WORKLOADS - {"web1"} <= set(touched(running, change))


def mandatory(root: etree._Element) -> None:
    """What most people write: guests that need their bridge to have started."""
    for order in root.iterfind(".//rsc_order[@first='lan']"):
        order.set("kind", "Mandatory")
        order.attrib.pop("symmetrical", None)


def test_with_a_mandatory_order_the_same_failure_would_restart_them(running: Path) -> None:
    actions = touched(running, mandatory, "--op-inject", "lan-bridge_monitor_10000@node1=1")
    assert WORKLOADS & set(actions)


def test_a_bridge_is_taken_down_only_after_the_guests_have_left(running: Path) -> None:
    root = etree.parse(str(running)).getroot()
    standby("node1")(root)
    changed = running.with_name("drained.xml")
    changed.write_bytes(etree.tostring(root))
    said = etree.fromstring(crm_simulate("--output-as=xml", "-S", "-x", str(changed)))
    steps = [
        (action.get("resource"), action.get("op"))
        for action in said.iterfind("transition/rsc_action")
    ]
    bridge_down = steps.index(("lan-bridge", "stop"))
    # The last thing that happens to a guest that leaves: what remains of it is stopped.
    assert steps.index(("web1", "stop")) < bridge_down
    assert steps.index(("dns1", "stop")) < bridge_down
