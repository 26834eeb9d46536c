"""What is wrong with networks, storage and gateways: every rule fires once, and says where."""

import pytest

from tests.hactl.kinds import (
    GFS2,
    ISCSI,
    NVMEOF,
    OVS,
    TWO_DEVICES,
    guest,
    with_gateway,
    with_storage,
)
from tests.hactl.topologies import BASE, said

CASES: dict[str, tuple[str, list[str]]] = {
    "a check that never is": (
        with_gateway(ISCSI + ", monitor: 0s"),
        [
            "t.yaml:10: gateways.san1.monitor: '0s' leaves no time at all; "
            "write a time like 30s, or remove the key"
        ],
    ),
    "nodes that are none": (
        with_gateway(ISCSI + ", nodes: []"),
        ["t.yaml:10: gateways.san1.nodes: is empty; write at least one entry, or remove the key"],
    ),
    "a VLAN that its network does not carry": (
        guest("disks: [vms], nics: [{network: lan, vlan: 30}]"),
        [
            "t.yaml:10: warning: guests.web1.nics[0].vlan: VLAN 30 does not leave the node: the "
            "uplinks of lan carry 10, 20-22; add it to networks.lan.vlans"
        ],
    ),
    "one VLAN and several": (
        guest("disks: [vms], nics: [{network: lan, vlan: 10, vlans: [20]}]"),
        [
            "t.yaml:10: guests.web1.nics[0].vlans: has a VLAN and gets VLANs with their tags; "
            "write one of them"
        ],
    ),
    "an address in a VLAN where no node has an interface": (
        OVS + "containers:\n"
        "  c1: {path: /srv/vms/c1, networks: {network: lan, vlan: 10}, address: 10.9.0.5/24}\n",
        [
            "t.yaml:10: containers.c1.address: the nodes have no interface of their own in VLAN "
            "10 of lan; add internal: {lan10: 10} to lan"
        ],
    ),
    "a gateway's address in a VLAN where no node has an interface": (
        with_gateway(ISCSI + ", network: lan, vlan: 10"),
        [
            "t.yaml:10: gateways.san1.vlan: the nodes have no interface of their own in VLAN 10 "
            "of lan; make the network of kind ovs, or a bridge with a port like eth2.10"
        ],
    ),
    "a VLAN without a network": (
        with_gateway(ISCSI + ", vlan: 10"),
        ["t.yaml:10: gateways.san1.vlan: means nothing without a network; add network:"],
    ),
    "two ways to start one Open vSwitch": (
        OVS.replace(
            "vlans: [10, 20-22]}",
            "service: 'systemd:a'}, two: {kind: ovs, bridge: br2, service: 'systemd:b'}",
        ),
        [
            "t.yaml:7: networks.two.service: lan says systemd:a; there is one Open vSwitch on a "
            "node; write the same for all"
        ],
    ),
    "a bond of one": (
        OVS.replace("[eth2]", "[eth2], bond: bond0"),
        [
            "t.yaml:7: networks.lan: bond: bond0 needs two uplinks or more; see `hactl agents "
            "describe OvsBridge`"
        ],
    ),
    "an uplink of two bridges": (
        OVS.replace("20-22]}", "20-22]}, two: {kind: ovs, bridge: br2, uplinks: [eth2]}"),
        [
            "t.yaml:7: networks.two.uplinks[0]: the port eth2 is also that of "
            "networks.lan.uplinks[0]; give it to one"
        ],
    ),
    "a VLAN that is none": (
        OVS.replace("20-22", "22-20"),
        [
            "t.yaml:7: networks.lan.vlans: '22-20' is not a VLAN; write 1 to 4094, or a range "
            "like 20-29"
        ],
    ),
    "a bridge with the keys of Open vSwitch": (
        BASE.replace("br-lan}", "br-lan, uplinks: [x]}"),
        ["t.yaml:7: networks.lan.uplinks: unknown key; did you mean 'ports'?"],
    ),
    "Open vSwitch with the keys of a bridge": (
        OVS.replace("uplinks", "ports"),
        ["t.yaml:7: networks.lan.ports: unknown key; did you mean 'uplinks'?"],
    ),
    "a user of Ceph's without a secret": (
        guest("disks: [d]", with_storage("d: {kind: rbd, image: a/d, client: me}")),
        [
            "t.yaml:8: storage.d.client: libvirt knows the key of a user only by a secret; add "
            "secret: UUID (virsh secret-define, secret-set-value), or attach: mapped"
        ],
    ),
    "a mapped image with devices that have no names": (
        guest(
            "disks: [d], live_migration: false",
            with_storage("d: {kind: rbd, image: a/d, attach: mapped, mapper: nbd}"),
        ),
        [
            "t.yaml:8: storage.d.mapper: the devices of rbd-nbd have no lasting names to refer "
            "to; write krbd, or attach: native"
        ],
    ),
    "an image that nobody uses": (
        with_storage("d: {kind: rbd, image: a/d}"),
        [
            "t.yaml:8: warning: storage.d: nothing uses it, so it is not mapped; remove it, or "
            "write attach: mapped"
        ],
    ),
    "the same image twice": (
        guest(
            "disks: [d, e]",
            with_storage("d: {kind: rbd, image: a/d}, e: {kind: rbd, image: a/d}"),
        ),
        [
            "t.yaml:8: storage.e.image: the image a/d is also that of storage.d.image; give it "
            "to one",
            "t.yaml:10: guests.web1.disks[1]: the disk /dev/rbd/a/d is also that of "
            "guests.web1.disks[0]; give it to one",
        ],
    ),
    "a guest that cannot be migrated live": (
        guest("disks: [d]", with_storage("d: {kind: rbd, image: a/d, attach: mapped}")),
        [
            "t.yaml:10: warning: guests.web1: cannot be migrated live: d is on one node at a "
            "time; write attach: native for d, or live_migration: false here"
        ],
    ),
    "a guest on a volume group of one node": (
        guest("disks: [d]", with_storage("d: {kind: lvm, vg: vg1}")),
        [
            "t.yaml:10: warning: guests.web1: cannot be migrated live: d is on one node at a "
            "time; write mode: shared for d, or live_migration: false here"
        ],
    ),
    "a shared volume group without its locks": (
        with_storage("d: {kind: lvm, vg: vg1, mode: shared, access: system_id}"),
        [
            "t.yaml:8: storage.d.access: system_id lets one node at a time have a volume group; "
            "write lvmlockd, or mode: exclusive"
        ],
    ),
    "a file system with too few journals": (
        with_storage(GFS2.replace("journals: 3", "journals: 2")),
        [
            "t.yaml:8: storage.shared.journals: has 2 journals for 3 nodes: the last could not "
            "mount it; gfs2_jadd -j 1 /srv/shared, then journals: 3"
        ],
    ),
    "a file system of which nobody said how many journals": (
        with_storage(GFS2.replace(", journals: 3", "")),
        [
            "t.yaml:8: warning: storage.shared: how many journals it has is not said, so nobody "
            "checks that every node gets one; add journals: (as in mkfs.gfs2 -j 3)"
        ],
    ),
    "a cluster file system in a directory": (
        with_storage(GFS2.replace("/dev/sdx", "vms")),
        [
            "t.yaml:8: storage.shared.device: vms is a directory and no device; name a storage "
            "of kind rbd or lvm, or a path like /dev/vg1/shared"
        ],
    ),
    "a cluster file system on a whole volume group": (
        with_storage(GFS2.replace("/dev/sdx", "vg") + ", vg: {kind: lvm, vg: v, mode: shared}"),
        [
            "t.yaml:8: storage.shared.device: vg is a volume group and no device; write the "
            "logical volume: /dev/v/NAME"
        ],
    ),
    "a cluster file system on what only one node has": (
        with_storage(
            GFS2.replace("/dev/sdx", "d") + ", d: {kind: rbd, image: a/d, attach: mapped}"
        ),
        [
            "t.yaml:8: storage.d.attach: is on one node at a time, shared needs it on every "
            "node; write attach: everywhere"
        ],
    ),
    "a cluster file system on an image that is not mapped": (
        with_storage(
            GFS2.replace("/dev/sdx", "d") + ", d: {kind: rbd, image: a/d, attach: native}"
        ),
        [
            "t.yaml:8: storage.d.attach: native leaves no device that shared could lie on; write "
            "everywhere"
        ],
    ),
    "a cluster file system on nothing": (
        with_storage(GFS2.replace("/dev/sdx", "vns")),
        ["t.yaml:8: storage.shared.device: there is no storage 'vns'; did you mean 'vms'?"],
    ),
    "a cluster file system without fencing": (
        with_storage(GFS2).replace("{name: demo}", "{name: demo, fencing: false}"),
        [
            "t.yaml:1: warning: cluster.fencing: without fencing, a node that hangs and comes "
            "back can write where another took over; only where no data can be lost",
            "t.yaml:1: cluster.fencing: the lock manager waits for a lost node until it was "
            "fenced, so all others would hang; configure fencing, or do without gfs2 and lvmlockd",
        ],
    ),
    "a cluster file system that stops without quorum": (
        with_storage(GFS2).replace("{name: demo}", "{name: demo, no_quorum_policy: stop}"),
        [
            "t.yaml:1: cluster.no_quorum_policy: stop cannot work without quorum: nothing could "
            "be unmounted without locks; write freeze, or remove it"
        ],
    ),
    "images behind one fence device": (
        guest("disks: [d]", with_storage("d: {kind: rbd, image: a/d}", BASE)),
        [
            "t.yaml:3: warning: nodes.node1.fencing: bmc alone fences it: while that is out of "
            "reach, what it has on Ceph stays where it is; add a second device, such as "
            "fence_ceph_blocklist as the last level"
        ],
    ),
    "a node that cannot let itself in": (
        TWO_DEVICES.replace(
            "fence_apc",
            "fence_ceph_blocklist, on_target: false, "
            "addresses: node1=10.9.9.1 node2=10.9.9.2 node3=10.9.9.3",
        ),
        [
            "t.yaml:6: fencing.devices.pdu.on_target: a node lets itself in to its storage when it "
            "joins, but may not use this device; write true, or leave it out"
        ],
    ),
    "a target that everybody may use": (
        with_gateway(ISCSI.replace(", chap: {file: /etc/c}", "")),
        [
            "t.yaml:10: gateways.san1: everybody who reaches it could write to it; add "
            "initiators: [IQN, ...], or chap: {file: ...}"
        ],
    ),
    "a subsystem that everybody may use": (
        with_gateway(NVMEOF.replace(", auth: {file: /etc/c}", "")),
        [
            "t.yaml:10: warning: gateways.san1: everybody who reaches it can write to it; add "
            "hosts: [NQN, ...], or auth: {file: ...}"
        ],
    ),
    "a LUN that is not there": (
        with_gateway(ISCSI.replace("[vol1]", "[vol2]")),
        [
            "t.yaml:8: warning: storage.vol1: nothing uses it, so it is not mapped; remove it, "
            "or write attach: mapped",
            "t.yaml:10: gateways.san1.luns[0]: there is no storage 'vol2'; did you mean 'vol1'?",
        ],
    ),
    "a LUN that is nothing": (
        with_gateway(ISCSI.replace("[vol1]", "[vol1, {lun: 3}]")),
        [
            "t.yaml:10: gateways.san1.luns[1]: needs a storage or a path; write one of them; "
            "hactl finds the storage a path is in"
        ],
    ),
    "a LUN number twice": (
        with_gateway(ISCSI.replace("[vol1]", "[vol1, {path: /srv/vms/x, lun: 1}]")),
        ["t.yaml:10: gateways.san1.luns[1]: LUN 1 is also luns[0]; give it another number"],
    ),
    "LUN 0 of tgtd": (
        with_gateway(ISCSI.replace("[vol1]", "[{storage: vol1, lun: 0}], backend: tgt")),
        ["t.yaml:10: gateways.san1.luns[0]: tgtd has LUN 0 for itself; begin with 1"],
    ),
    "one target served twice": (
        with_gateway(ISCSI, "vol1: {kind: rbd, image: a/vol1}, vol2: {kind: rbd, image: a/vol2}")
        + f"  san2: {{{ISCSI.replace('vol1', 'vol2').replace('0.1/', '0.2/')}}}\n",
        [
            "t.yaml:11: gateways.san2.iqn: the target iqn.2026-11.a:b is also that of "
            "gateways.san1.iqn; give it to one"
        ],
    ),
    "a device that is served and used": (
        guest("disks: [vol1]", with_gateway(ISCSI)),
        [
            "t.yaml:10: gateways.san1.luns[0]: the disk /dev/rbd/a/vol1 is also that of "
            "guests.web1.disks[0]; give it to one",
            "t.yaml:12: warning: guests.web1: cannot be migrated live: vol1 is on one node at a "
            "time; write attach: native for vol1, or live_migration: false here",
        ],
    ),
    "a device that is served twice": (
        with_gateway(ISCSI.replace("[vol1]", "[vol1, {path: /dev/rbd/a/vol1}]")),
        [
            "t.yaml:10: gateways.san1: luns: '1=/dev/rbd/a/vol1 2=/dev/rbd/a/vol1' names path "
            "/dev/rbd/a/vol1 twice; see `hactl agents describe IscsiGateway`",
            "t.yaml:10: gateways.san1.luns[1]: the disk /dev/rbd/a/vol1 is also that of "
            "gateways.san1.luns[0]; give it to one",
        ],
    ),
    "an address of a link": (
        with_gateway(ISCSI.replace("10.9.0.1", "10.0.0.2")),
        [
            "t.yaml:10: gateways.san1.address[0]: the address 10.0.0.2 is also that of "
            "nodes.node2.links[0]; give it to one"
        ],
    ),
    "a network where an address should be": (
        with_gateway(ISCSI.replace("10.9.0.1/24", "10.9.0.0/24")),
        [
            "t.yaml:10: gateways.san1.address[0]: 10.9.0.0/24 is a whole network; write one "
            "address of it"
        ],
    ),
    "an address where a network should be": (
        with_gateway(ISCSI + ", mode: alua"),
        [
            "t.yaml:10: gateways.san1.address[0]: 10.9.0.1/24 is one address, but every node "
            "needs one of its own; write their network: 10.9.0.0/24"
        ],
    ),
    "several paths with tgtd": (
        with_gateway(ISCSI.replace("0.1/", "0.0/") + ", mode: alua, backend: tgt"),
        [
            "t.yaml:10: gateways.san1.mode: tgtd cannot tell which path is the optimized one; "
            "backend: lio"
        ],
    ),
    "a cache that the other path does not see": (
        with_gateway(
            ISCSI.replace("0.1/", "0.0/").replace("[vol1]", "[{storage: vol1, write_cache: true}]")
            + ", mode: alua"
        ),
        [
            "t.yaml:10: gateways.san1.luns[0].write_cache: what one path has cached the other "
            "does not know; leave it off with several paths"
        ],
    ),
    "several paths to what only one node has": (
        with_gateway(
            NVMEOF.replace("0.1/", "0.0/") + ", mode: ana",
            "vol1: {kind: rbd, image: a/vol1, attach: mapped}",
        ),
        [
            "t.yaml:8: storage.vol1.attach: is on one node at a time, san1 needs it on every "
            "node; write attach: everywhere"
        ],
    ),
    "more gateways than nodes": (
        with_gateway(NVMEOF.replace("0.1/", "0.0/") + ", mode: ana, gateways: 4"),
        ["t.yaml:10: gateways.san1.gateways: it can run on only 3 nodes; write 3 at most"],
    ),
    "a number of gateways for one that moves": (
        with_gateway(NVMEOF + ", gateways: 2"),
        [
            "t.yaml:10: gateways.san1.gateways: it is on one node at a time; remove it, or "
            "change mode"
        ],
    ),
    "a place for what is on every node": (
        with_gateway(NVMEOF.replace("0.1/", "0.0/") + ", mode: ana, apart: [san2]")
        + "  san2: {"
        + NVMEOF.replace("a:b", "a:c").replace("[vol1]", "[{path: /srv/vms/x}]")
        + "}\n",
        [
            "t.yaml:10: gateways.san1.apart: it is on every node at once; "
            "leave it out; prefer says where the optimized path is"
        ],
    ),
    "a volume twice": (
        with_storage("a: {kind: lvm, vg: v, lv: l}, b: {kind: lvm, vg: v, lv: l}"),
        [
            "t.yaml:8: storage.b.lv: the volume /dev/v/l is also that of storage.a.lv; "
            "give it to one"
        ],
    ),
    "a volume of a directory": (
        guest("disks: [{storage: vms, volume: x}]"),
        [
            "t.yaml:10: guests.web1.disks[0].volume: "
            "only a storage of kind lvm that names no lv has volumes; remove it"
        ],
    ),
    "a container on an image that is not mapped": (
        with_storage("d: {kind: rbd, image: a/d, attach: native}")
        + "containers: {c1: {path: /srv/vms/c1, storage: [vms, d], networks: []}}\n",
        [
            "t.yaml:9: containers.c1.storage[1]: native leaves no device of d that a container "
            "could use; write attach: mapped for d, or leave attach out"
        ],
    ),
    "an image that the kernel cannot serve": (
        with_gateway(NVMEOF, "vol1: {kind: rbd, image: a/vol1, attach: native}"),
        [
            "t.yaml:10: gateways.san1.namespaces[0]: the kernel serves devices, and native "
            "leaves none of vol1; write attach: mapped for vol1, or leave attach out"
        ],
    ),
    "a LUN in a directory": (
        with_gateway(ISCSI.replace("[vol1]", "[vms]"), "x: {kind: lvm, vg: x}"),
        ["t.yaml:10: gateways.san1.luns[0]: vms is a directory; write the file in it: path:"],
    ),
    "a whole volume group as a LUN": (
        with_gateway(ISCSI, "vol1: {kind: lvm, vg: vg1}"),
        [
            "t.yaml:10: gateways.san1.luns[0]: vol1 is a volume group; say which of its volumes: "
            "volume:"
        ],
    ),
    "a volume of an image": (
        with_gateway(ISCSI.replace("[vol1]", "[{storage: vol1, volume: x}]")),
        [
            "t.yaml:10: gateways.san1.luns[0]: only a storage of kind lvm that names no lv has "
            "volumes; remove volume"
        ],
    ),
    "a path that would fall apart": (
        with_gateway(ISCSI.replace("[vol1]", "[{path: '/srv/vms/a b'}]"), "x: {kind: lvm, vg: x}"),
        [
            "t.yaml:10: gateways.san1.luns[0]: '/srv/vms/a b' contains a space, comma or =; "
            "choose another name"
        ],
    ),
    "a LUN in no storage": (
        with_gateway(ISCSI.replace("[vol1]", "[{path: /dev/sdy}]"), "x: {kind: lvm, vg: x}"),
        [
            "t.yaml:10: warning: gateways.san1: /dev/sdy is in no storage of this file; make "
            "sure every node has it, or add the storage it is in"
        ],
    ),
    "a gateway on no network": (
        with_gateway(ISCSI + ", network: lam"),
        ["t.yaml:10: gateways.san1.network: there is no network 'lam'; did you mean 'lan'?"],
    ),
    "a name that the lock manager has": (
        with_storage(GFS2) + "guests:\n  dlm: {cpus: 1, memory: 1GiB, disks: [vms]}\n",
        [
            "t.yaml:8: storage.shared: the name 'dlm', the id hactl makes for "
            "ocf:pacemaker:controld, "
            "is taken by guests.dlm; rename one of them"
        ],
    ),
    "a name that a gateway's address has": (
        guest("disks: [vms]", with_gateway(ISCSI)).replace("web1", "san1-address"),
        [
            "t.yaml:10: gateways.san1.address: the name 'san1-address', the id hactl makes for "
            "ocf:heartbeat:IPaddr2, is taken by guests.san1-address; rename one of them"
        ],
    ),
    "a kind of storage that is not there": (
        BASE.replace("directory", "rdb"),
        [
            "t.yaml:8: storage.vms.kind: 'rdb' is not a kind that this hactl knows; "
            "did you mean 'rbd'?"
        ],
    ),
    "a storage without a kind": (
        BASE.replace("kind: directory, ", ""),
        ["t.yaml:8: storage.vms: has no kind; add kind: directory, rbd, lvm or gfs2"],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_wrong_is_said_where_it_is(case: str) -> None:
    text, expected = CASES[case]
    assert said(text) == expected


def test_a_container_is_in_the_vlan_that_its_config_says() -> None:
    config = "lxc.net.0.type = veth\nlxc.net.0.link = br-lan\nlxc.net.0.veth.vlan.id = 20\n"
    files = {"/srv/vms/c1/config": config}
    text = OVS + "containers:\n  c1: {path: /srv/vms/c1, networks: {network: lan, vlan: %d}}\n"
    assert said(text % 20, files) == []
    assert said(text % 10, files) == [
        "t.yaml:10: containers.c1.networks[0]: its config says VLAN 20 on lan; "
        "write lxc.net.N.veth.vlan.id = 10 there, or its VLAN here"
    ]
    assert said(text.replace(", vlan: %d", ""), files) == [
        "t.yaml:10: containers.c1.networks[0]: its config says VLAN 20 on lan; "
        "write {network: lan, vlan: 20}"
    ]


@pytest.mark.parametrize("text", [OVS, TWO_DEVICES, with_gateway(ISCSI), with_gateway(NVMEOF)])
def test_the_cases_begin_without_a_problem(text: str) -> None:
    assert said(text) == []


def test_an_image_may_be_called_like_the_guest_that_opens_it() -> None:
    assert said(guest("disks: [web1]", with_storage("web1: {kind: rbd, image: a/web1}"))) == []
