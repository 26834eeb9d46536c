"""What is inferred from what nobody wrote."""

from collections.abc import Mapping

import pytest

from hactl.cib.ids import constraint_id
from hactl.model.cluster import Cluster
from hactl.model.fencing import FencingLevel
from hactl.model.resource import Clone, Operation, Primitive, primitives
from tests.hactl.topologies import BASE, cluster_of, guests

MOUNTED = BASE.replace("path: /srv/vms}", "path: /srv/vms, device: 'nas:/vms', fstype: nfs4}")


def primitive(cluster: Cluster, name: str) -> Primitive:
    found = {p.id: p for resource in cluster.resources for p in primitives(resource)}
    return found[name]


def constraints(cluster: Cluster, name: str) -> list[str]:
    """The ids of all constraints that mention a resource."""
    ids = (constraint_id(constraint) for constraint in cluster.constraints)
    return [id_.removeprefix("hactl-") for id_ in ids if f"-{name}-" in f"{id_}-"]


def operations(primitive: Primitive) -> dict[str, Operation]:
    return {operation.name: operation for operation in primitive.operations}


def guest(rest: str = "", base: str = BASE) -> Cluster:
    return cluster_of(guests(f"web1: {rest}" if rest else "web1").replace(BASE, base))


def test_a_network_is_an_interleaved_clone_named_like_it() -> None:
    (clone,) = [r for r in guest().resources if r.id == "lan"]
    assert isinstance(clone, Clone)
    assert (clone.kind, clone.meta) == ("network", {"interleave": "true"})
    assert primitive(guest(), "lan-bridge").params == {"bridge": "br-lan"}


def test_the_settings_of_a_bridge_reach_its_agent() -> None:
    text = BASE.replace(
        "br-lan}", "br-lan, ports: [eth2, eth3], mtu: 9000, stp: true, mac: port, drift: repair}"
    )
    assert primitive(cluster_of(text), "lan-bridge").params == {
        "bridge": "br-lan",
        "ports": "eth2 eth3",
        "address": "port",
        "stp": "true",
        "mtu": "9000",
        "drift": "repair",
    }


def test_a_directory_with_a_device_is_mounted_everywhere() -> None:
    cluster = guest(base=MOUNTED)
    assert primitive(cluster, "vms-mount").params == {
        "device": "nas:/vms",
        "directory": "/srv/vms",
        "fstype": "nfs4",
    }


def test_a_directory_that_is_simply_there_is_no_resource() -> None:
    assert "vms" not in {resource.id for resource in guest().resources}


def test_a_guest_cannot_run_without_its_storage() -> None:
    assert constraints(guest(base=MOUNTED), "web1") == [
        "order-vms-then-web1",
        "colocate-web1-with-vms",
    ]


NESTED = BASE.replace(
    "path: /srv/vms}",
    "path: /srv/vms}, all: {kind: directory, path: /srv, device: 'nas:/srv'}, "
    "fast: {kind: directory, path: /srv/vms/fast, device: 'nas:/fast'}",
)


def test_a_mount_inside_another_comes_after_it() -> None:
    assert constraints(cluster_of(NESTED), "fast") == [
        "order-all-then-fast",
        "colocate-fast-with-all",
    ]


def test_a_directory_inside_a_mount_needs_that_mount() -> None:
    assert constraints(guest(base=NESTED), "web1") == [
        "order-all-then-web1",
        "colocate-web1-with-all",
    ]


def test_a_guest_lives_beside_its_bridge_and_does_not_restart_with_it() -> None:
    assert constraints(guest("nics: [lan]"), "web1") == [
        "order-lan-then-web1-optional-oneway",
        "stop-web1-then-lan-serialize",
        "colocate-web1-with-lan",
    ]


def test_placement_is_as_the_operator_wishes() -> None:
    text = guests(
        "a",
        "b",
        "web1: apart: [a], together: {b: 100}, after: [b], prefer: {node1: 50, node2: -50}, "
        "nodes: [node1, node2]",
    )
    assert constraints(cluster_of(text), "web1") == [
        "prefer-web1-on-node1-100",
        "only-web1-on-node1-and-node2",
        "order-b-then-web1-optional",
        "seek-web1-with-b-100",
        "flee-web1-from-a",
        "base-web1-100",
    ]


def test_guests_that_name_each_other_are_constrained_once() -> None:
    text = guests("a: apart: [b]", "b: apart: [a]")
    assert constraints(cluster_of(text), "a") == ["flee-a-from-b"]


def test_all_nodes_are_no_constraint() -> None:
    assert constraints(guest("nodes: [node1, node2, node3]"), "web1") == []


