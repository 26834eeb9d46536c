"""What holds for all tests."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.support.caller import forget_the_caller

forget_the_caller()

# These machines are shared and slow at times: how long an example takes proves nothing.
settings.register_profile(
    "hactl", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("hactl")

# Minutes of Ceph, Open vSwitch and small virtual machines: `scripts/test --all` runs them too.
EXTENDED = (
    "truth/test_ovs_bridge.py",
    "truth/test_ovs_bridge_kernel.py",
    "truth/test_ovs_bridge_parameters.py",
    "truth/test_rbd_image.py",
    "truth/test_rbd_image_kernel.py",
    "truth/test_gfs2_mount_kernel.py",
    "truth/test_gfs2_mount_two_nodes.py",
    "truth/test_iscsi_gateway_kernel.py",
    "truth/test_iscsi_gateway_rbd.py",
    "truth/test_nvmeof_gateway_kernel.py",
    "truth/test_nvmeof_multipath.py",
    "truth/test_port_gate_kernel.py",
    "fencing/test_ceph_clients.py",
    "fencing/test_check_ceph.py",
    "fencing/test_libvirt_hosts.py",
    "fencing/test_libvirt_tls.py",
    "cluster/test_fence_drill_faults.py",
    "cluster/test_fence_drill_storage.py",
    "cluster/test_fencing_liars.py",
)
HERE = Path(__file__).parent


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--seen", metavar="FILE", default="", help="note what the truth table has seen in a file"
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE) and str(item.path.relative_to(HERE)) in EXTENDED:
            item.add_marker(pytest.mark.extended)
