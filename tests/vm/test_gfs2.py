"""GFS2 on real kernels by Gfs2Mount: one file system, one lock space, journals replayed, fenced."""

import time
from collections.abc import Callable, Iterator

import pytest
import yaml

from hactl_vmlab import provision
from hactl_vmlab.lab import Lab
from hactl_vmlab.reach import Site
from hactl_vmlab.topology import topology
from tests.vm.cluster import Cluster

pytestmark = [pytest.mark.vm, pytest.mark.timeout(1800)]
Measured = Callable[[str, float], None]
DISK, MOUNT, CLUSTER = "/dev/disk/by-id/virtio-shared", "/srv/gfs2", "vmlab"
AGENT = "/usr/lib/ocf/resource.d/hactl/Gfs2Mount"
OK, FAILED, WRONG_HERE = 0, 1, 2
TIMEOUTS = {"start": "3min", "stop": "3min", "monitor": "2min"}


@pytest.fixture(scope="module")
def made(lab: Lab, site: Site) -> Iterator[Cluster]:
    """A GFS2 on the shared disk, with a journal for each node; nobody has it mounted."""
    cluster = Cluster(lab, site)
    cluster.make_whole()
    first, journals = cluster.nodes[0], len(cluster.nodes)
    cluster.on_all(f"mkdir -p {MOUNT}")
    if not is_mounted(cluster, first):  # by a run that was cut short
        words = f"-q -O -j {journals} -J 32 -p lock_dlm -t {CLUSTER}:shared"
        cluster.run(first, f"mkfs.gfs2 {words} {DISK}")
    yield cluster
    cluster.make_whole()
    provision.apply(cluster.site, first, disruptive=True)
    for node in cluster.nodes:
        cluster.wait(f"{node} has unmounted it", lambda node=node: not is_mounted(cluster, node))


@pytest.fixture(scope="module")
def mounted(made: Cluster) -> Cluster:
    """The same on every node, by `hactl apply`."""
    document = yaml.safe_load(topology(made.site.lab, made.site.accelerator))
    document["storage"] = {
        "shared": {
            "kind": "gfs2", "path": MOUNT, "device": DISK, "journals": len(made.nodes),
            "options": "noatime", "monitor": "20s", "timeouts": TIMEOUTS,
        }
    }  # fmt: skip
    made.write(made.nodes[0], "/root/gfs2.yaml", yaml.safe_dump(document, sort_keys=False))
    provision.apply(made.site, made.nodes[0], "/root/gfs2.yaml")
    wait_mounted(made)
    return made


def wait_mounted(cluster: Cluster) -> None:
    cluster.wait("all have mounted it", lambda: all(is_mounted(cluster, n) for n in cluster.nodes))


def is_mounted(cluster: Cluster, node: str) -> bool:
    return cluster.site.shell.run(node, f"grep -q ' {MOUNT} gfs2 ' /proc/mounts").returncode == 0


def by_hand(
    cluster: Cluster, node: str, action: str, level: int = 0, **more: str
) -> "tuple[int, str]":
    """One call of the agent outside the cluster: its exit code, and what it said."""
    given = {"device": DISK, "directory": MOUNT, "CRM_meta_timeout": "60000"} | more
    words = " ".join(f"OCF_RESKEY_{name}='{value}'" for name, value in given.items())
    env = f"OCF_RESOURCE_INSTANCE=by-hand OCF_CHECK_LEVEL={level} {words}"
    done = cluster.site.shell.run(node, f"env {env} {AGENT} {action}")
    return done.returncode, done.stderr


def test_what_would_not_work_is_refused_before_anything_is_mounted(made: Cluster) -> None:
    node, journals = made.nodes[0], len(made.nodes)
    if is_mounted(made, node):
        pytest.skip("it is mounted already")
    code, said = by_hand(made, node, "start", nodes="9")
    assert (code, f"{journals} journals for 9 nodes" in said) == (WRONG_HERE, True), said
    code, said = by_hand(made, node, "start", cluster_name="other")
    assert (code, "of another cluster than other" in said) == (WRONG_HERE, True), said
    code, said = by_hand(made, node, "start", CRM_meta_timeout="20000")
    assert (code, "DLM is not ready" in said) == (FAILED, True), said


def test_nodes_share_files_and_locks(mounted: Cluster) -> None:
    first, second = mounted.nodes[:2]
    mounted.run(first, f"echo hello >{MOUNT}/greeting && sync {MOUNT}/greeting")
    assert mounted.run(second, f"cat {MOUNT}/greeting") == "hello\n"
    mounted.run(first, f"(flock 9; sleep 60) 9>{MOUNT}/lock >/dev/null 2>&1 </dev/null &")
    mounted.wait("the lock is seen on the other node", lambda: refused(mounted, second))
    mounted.run(first, "sleep 60")
    for node in mounted.nodes:
        code, said = by_hand(mounted, node, "monitor", level=20, options="noatime")
        assert code == OK, said


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
    assert all(not mounted.fencing_of(node, since) for node in mounted.others(victim))
    mounted.make_whole()
    wait_mounted(mounted)
    assert mounted.run(victim, f"cat {MOUNT}/after") != "", "it writes and reads with the others"


def written(cluster: Cluster, node: str) -> bool:
    command = f"timeout 10 sh -c 'date >{MOUNT}/after && sync {MOUNT}/after'"
    return cluster.site.shell.run(node, command).returncode == 0


def test_a_node_on_which_it_withdraws_is_fenced_and_the_others_go_on(
    mounted: Cluster, measured: Measured
) -> None:
    victim, survivor = mounted.nodes[0], mounted.nodes[2]
    since, began = time.time(), time.monotonic()
    mounted.run(victim, f"(echo 1 >/sys/fs/gfs2/{CLUSTER}:shared/withdraw) >/dev/null 2>&1 &")
    mounted.wait("it was fenced", lambda: bool(mounted.fencing_of(victim, since)))
    mounted.wait("the file system answers again", lambda: written(mounted, survivor))
    measured("GFS2: withdrawn to first write elsewhere", time.monotonic() - began)
    assert all(not mounted.fencing_of(node, since) for node in mounted.others(victim))
    mounted.make_whole()
    wait_mounted(mounted)