def test_a_guest_migrates_live_within_the_time_its_memory_takes() -> None:
    small = primitive(guest(), "web1")
    assert small.meta == {"allow-migrate": "true"}
    assert operations(small)["migrate_to"].timeout == 120_000
    text = guests("web1").replace("memory: 1GiB", "memory: 64GiB")
    large = primitive(cluster_of(text), "web1")
    # 64 GiB at 100 MiB/s are 656 s; twice that and a minute.
    assert operations(large)["migrate_to"].timeout == 1_380_000


def test_a_faster_network_shortens_the_migration() -> None:
    text = guests("web1: migration: {bandwidth: 1GiB/s}").replace("1GiB,", "64GiB,")
    found = primitive(cluster_of(text), "web1")
    assert operations(found)["migrate_to"].timeout == 190_000
    assert found.params["migration_bandwidth"] == "1024"


def test_a_guest_that_must_not_migrate_does_not() -> None:
    found = primitive(guest("live_migration: false"), "web1")
    assert "allow-migrate" not in found.meta
    assert "migrate_to" not in operations(found)


def test_the_clusters_migration_settings_are_the_default_of_the_guests() -> None:
    base = BASE.replace("{name: demo}", "{name: demo, migration: {transport: tls, user: ha}}")
    text = guests("a", "b: migration: {transport: ssh}").replace(BASE, base)
    cluster = cluster_of(text)
    assert primitive(cluster, "a").params["migration_transport"] == "tls"
    assert primitive(cluster, "b").params["migration_transport"] == "ssh"
    assert primitive(cluster, "b").params["migration_user"] == "ha"


def test_stopping_leaves_time_for_the_shutdown_and_for_what_comes_after() -> None:
    assert operations(primitive(guest(), "web1"))["stop"].timeout == 180_000
    patient = primitive(guest("shutdown_timeout: 5min"), "web1")
    assert operations(patient)["stop"].timeout == 360_000
    assert patient.params["shutdown_timeout"] == "300"
    brisk = primitive(guest("stop_mode: destroy"), "web1")
    assert operations(brisk)["stop"].timeout == 60_000


def test_timeouts_that_are_written_are_taken() -> None:
    found = operations(
        primitive(guest("timeouts: {start: 5min, monitor: 1min}, monitor: 30s"), "web1")
    )
    assert found["start"].timeout == 300_000
    assert (found["monitor"].interval, found["monitor"].timeout) == (30_000, 60_000)


def test_a_failed_check_leads_to_what_is_written() -> None:
    found = operations(primitive(guest("on_fail: fence"), "web1"))
    assert found["monitor"].options == {"on-fail": "fence"}


def test_utilization_is_counted_where_nodes_say_what_they_have() -> None:
    base = BASE
    for node in ("node1", "node2", "node3"):
        base = base.replace(f"{node}: {{", f"{node}: {{cpus: 8, memory: 32GiB, ")
    cluster = guest(base=base)
    assert cluster.nodes[0].utilization == {"cpu": 8000, "memory": 31 * 1024}
    assert primitive(cluster, "web1").utilization == {"cpu": 1000, "memory": 1024}
    assert cluster.properties["placement-strategy"] == "balanced"


def test_without_capacities_nothing_is_counted() -> None:
    assert primitive(guest(), "web1").utilization == {}
    assert "placement-strategy" not in guest().properties


def test_the_host_keeps_its_reserve_and_cores_may_be_shared() -> None:
    base = BASE.replace(
        "{name: demo}", "{name: demo, reserve: {memory: 4GiB, cpus: 0.5}, cpu_overcommit: 4}"
    )
    for node in ("node1", "node2", "node3"):
        base = base.replace(f"{node}: {{", f"{node}: {{cpus: 8, memory: 32GiB, ")
    base = base.replace("node3: {", "node3: {reserve: {memory: 8GiB}, ")
    capacities = [node.utilization for node in cluster_of(base).nodes]
    assert capacities[0] == {"cpu": 30_000, "memory": 28 * 1024}
    assert capacities[2] == {"cpu": 30_000, "memory": 24 * 1024}


def container(rest: str) -> Cluster:
    return cluster_of(BASE + f"containers:\n  dns1: {{path: /srv/vms/dns1, {rest}}}\n")


def test_the_address_of_a_container_is_up_before_and_down_after_it() -> None:
    cluster = container("networks: [lan], address: 10.9.0.53/24")
    assert primitive(cluster, "dns1-address").params == {
        "ip": "10.9.0.53",
        "cidr_netmask": "24",
        "nic": "br-lan",
    }
    assert constraints(cluster, "dns1-address") == [
        "order-lan-then-dns1-address-optional-oneway",
        "stop-dns1-address-then-lan-optional",
        "colocate-dns1-address-with-lan",
        "order-dns1-address-then-dns1-optional-oneway",
        "stop-dns1-then-dns1-address",
        "colocate-dns1-with-dns1-address",
    ]


