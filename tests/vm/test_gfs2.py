"""GFS2 on real kernels: one file system, one lock space, a journal replayed after a power cut."""

import time
from collections.abc import Callable, Iterator

import pytest
import yaml

from hactl.lab.vm import provision
from hactl.lab.vm.lab import Lab
from hactl.lab.vm.site import Site
from hactl.lab.vm.topology import topology
from tests.vm.cluster import Cluster

pytestmark = [pytest.mark.vm, pytest.mark.timeout(1800)]
Measured = Callable[[str, float], None]
DISK, MOUNT = "/dev/disk/by-id/virtio-shared", "/srv/gfs2"


def clone_of(name: str, agent: str, parameters: dict[str, str]) -> dict[str, object]:
    operations = [
        {"name": "start", "timeout": "3min"},
        {"name": "stop", "timeout": "3min"},
        {"name": "monitor", "interval": "20s", "timeout": "2min", "on_fail": "fence"},
    ]
    return {
        "kind": "primitive",
        "id": name,
        "agent": agent,
        "params": parameters,
        "operations": operations,
        "clone": True,
        "clone_meta": {"interleave": "true"},
    }


@pytest.fixture(scope="module")
def mounted(lab: Lab, site: Site) -> Iterator[Cluster]:
    """DLM and a GFS2 on the shared disk of every node, by `hactl apply`."""
    cluster = Cluster(lab, site)
    cluster.make_whole()
    if not any(is_mounted(cluster, node) for node in cluster.nodes):  # by a run that was cut short
        make_and_mount(cluster)
    yield cluster
    cluster.make_whole()
    unmount(cluster)
    provision.apply(cluster.site, cluster.nodes[0], disruptive=True)


def make_and_mount(cluster: Cluster) -> None:
    document = yaml.safe_load(topology(cluster.site.lab, cluster.site.accelerator))
    mount = {"device": DISK, "directory": MOUNT, "fstype": "gfs2", "options": "noatime"}
    document["raw"] += [
        clone_of("dlm", "ocf:pacemaker:controld", {"allow_stonith_disabled": "false"}),
        clone_of("shared", "ocf:heartbeat:Filesystem", mount),
        {"kind": "order", "first": "dlm", "then": "shared"},
        {"kind": "colocation", "resource": "shared", "with": "dlm", "score": "INFINITY"},
    ]
    first, journals = cluster.nodes[0], len(cluster.nodes)
    table = f"{document['cluster']['name']}:shared"
    cluster.on_all(f"mkdir -p {MOUNT}")
    cluster.run(first, f"mkfs.gfs2 -q -O -j {journals} -J 32 -p lock_dlm -t {table} {DISK}")
    cluster.write(first, "/root/gfs2.yaml", yaml.safe_dump(document, sort_keys=False))
    provision.apply(cluster.site, first, "/root/gfs2.yaml")
    cluster.wait("all have mounted it", lambda: all(is_mounted(cluster, n) for n in cluster.nodes))


def unmount(cluster: Cluster) -> None:
    """One after the other: what is deleted is stopped without its orders, which would have gone."""
    for name in ("shared", "dlm"):
        cluster.run(cluster.nodes[0], f"crm_resource --meta -r {name} -p target-role -v Stopped")
        cluster.wait_stopped(name)


def is_mounted(cluster: Cluster, node: str) -> bool:
    return cluster.site.shell.run(node, f"mountpoint -q {MOUNT}").returncode == 0


def test_nodes_share_files_and_locks(mounted: Cluster) -> None:
    first, second = mounted.nodes[:2]
    mounted.run(first, f"echo hello >{MOUNT}/greeting && sync {MOUNT}/greeting")
    assert mounted.run(second, f"cat {MOUNT}/greeting") == "hello\n"
    mounted.run(first, f"(flock 9; sleep 60) 9>{MOUNT}/lock >/dev/null 2>&1 </dev/null &")
    mounted.wait("the lock is seen on the other node", lambda: refused(mounted, second))


def refused(cluster: Cluster, node: str) -> bool:
    return cluster.site.shell.run(node, f"flock -n {MOUNT}/lock true").returncode == 1


def test_a_dead_writer_s_journal_is_replayed(mounted: Cluster, measured: Measured) -> None:
    victim, survivor = mounted.nodes[1], mounted.nodes[2]
    mounted.run(victim, f"echo synced >{MOUNT}/synced && sync {MOUNT}/synced")
    mounted.run(victim, f"(while :; do date >>{MOUNT}/busy; done) >/dev/null 2>&1 </dev/null &")
    time.sleep(5)
    since, began = time.time(), time.monotonic()
    mounted.lab.power(victim, "off")
    mounted.wait("it was fenced", lambda: bool(mounted.fencing_of(victim, since)))
    mounted.wait("the file system answers again", lambda: written(mounted, survivor))
    measured("GFS2: power cut to first write elsewhere", time.monotonic() - began)
    assert mounted.run(survivor, f"cat {MOUNT}/synced") == "synced\n"
    logs = [mounted.run(node, "dmesg") for node in mounted.others(victim)]
    assert any("Journal replayed" in log for log in logs)


def written(cluster: Cluster, node: str) -> bool:
    command = f"timeout 10 sh -c 'date >{MOUNT}/after && sync {MOUNT}/after'"
    return cluster.site.shell.run(node, command).returncode == 0
