"""Storage and gateways on real kernels: krbd, LIO, nvmet, Open vSwitch; all by `hactl apply`."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
import yaml

from hactl_vmlab import provision
from hactl_vmlab.lab import Lab
from hactl_vmlab.reach import Site
from hactl_vmlab.topology import topology
from tests.vm.cluster import Cluster

pytestmark = [pytest.mark.vm, pytest.mark.timeout(1800)]
Measured = Callable[[str, float], None]
IMAGES = ("vol1", "vol2", "vol3")
IQN, HOST_IQN = "iqn.2026-11.lab:san1", "iqn.2026-11.lab:host"
NQN, HOST_NQN = "nqn.2026-11.lab:fast1", "nqn.2026-11.lab:host"
SAN, FAST = "10.78.3.100", "10.78.3.101"
# emulated nodes may take a while to connect to an emulated Ceph
MAPPED: dict[str, Any] = {
    "kind": "rbd", "attach": "mapped", "client": "hactl",
    "keyring": "/etc/ceph/ceph.client.hactl.keyring",
    "timeouts": {"start": "4min", "stop": "2min", "monitor": "2min"},
}  # fmt: skip
PATTERN = "for n in $(seq 64); do printf '%s-%04d' {word} $n; done"


def document(site: Site, home: str) -> dict[str, Any]:
    """The topology of the lab, with storage; nothing of it in the node that has the Ceph."""
    found: dict[str, Any] = yaml.safe_load(topology(site.lab, site.accelerator))
    others = [name for name in site.names if name != home]
    found["storage"] = {name: {**MAPPED, "image": f"rbd/{name}"} for name in IMAGES}
    found["networks"]["cloud"] = {"kind": "ovs", "bridge": "br-cloud"}
    found["gateways"] = {
        "san1": {
            "kind": "iscsi", "address": f"{SAN}/24", "iqn": IQN, "luns": ["vol2"],
            "initiators": [HOST_IQN], "nodes": others,
        },
        "fast1": {
            "kind": "nvmeof", "address": f"{FAST}/24", "nqn": NQN, "namespaces": ["vol3"],
            "hosts": [HOST_NQN], "nodes": others,
        },
    }  # fmt: skip
    return found


class Storage:
    """The cluster with its storage; ``home`` has the Ceph, and is the initiator and host."""

    def __init__(self, cluster: Cluster, home: str) -> None:
        self.cluster = cluster
        self.home = home

    def run(self, node: str, command: str) -> str:
        return self.cluster.run(node, command)

    def wait_for(self, node: str, device: str) -> None:
        """A resource that is starting counts as running: its device says when it does."""
        self.cluster.wait(f"{device} is on {node}", lambda: self.has(node, device))

    def has(self, node: str, device: str) -> bool:
        return self.cluster.site.shell.run(node, f"[ -b {device} ]").returncode == 0

    def wait_serving(self, address: str, port: int) -> None:
        """A gateway may be on its way since the test before; its gate is shut until it serves."""
        reached = f"timeout 5 bash -c '</dev/tcp/{address}/{port}'"
        self.cluster.wait(
            f"{address} port {port} answers",
            lambda: self.cluster.site.shell.run(self.home, reached).returncode == 0,
        )

    def write(self, node: str, device: str, word: str) -> None:
        """Write a pattern past every cache; fails on an I/O error."""
        output = (
            f"dd of={device} bs=4096 iflag=fullblock conv=sync,nocreat oflag=direct status=none"
        )
        text = f"{PATTERN.format(word=word)} | {output}"
        self.run(node, text)

    def holds(self, node: str, device: str, word: str) -> bool:
        wanted = f"$({PATTERN.format(word=word)} | head -c 512)"
        read = f"$(dd if={device} bs=512 count=1 iflag=direct status=none)"
        return self.run(node, f'[ "{read}" = "{wanted}" ] && echo yes || echo no').strip() == "yes"

    def moved(self, resource: str) -> str:
        """Move a resource to where it is not; the node it runs on then."""
        before = self.cluster.place_of(resource, self.home)
        self.run(self.home, f"crm_resource --move -r {resource}")
        self.cluster.wait(
            f"{resource} has left {before}",
            lambda: self.cluster.place_of(resource, self.home) not in ("", before),
        )
        self.run(self.home, f"crm_resource --clear -r {resource}")
        return self.cluster.place_of(resource, self.home)


@pytest.fixture(scope="module")
def storage(lab: Lab, site: Site) -> Iterator[Storage]:
    """Images, an iSCSI and an NVMe gateway and an Open vSwitch, by `hactl apply`."""
    cluster = Cluster(lab, site)
    cluster.make_whole()
    with_ceph = replace(site, lab=site.lab.with_ceph())
    assert with_ceph.lab.ceph is not None
    provision.start_ceph(with_ceph, print)
    found = Storage(cluster, with_ceph.lab.ceph.name)
    for image in IMAGES:
        cluster.run(found.home, f"rbd info {image} >/dev/null 2>&1 || rbd create {image} --size 32")
    cluster.on_all("systemctl -q enable --now openvswitch-switch")
    text = yaml.safe_dump(document(site, found.home), sort_keys=False)
    cluster.write(found.home, "/root/storage.yaml", text)
    print(provision.apply(site, found.home, "/root/storage.yaml"))
    yield found
    cluster.make_whole()
    provision.apply(site, found.home, disruptive=True)


def test_the_kernel_s_datapath_serves_the_bridge(storage: Storage) -> None:
    for node in storage.cluster.nodes:
        assert "system@ovs-system" in storage.run(node, "ovs-appctl dpif/show")
        assert "br-cloud" in storage.run(node, "ovs-vsctl list-br")


def test_an_image_comes_back_with_its_data_after_a_power_cut(
    storage: Storage, measured: Measured
) -> None:
    device = "/dev/rbd/rbd/vol1"
    victim = storage.cluster.place_of("vol1", storage.home)
    if victim == storage.home:
        victim = storage.moved("vol1")
    storage.wait_for(victim, device)
    storage.write(victim, device, "before")
    since, began = time.time(), time.monotonic()
    storage.cluster.lab.power(victim, "off")
    storage.cluster.wait_moved("vol1", victim)
    assert storage.cluster.fencing_of(victim, since), "taken over without fencing"
    survivor = storage.cluster.place_of("vol1", storage.home)
    storage.wait_for(survivor, device)
    measured("krbd: power cut to mapped elsewhere", time.monotonic() - began)
    assert storage.holds(survivor, device, "before")
    storage.write(survivor, device, "after")
    assert storage.holds(survivor, device, "after")
    storage.cluster.make_whole()


def test_an_initiator_writes_on_while_lio_moves(storage: Storage, measured: Measured) -> None:
    home = storage.home
    storage.run(home, f"echo InitiatorName={HOST_IQN} >/etc/iscsi/initiatorname.iscsi")
    storage.run(home, "systemctl restart iscsid")
    storage.wait_serving(SAN, 3260)
    storage.run(home, f"iscsiadm -m discovery -t sendtargets -p {SAN} | grep -F {IQN}")
    storage.run(home, f"iscsiadm -m node -T {IQN} -p {SAN} --login")
    try:
        device = f"/dev/disk/by-path/ip-{SAN}:3260-iscsi-{IQN}-lun-1"
        storage.cluster.wait(
            "the LUN is there", lambda: storage.run(home, f"ls {device} || :") != ""
        )
        storage.write(home, device, "first")
        began = time.monotonic()
        storage.moved("san1")
        storage.write(home, device, "second")
        measured("LIO: moved, and the next write acknowledged", time.monotonic() - began)
        assert storage.holds(home, device, "second")
        assert "I/O error, dev sd" not in storage.run(home, "dmesg")
    finally:
        storage.run(home, f"iscsiadm -m node -T {IQN} --logout; systemctl stop iscsid")


def test_a_host_writes_on_while_nvmet_moves(storage: Storage, measured: Measured) -> None:
    home = storage.home
    storage.run(home, "modprobe nvme-tcp")
    storage.wait_serving(FAST, 4420)
    storage.run(
        home, f"nvme connect -t tcp -a {FAST} -s 4420 -n {NQN} --hostnqn={HOST_NQN} "
        "--ctrl-loss-tmo=600 --reconnect-delay=2",
    )  # fmt: skip
    try:
        found = "ls -d /sys/class/nvme-subsystem/*/nvme*n1 2>/dev/null | head -1"
        storage.cluster.wait("the namespace is there", lambda: storage.run(home, found) != "")
        device = f"/dev/{storage.run(home, found).strip().rpartition('/')[2]}"
        storage.write(home, device, "first")
        began = time.monotonic()
        storage.moved("fast1")
        storage.write(home, device, "second")
        measured("nvmet: moved, and the next write acknowledged", time.monotonic() - began)
        assert storage.holds(home, device, "second")
    finally:
        storage.run(home, f"nvme disconnect -n {NQN}")