def test_an_ipv6_address_is_an_address() -> None:
    found = primitive(container("networks: [lan], address: '2001:db8::53/64'"), "dns1-address")
    assert (found.params["ip"], found.params["cidr_netmask"]) == ("2001:db8::53", "64")


def test_a_container_lies_where_its_path_says() -> None:
    found = primitive(container("networks: [lan]"), "dns1")
    assert found.params == {"container": "dns1", "lxcpath": "/srv/vms"}


def test_a_container_with_another_name_says_where_its_config_is() -> None:
    found = primitive(container("container: dns"), "dns1")
    assert found.params["config"] == "/srv/vms/dns1/config"


def test_a_health_command_is_run_by_a_check_of_its_own() -> None:
    found = primitive(container("health: /bin/check"), "dns1")
    checks = [(op.interval, op.depth) for op in found.operations if op.name == "monitor"]
    assert checks == [(10_000, 0), (30_000, 10)]


def test_a_guest_is_checked_in_depth_only_when_that_is_asked_for() -> None:
    assert [op.depth for op in primitive(guest(), "web1").operations if op.name == "monitor"] == [0]
    deep = primitive(guest("deep_monitor: 1min"), "web1")
    assert [op.depth for op in deep.operations if op.name == "monitor"] == [0, 10]


def test_every_node_has_its_own_fence_device_that_runs_elsewhere() -> None:
    cluster = cluster_of(BASE)
    device = primitive(cluster, "bmc-node1")
    assert str(device.agent) == "stonith:fence_lab"
    assert device.params == {
        "plug": "node1",
        "pcmk_host_list": "node1",
        "pcmk_host_check": "static-list",
    }
    assert constraints(cluster, "bmc-node1") == ["ban-bmc-node1-from-node1"]
    assert cluster.properties["stonith-enabled"] == "true"


def test_a_device_may_be_allowed_on_its_target() -> None:
    text = BASE.replace("{agent: fence_lab}", "{agent: fence_lab, on_target: true}")
    assert constraints(cluster_of(text), "bmc-node1") == []


def two_devices(levels: str) -> str:
    text = BASE.replace(
        "{agent: fence_lab}}", f"{{agent: fence_lab}}, pdu: {{agent: fence_apc}}}}{levels}"
    )
    return text.replace("{plug: node1}}", "{plug: node1}, pdu: {plug: 1}}")


def test_levels_are_made_for_nodes_with_more_than_one_device() -> None:
    cluster = cluster_of(two_devices(", levels: [[pdu], [bmc]]"))
    assert cluster.fencing_levels == (
        FencingLevel("node1", 1, ("pdu-node1",)),
        FencingLevel("node1", 2, ("bmc-node1",)),
    )


def test_two_supplies_are_one_level() -> None:
    cluster = cluster_of(two_devices(", levels: [[bmc, pdu]]"))
    assert cluster.fencing_levels == (FencingLevel("node1", 1, ("bmc-node1", "pdu-node1")),)


def test_without_levels_devices_are_tried_in_the_order_they_are_written() -> None:
    cluster = cluster_of(two_devices(""))
    assert [level.devices for level in cluster.fencing_levels] == [("bmc-node1",), ("pdu-node1",)]


TWO = "".join(line for line in BASE.splitlines(keepends=True) if "node3" not in line)


def test_of_two_nodes_one_is_shot_later_and_the_one_with_more_to_do_lives() -> None:
    cluster = cluster_of(TWO)
    assert primitive(cluster, "bmc-node1").params["pcmk_delay_base"] == "5s"
    assert "pcmk_delay_base" not in primitive(cluster, "bmc-node2").params
    assert cluster.properties["priority-fencing-delay"] == "10s"
    assert (cluster.totem.two_node, cluster.totem.wait_for_all) == (True, True)


def test_the_operators_own_delay_is_kept_and_outweighed() -> None:
    cluster = cluster_of(TWO.replace("{plug: node2}", "{plug: node2, pcmk_delay_base: 8s}"))
    assert "pcmk_delay_base" not in primitive(cluster, "bmc-node1").params
    assert cluster.properties["priority-fencing-delay"] == "16s"


def test_with_two_nodes_every_guest_counts_for_something() -> None:
    text = guests("a", "b: priority: 7").replace(BASE, TWO)
    cluster = cluster_of(text)
    assert primitive(cluster, "a").meta["priority"] == "1"
    assert primitive(cluster, "b").meta["priority"] == "7"


