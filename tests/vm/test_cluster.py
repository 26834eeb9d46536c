"""A cluster of machines with kernels of their own: formed, fenced, fit for what needs kernels."""

from collections.abc import Callable

import pytest
from testinfra.host import Host

from hactl_vmlab.reach import Site
from tests.vm.cluster import Cluster

pytestmark = [pytest.mark.vm, pytest.mark.timeout(1200)]
Reach = Callable[[str], Host]

# file systems, targets and datapaths that need a kernel of their own
MODULES = ("gfs2", "dlm", "target_core_mod", "iscsi_target_mod", "nvmet_tcp", "nvme_tcp", "rbd",
           "openvswitch", "softdog", "8021q")  # fmt: skip


def test_every_node_runs_what_provisioning_started(host: Reach, site: Site) -> None:
    for node in site.names:
        for service in ("corosync", "pacemaker", "lab-power.socket"):
            assert host(node).service(service).is_running, f"{service} on {node}"


def test_corosync_uses_the_links_of_the_definition(host: Reach, site: Site) -> None:
    first = site.lab.nodes[0]
    said = host(first.name).check_output("corosync-cfgtool -n")
    for link in site.lab.links:
        assert link.address(first.number) in said
    assert said.count("connected") == len(site.lab.links) * (len(site.names) - 1)


def test_hactl_sees_its_cluster(cluster: Cluster) -> None:
    said = cluster.run(cluster.nodes[0], "hactl status")
    for node in cluster.nodes:
        assert node in said


def test_a_second_apply_would_change_nothing(cluster: Cluster) -> None:
    # exit status 0: no change, 2: changes; anything but 0 is raised
    cluster.run(cluster.nodes[1], "hactl plan --detailed-exitcode /etc/hactl.yaml")


def test_the_power_switch_tells_every_node_who_is_on(host: Reach, site: Site) -> None:
    for node in site.names:
        said = host(node).run("fence_lab -o status -n %s", site.names[0])
        assert said.rc == 0, said.stderr


def test_the_kernel_has_what_namespaces_cannot_give(host: Reach, site: Site) -> None:
    node = host(site.names[0])
    for module in MODULES:
        said = node.run("modprobe %s", module)
        assert said.rc == 0, said.stderr


def test_the_watchdog_is_softdog_and_no_other(host: Reach, site: Site) -> None:
    said = host(site.names[0]).check_output("cat /sys/class/watchdog/*/identity")
    assert said == "Software Watchdog"


def test_the_shared_disk_is_one_disk(cluster: Cluster) -> None:
    disk = "/dev/disk/by-id/virtio-shared"
    writer, reader = cluster.nodes[0], cluster.nodes[1]
    cluster.run(
        writer, f"echo from {writer} | dd of={disk} bs=512 seek=2047 conv=sync oflag=direct"
    )
    assert f"from {writer}" in cluster.run(
        reader, f"dd if={disk} bs=512 skip=2047 count=1 iflag=direct"
    )
