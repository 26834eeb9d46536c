"""What is inferred for networks, storage and gateways from what nobody wrote."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from lxml import etree

from hactl.cib import document
from hactl.cib.ids import constraint_id
from hactl.cib.merge import merge
from hactl.model.cluster import Cluster
from hactl.model.constraint import INFINITY, Promotion
from hactl.model.resource import Clone, Group, Primitive, Resource, primitives
from hactl.plan.diff import changes
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
from tests.hactl.topologies import BASE, cluster_of

FENCED = TWO_DEVICES.replace(
    "fence_apc",
    "fence_ceph_blocklist, on_target: true, "
    "addresses: node1=10.9.9.1 node2=10.9.9.2 node3=10.9.9.3",
)
IMAGES = "a: {kind: rbd, image: p/a}, b: {kind: rbd, image: p/ns/b}"
MAPPED = IMAGES.replace("p/a", "p/a, attach: mapped").replace("ns/b", "ns/b, attach: mapped")


def resource(cluster: Cluster, name: str) -> Resource:
    return next(resource for resource in cluster.resources if resource.id == name)


def primitive(cluster: Cluster, name: str) -> Primitive:
    found = {p.id: p for resource in cluster.resources for p in primitives(resource)}
    return found[name]


def constraints(cluster: Cluster, name: str) -> list[str]:
    ids = (constraint_id(constraint) for constraint in cluster.constraints)
    return [id_.removeprefix("hactl-") for id_ in ids if f"-{name}-" in f"{id_}-"]


def on(images: str, rest: str, base: str = TWO_DEVICES) -> Cluster:
    return cluster_of(guest(rest, with_storage(images, base)))


def domain(cluster: Cluster, name: str) -> etree._Element:
    return etree.fromstring(primitive(cluster, name).params["domain"])


# Open vSwitch


def test_an_ovs_bridge_is_a_clone_like_any_network() -> None:
    lan = resource(cluster_of(OVS), "lan")
    assert isinstance(lan, Clone)
    assert primitive(cluster_of(OVS), "lan-bridge").params == {
        "bridge": "br-lan",
        "uplinks": "eth2",
        "trunks": "10,20-22",
    }


def test_the_port_of_an_interface_is_always_the_same() -> None:
    text = guest("disks: [vms], nics: [{network: lan, vlan: 10}]")
    ports = [
        domain(cluster_of(each), "web1").find("devices/interface/virtualport/parameters")
        for each in (text, text + "  web2: {cpus: 1, memory: 1GiB, disks: [vms]}\n")
    ]
    assert ports[0] is not None
    assert ports[1] is not None
    assert ports[0].get("interfaceid") == ports[1].get("interfaceid")


def test_bridges_live_beside_the_open_vswitch_that_the_cluster_starts() -> None:
    text = OVS.replace("br-lan,", "br-lan, service: 'systemd:openvswitch-switch',")
    cluster = cluster_of(text)
    assert str(primitive(cluster, "ovs-vswitchd-daemon").agent) == "systemd:openvswitch-switch"
    assert constraints(cluster, "ovs-vswitchd") == [
        "order-ovs-vswitchd-then-lan-optional-oneway",
        "stop-lan-then-ovs-vswitchd-optional",
        "colocate-lan-with-ovs-vswitchd",
    ]


def test_an_address_is_on_the_nodes_own_port_in_its_vlan() -> None:
    text = OVS.replace("br-lan,", "br-lan, internal: {mgmt: 10},") + (
        "containers:\n"
        "  c1: {path: /srv/vms/c1, networks: {network: lan, vlan: 10}, address: 10.9.0.5/24}\n"
    )
    assert primitive(cluster_of(text), "c1-address").params["nic"] == "mgmt"


# images


def test_qemu_opens_the_disk_of_a_guest_itself() -> None:
    cluster = on(IMAGES, "disks: [a, b]")
    sources = [s.get("name") for s in domain(cluster, "web1").iterfind("devices/disk/source")]
    assert sources == ["p/a", "p/ns/b"]
    assert {r.id for r in cluster.resources if r.kind == "storage"} == set()
    assert primitive(cluster, "web1").meta["allow-migrate"] == "true"


def test_a_mapped_image_is_where_its_guest_is_and_keeps_it_from_migrating() -> None:
    cluster = on(MAPPED, "disks: [b], live_migration: true")
    assert primitive(cluster, "b").params == {"pool": "p", "namespace": "ns", "image": "b"}
    assert "allow-migrate" not in primitive(cluster, "web1").meta
    assert "migrate_to" not in {op.name for op in primitive(cluster, "web1").operations}
    assert constraints(cluster, "b") == ["order-b-then-web1", "colocate-web1-with-b"]
    source = domain(cluster, "web1").find("devices/disk/source")
    assert source is not None
    assert source.get("dev") == "/dev/rbd/p/ns/b"


def test_several_mapped_images_hang_together_in_a_chain() -> None:
    assert constraints(on(MAPPED, "disks: [a, b]"), "web1") == [
        "order-a-then-web1",
        "order-b-then-web1",
        "colocate-web1-with-b",
    ]
    assert "colocate-b-with-a" in constraints(on(MAPPED, "disks: [a, b]"), "a")


def test_an_image_on_every_node_is_a_clone_and_lets_guests_migrate() -> None:
    cluster = on("a: {kind: rbd, image: p/a, attach: everywhere}", "disks: [a]")
    assert isinstance(resource(cluster, "a"), Clone)
    assert primitive(cluster, "a-image").params["exclusive"] == "false"
    assert primitive(cluster, "web1").meta["allow-migrate"] == "true"


DOMAIN = """<domain type="kvm"><name>old</name><memory unit="GiB">1</memory><devices>
<disk type="{kind}"><source {source}/></disk></devices></domain>"""


@pytest.mark.parametrize(
    ("kind", "source", "there"),
    [("network", "protocol='rbd' name='p/a'", False), ("block", "dev='/dev/rbd/p/a'", True)],
)
def test_a_definition_tells_how_an_image_is_attached(kind: str, source: str, there: bool) -> None:
    files: Mapping[str, str] = {"/srv/vms/d.xml": DOMAIN.format(kind=kind, source=source)}
    text = with_storage("a: {kind: rbd, image: p/a}")
    text += "guests: {old: {definition: /srv/vms/d.xml, live_migration: false}}\n"
    cluster = cluster_of(text, files)
    assert ("a" in {r.id for r in cluster.resources}) == there


def test_what_opens_an_image_waits_until_its_node_was_let_in() -> None:
    native = on(IMAGES, "disks: [a]", FENCED)
    assert primitive(native, "web1").meta["requires"] == "unfencing"
    mapped = on(MAPPED, "disks: [a], live_migration: false", FENCED)
    assert primitive(mapped, "a").meta == {"requires": "unfencing"}
    assert "requires" not in primitive(mapped, "web1").meta
    assert "requires" not in primitive(on(IMAGES, "disks: [a]"), "web1").meta


# volume groups and GFS2


def test_the_lock_managers_come_once_each_beneath_what_needs_it() -> None:
    more = (
        GFS2.replace("/dev/sdx", "/dev/v/s")
        + ", other: "
        + GFS2.partition(": ")[2].replace("/srv/shared", "/srv/other")
    )
    cluster = cluster_of(with_storage(more + ", vg: {kind: lvm, vg: v, mode: shared}"))
    assert constraints(cluster, "dlm") == [
        "order-dlm-then-lvmlockd",
        "colocate-lvmlockd-with-dlm",
        "order-dlm-then-other",
        "colocate-other-with-dlm",
    ]
    assert constraints(cluster, "vg") == [
        "order-vg-then-shared",
        "colocate-shared-with-vg",
        "order-lvmlockd-then-vg",
        "colocate-vg-with-lvmlockd",
    ]


def test_a_lost_lock_manager_or_mount_gets_the_node_fenced() -> None:
    cluster = cluster_of(with_storage(GFS2))
    for name in ("dlm-daemon", "shared-mount"):
        options = {op.name: op.options for op in primitive(cluster, name).operations}
        assert options["monitor"] == options["stop"] == {"on-fail": "fence"}


def test_a_partition_freezes_where_locks_are_shared() -> None:
    assert cluster_of(BASE).properties["no-quorum-policy"] == "stop"
    assert cluster_of(with_storage(GFS2)).properties["no-quorum-policy"] == "freeze"


def test_an_image_beneath_a_cluster_file_system_is_on_every_node() -> None:
    cluster = cluster_of(
        with_storage(GFS2.replace("/dev/sdx", "a") + ", a: {kind: rbd, image: p/a}")
    )
    assert isinstance(resource(cluster, "a"), Clone)
    assert primitive(cluster, "shared-mount").params["device"] == "/dev/rbd/p/a"


def test_an_exclusive_volume_group_is_where_its_guest_is() -> None:
    cluster = on("d: {kind: lvm, vg: vg1}", "disks: [d, d], live_migration: false")
    assert primitive(cluster, "d").params == {"vgname": "vg1", "vg_access_mode": "system_id"}
    devices = [s.get("dev") for s in domain(cluster, "web1").iterfind("devices/disk/source")]
    assert devices == ["/dev/vg1/web1", "/dev/vg1/web1-1"]
    assert "dlm" not in {r.id for r in cluster.resources}


# gateways


def test_a_gateway_is_gate_then_address_then_target() -> None:
    cluster = cluster_of(with_gateway(ISCSI + ", network: lan"))
    san1 = resource(cluster, "san1")
    assert isinstance(san1, Group)
    assert [m.id for m in san1.members] == ["san1-gate", "san1-address", "san1-target"]
    assert san1.members[0].params == {"gate": "san1", "portals": "10.9.0.1:3260"}
    assert san1.members[1].params["nic"] == "br-lan"
    assert san1.members[2].params == {
        "iqn": "iqn.2026-11.a:b",
        "portals": "10.9.0.1:3260",
        "backend": "lio",
        "auth_file": "/etc/c",
        "luns": "1=/dev/rbd/a/vol1",
        "gate": "san1",
    }
    assert constraints(cluster, "san1") == [
        "order-vol1-then-san1-gate",
        "order-vol1-then-san1-address",
        "order-vol1-then-san1-target",
        "colocate-san1-with-vol1",
        "order-lan-then-san1-optional-oneway",
        "stop-san1-then-lan-optional",
        "colocate-san1-with-lan",
    ]


def test_an_image_may_be_served_without_being_mapped() -> None:
    storage = "vol1: {kind: rbd, image: a/vol1, attach: native, conf: /etc/ceph/x.conf}"
    cluster = cluster_of(with_gateway(ISCSI + ", backend: tgt", storage))
    luns = primitive(cluster, "san1-target").params["luns"]
    assert luns == "1=rbd:a/vol1,conf=/etc/ceph/x.conf"
    assert "vol1" not in {r.id for r in cluster.resources}


def test_no_gate_stands_where_none_is_wanted_or_none_would_work() -> None:
    for more in (", gate: false", ", transport: rdma"):
        cluster = cluster_of(with_gateway(NVMEOF + more))
        assert "gate" not in primitive(cluster, "san1-target").params
        assert "san1-gate" not in {p.id for r in cluster.resources for p in primitives(r)}


def test_an_ipv6_portal_stands_in_brackets() -> None:
    text = with_gateway(ISCSI.replace("10.9.0.1/24", "'fd00::1/64'"))
    assert primitive(cluster_of(text), "san1-target").params["portals"] == "[fd00::1]:3260"


def test_a_node_that_is_disliked_is_the_last_to_be_promoted_and_a_forbidden_one_never() -> None:
    several = NVMEOF.replace("0.1/", "0.0/") + ", mode: ana"
    scores = {
        wish: [
            (each.node, each.score)
            for each in cluster_of(with_gateway(f"{several}, prefer: {wish}")).constraints
            if isinstance(each, Promotion)
        ]
        for wish in ("{node2: -5}", "{node2: -INFINITY}")
    }
    assert scores == {
        "{node2: -5}": [("node1", 6), ("node2", 1), ("node3", 6)],
        "{node2: -INFINITY}": [("node1", 1), ("node2", -INFINITY), ("node3", 1)],
    }


def test_several_paths_are_a_promotable_clone_on_what_is_everywhere() -> None:
    text = with_gateway(
        NVMEOF.replace("0.1/", "0.0/") + ", mode: ana, gateways: 2, prefer: {node2: 50}"
    )
    cluster = cluster_of(text)
    san1 = resource(cluster, "san1")
    assert san1.meta == {"interleave": "true", "promotable": "true", "clone-max": "2"}
    assert primitive(cluster, "san1-target").params["address"] == "10.9.0.0/24"
    roles = [op.options.get("role") for op in primitive(cluster, "san1-target").operations]
    assert roles[-2:] == ["Promoted", "Unpromoted"]
    assert isinstance(resource(cluster, "vol1"), Clone)
    assert constraints(cluster, "san1")[2:] == [
        "promote-san1-on-node1-1",
        "promote-san1-on-node2-51",
        "promote-san1-on-node3-1",
    ]


def test_timeouts_that_are_written_are_taken() -> None:
    text = OVS.replace("br-lan,", "br-lan, monitor: 30s, timeouts: {start: 3min},")
    found = {op.name: op for op in primitive(cluster_of(text), "lan-bridge").operations}
    assert (found["start"].timeout, found["monitor"].interval) == (180_000, 30_000)


@pytest.mark.parametrize(
    "text",
    [OVS, with_storage(GFS2), with_gateway(ISCSI), with_gateway(NVMEOF)],
    ids=["ovs", "gfs2", "iscsi", "nvmeof"],
)
def test_what_was_applied_is_no_change_when_it_is_planned_again(text: str) -> None:
    live = document.cib(cluster_of(text))
    again = merge(live, document.configuration(cluster_of(text)))
    assert changes(live, again) == ()