def test_what_the_operator_writes_under_properties_wins() -> None:
    text = BASE.replace(
        "{name: demo}", "{name: demo, properties: {placement-strategy: utilization}}"
    )
    assert cluster_of(text).properties["placement-strategy"] == "utilization"


def test_dc_deadtime_is_set_only_when_it_is_asked_for() -> None:
    assert "dc-deadtime" not in cluster_of(BASE).properties
    text = BASE.replace("{name: demo}", "{name: demo, dc_deadtime: 2s}")
    assert cluster_of(text).properties["dc-deadtime"] == "2s"


def test_raw_resources_come_out_as_they_went_in() -> None:
    text = BASE + (
        "raw:\n"
        "  - {kind: primitive, id: p, agent: 'systemd:chronyd', clone: true}\n"
        "  - {kind: group, id: g, members: [{id: m1, agent: 'ocf:pacemaker:Dummy'}]}\n"
        "  - {kind: order, first: p, then: g, strength: Optional, symmetrical: false}\n"
        "  - {kind: colocation, resource: g, with: p, score: -5}\n"
        "  - {kind: location, resource: g, node: node1, score: INFINITY}\n"
    )
    cluster = cluster_of(text)
    assert str(primitive(cluster, "p-instance").agent) == "systemd:chronyd"
    assert constraints(cluster, "g") == [
        "order-p-then-g-optional-oneway",
        "far-g-from-p-5",
        "pin-g-on-node1",
    ]


def test_machines_have_addresses_that_never_change() -> None:
    once = primitive(guest("nics: [lan]"), "web1").params["domain"]
    other = primitive(cluster_of(guests("a: nics: [lan]", "web1: nics: [lan]")), "web1").params[
        "domain"
    ]
    assert once == other
    assert "52:54:00:" in once


def test_memory_that_can_grow_needs_no_restart() -> None:
    found = primitive(guest("max_memory: 4GiB, max_cpus: 8"), "web1")
    grown = primitive(
        cluster_of(
            guests("web1: max_memory: 4GiB, max_cpus: 8").replace("memory: 1GiB", "memory: 2GiB")
        ),
        "web1",
    )
    assert found.params["domain"] == grown.params["domain"]
    assert (found.params["memory"], grown.params["memory"]) == ("1024", "2048")
    assert found.params["vcpus"] == "1"


DOMAIN = """\
<domain type="kvm"><name>legacy-db</name><memory unit="GiB">4</memory>
<vcpu current="2">4</vcpu><devices>
<disk type="file"><source file="/srv/vms/db1.qcow2"/></disk>
<interface type="bridge"><mac address="52:54:00:AA:BB:CC"/><source bridge="br-lan"/></interface>
</devices></domain>"""
DEFINED = MOUNTED + "guests:\n  db1: {definition: /srv/vms/db1.xml}\n"
FILES: Mapping[str, str] = {"/srv/vms/db1.xml": DOMAIN}


def test_a_definition_tells_what_a_guest_needs() -> None:
    cluster = cluster_of(DEFINED, FILES)
    assert constraints(cluster, "db1") == [
        "order-vms-then-db1",
        "colocate-db1-with-vms",
        "order-lan-then-db1-optional-oneway",
        "stop-db1-then-lan-serialize",
        "colocate-db1-with-lan",
    ]
    found = primitive(cluster, "db1")
    assert found.params == {"definition": "/srv/vms/db1.xml", "name": "legacy-db"}
    assert operations(found)["migrate_to"].timeout == 150_000


def test_the_config_of_a_container_tells_its_bridge() -> None:
    text = BASE + "containers:\n  dns1: {path: /srv/vms/dns1}\n"
    config = (
        "lxc.net.0.type = veth\nlxc.net.0.link = br-lan\nlxc.rootfs.path = dir:/srv/vms/dns1/r\n"
    )
    cluster = cluster_of(text, {"/srv/vms/dns1/config": config})
    assert constraints(cluster, "dns1") == [
        "order-lan-then-dns1-optional-oneway",
        "stop-dns1-then-lan-optional",
        "colocate-dns1-with-lan",
    ]


@pytest.mark.parametrize("key", ["node", "device"])
def test_building_never_fails_on_what_the_lint_will_report(key: str) -> None:
    from hactl.derive import build
    from hactl.topology.load import loads

    broken = {
        "node": guests("web1: prefer: {nowhere: 5}, nodes: [nowhere]"),
        "device": BASE.replace("{bmc: {plug: node1}}", "{nothing: }"),
    }[key]
    assert build(loads(broken, "t.yaml")).name == "demo"
