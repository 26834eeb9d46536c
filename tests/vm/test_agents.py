"""Agents on a real kernel, where it has what the kernels of test machines often lack."""

from collections.abc import Callable

import pytest
from testinfra.host import Host

from hactl_vmlab.reach import Site
from tests.vm.cluster import Cluster

pytestmark = [pytest.mark.vm, pytest.mark.timeout(1200)]
Reach = Callable[[str], Host]
AGENTS = "OCF_ROOT=/usr/lib/ocf {parameters} /usr/lib/ocf/resource.d/hactl/{agent} {action}"
# without a network and without AppArmor, which the box does not have
CONTAINER = """
[ -d /var/lib/lxc/vm1 ] || lxc-create -t busybox vm1
sed -i -e '/^lxc.net/d' -e '/^lxc.apparmor/d' /var/lib/lxc/vm1/config
printf 'lxc.apparmor.profile = unconfined\\nlxc.net.0.type = empty\\n' >>/var/lib/lxc/vm1/config
"""
OK, NOT_RUNNING, DEGRADED = 0, 7, 190


def perform(host: Host, agent: str, action: str, **parameters: str) -> int:
    """One action of an agent in a node, outside the cluster; its OCF exit code."""
    given = {"CRM_meta_timeout": "120000", "OCF_RESOURCE_INSTANCE": f"test-{agent.lower()}"}
    given |= {f"OCF_RESKEY_{name}": value for name, value in parameters.items()}
    words = " ".join(f"{name}={value}" for name, value in given.items())
    done = host.run(AGENTS.format(parameters=words, agent=agent, action=action))
    assert done.rc in (OK, NOT_RUNNING, DEGRADED), done.stderr
    return int(done.rc)


def test_the_bridge_of_the_topology_keeps_vlans_apart(cluster: Cluster, host: Reach) -> None:
    for node in cluster.nodes:
        bridge = host(node).file("/sys/class/net/br-lan/bridge/vlan_filtering")
        assert bridge.content_string.strip() == "1", node
        assert host(node).file("/sys/class/net/br-lan/brif/eth4").exists


def test_a_bridge_starts_with_vlans_and_stops_without_a_trace(host: Reach, site: Site) -> None:
    node = host(site.names[0])
    wanted = {"bridge": "br-test", "vlan_filtering": "true"}
    assert perform(node, "LinuxBridge", "monitor", **wanted) == NOT_RUNNING
    assert perform(node, "LinuxBridge", "start", **wanted) == OK
    assert node.file("/sys/class/net/br-test/bridge/vlan_filtering").content_string.strip() == "1"
    assert perform(node, "LinuxBridge", "monitor", **wanted) == OK
    node.check_output("ip link set br-test type bridge vlan_filtering 0")
    assert perform(node, "LinuxBridge", "monitor", **wanted) != OK, "drift is seen"
    assert perform(node, "LinuxBridge", "stop", **wanted) == OK
    assert not node.file("/sys/class/net/br-test").exists


def test_a_container_is_limited_by_control_groups_of_version_2(host: Reach, site: Site) -> None:
    node = host(site.names[0])
    node.check_output(CONTAINER)
    wanted = {"container": "vm1", "memory_limit": "64"}
    try:
        assert perform(node, "LxcContainer", "start", **wanted) == OK
        assert perform(node, "LxcContainer", "monitor", **wanted) == OK
        limits = node.check_output("cat $(find /sys/fs/cgroup -path '*vm1*' -name memory.max)")
        assert str(64 << 20) in limits.split()
    finally:
        assert perform(node, "LxcContainer", "stop", **wanted) == OK
    assert perform(node, "LxcContainer", "monitor", **wanted) == NOT_RUNNING
