"""What restarts, moves or is fenced when storage or a gateway fails, on Pacemaker's scheduler."""

import subprocess
from pathlib import Path

import pytest
from lxml import etree

from hactl.cib import document
from hactl.model.resource import primitives
from tests.hactl.pacemaker import needs_pacemaker, simulate
from tests.hactl.topologies import cluster_of

GOLDEN = Path(__file__).parents[1] / "golden"
pytestmark = needs_pacemaker


def without_ceph(text: str) -> str:
    """Leave out the fencing by blocklist: a simulated cluster never remembers who was let in."""
    lines = text.replace(", ceph: }", "}").splitlines(keepends=True)
    return "".join(line for line in lines if "blocklist" not in line and "levels" not in line)


class Running:
    """A golden case in which everything runs, as the scheduler would have started it."""

    def __init__(self, name: str, folder: Path) -> None:
        self.cluster = cluster_of(without_ceph((GOLDEN / name / "topology.yaml").read_text()))
        cold, self.cib = folder / f"{name}-cold.xml", folder / f"{name}.xml"
        cold.write_bytes(document.text(document.cib(self.cluster)))
        command = ["crm_simulate", "-S", "-x", str(cold), "-O", str(self.cib)]
        subprocess.run(command, check=True, capture_output=True)

    def node_of(self, primitive: str) -> str:
        """Return a node on which a primitive is."""
        status = etree.parse(str(self.cib)).iterfind("status/node_state")
        operation = f"lrm/lrm_resources/lrm_resource[@id='{primitive}']/lrm_rsc_op"
        return next(
            node.get("uname", "")
            for node in status
            if any(
                op.get("operation") == "monitor" and op.get("interval") != "0"
                for op in node.iterfind(operation)
            )
        )

    def after_failure(self, primitive: str) -> tuple[set[str], set[str]]:
        """Return what is touched, and which nodes are fenced, when a check of it fails."""
        node = self.node_of(primitive)
        (interval,) = {
            operation.interval
            for resource in self.cluster.resources
            for each in primitives(resource)
            for operation in each.operations
            if each.id == primitive and operation.name == "monitor" and not operation.depth
        }
        fault = f"{primitive}_monitor_{interval}@{node}=1"
        said = simulate(self.cib, "--op-inject", fault)
        touched = {
            action.get("resource", "").partition(":")[0]
            for action in said.iterfind("actions/rsc_action")
        }
        fenced = {action.get("node", "") for action in said.iterfind("actions/node_action")}
        devices = {resource.id for resource in self.cluster.resources if resource.kind == "fencing"}
        return touched - devices, fenced


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Running:
    return Running("shared-storage", tmp_path_factory.mktemp("storage"))


@pytest.fixture(scope="module")
def gateways(tmp_path_factory: pytest.TempPathFactory) -> Running:
    return Running("gateways", tmp_path_factory.mktemp("gateways"))


def test_a_failed_image_restarts_its_guest_and_what_is_chained_to_it(storage: Running) -> None:
    touched, fenced = storage.after_failure("db1-a")
    assert touched == {"db1-a", "db1"}
    assert fenced == set()


def test_a_failed_mount_gets_its_node_fenced(storage: Running) -> None:
    node = storage.node_of("vms-mount")
    touched, fenced = storage.after_failure("vms-mount")
    assert fenced == {node}
    assert "vms-mount" in touched


def test_a_failed_lock_manager_gets_its_node_fenced(storage: Running) -> None:
    node = storage.node_of("dlm-daemon")
    assert storage.after_failure("dlm-daemon")[1] == {node}


def test_a_failed_target_restarts_alone(gateways: Running) -> None:
    assert gateways.after_failure("san3-target") == ({"san3-target"}, set())


def test_a_failed_address_restarts_the_target_on_it(gateways: Running) -> None:
    touched, _ = gateways.after_failure("san3-address")
    assert touched == {"san3-address", "san3-target"}


def test_what_is_served_takes_its_gateway_with_it_and_no_other(gateways: Running) -> None:
    touched, fenced = gateways.after_failure("vol1")
    members = {"san1-gate", "san1-address", "san1-address-2", "san1-target"}
    assert touched == {"vol1"} | members
    assert fenced == set()


def test_a_failed_bridge_restarts_no_gateway(gateways: Running) -> None:
    assert gateways.after_failure("san-bridge") == ({"san-bridge"}, set())
