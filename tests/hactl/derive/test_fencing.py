"""The fencing topology that follows from a few lines: levels, times, SBD and the third vote."""

from hactl import corosync, sbd
from hactl.model.cluster import Cluster
from hactl.model.failover import failovers
from hactl.model.resource import Primitive, primitives
from tests.hactl.topologies import BASE, cluster_of, guests

TWO = "".join(line for line in BASE.splitlines(keepends=True) if "node3" not in line)


def fenced(devices: str, more: str = "", own: str = "bmc: , pdu: , ceph: , kd: ") -> Cluster:
    text = BASE.replace("{devices: {bmc: {agent: fence_lab}}}", f"{{devices: {{{devices}}}{more}}}")
    return cluster_of(text.replace("{bmc: {plug: node1}}", f"{{{own}}}"))


ALL = (
    "ceph: {agent: fence_scsi}, pdu: {agent: fence_apc}, bmc: {agent: fence_lab}, "
    "kd: {agent: fence_kdump, timeout: 20s}"
)


def test_a_dump_comes_first_and_storage_stands_beside_power() -> None:
    cluster = fenced(ALL)
    assert [level.devices for level in cluster.fencing_levels if level.node == "node1"] == [
        ("kd-node1",), ("pdu-node1", "ceph-node1"), ("bmc-node1", "ceph-node1"),
    ]  # fmt: skip
    dump = primitive(cluster, "kd-node1")
    assert dump.params["pcmk_reboot_action"] == "off", "it knows nothing else"
    assert dump.params["pcmk_off_timeout"] == "20s"
    assert cluster.properties["fence-reaction"] == "panic", "a node without storage must go"


def test_what_the_node_does_to_itself_comes_last() -> None:
    cluster = fenced(ALL, ", watchdog: {timeout: 10s}", own="bmc: {plug: node1}")
    assert [level.devices for level in cluster.fencing_levels if level.node == "node1"] == [
        ("bmc-node1",), ("watchdog",),
    ]  # fmt: skip
    assert cluster.properties["stonith-watchdog-timeout"] == "20s"
    assert cluster.properties["fence-reaction"] == "panic"
    assert 'SBD_WATCHDOG_TIMEOUT="10"' in sbd.render(cluster)


def test_a_message_on_a_disk_is_waited_for() -> None:
    disks = ", watchdog: {timeout: 30s, disks: [/dev/sda, /dev/sdb, /dev/sdc]}"
    cluster = fenced(ALL, disks, own="bmc: {plug: node1}")
    assert [level.devices for level in cluster.fencing_levels if level.node == "node1"] == [
        ("bmc-node1",), ("sbd-node1",),
    ]  # fmt: skip
    pill = primitive(cluster, "sbd-node1")
    assert (pill.params["devices"], pill.params["plug"]) == ("/dev/sda,/dev/sdb,/dev/sdc", "node1")
    assert pill.params["pcmk_reboot_timeout"] == "72s"
    assert cluster.properties["stonith-timeout"] == "80s"
    assert "stonith-watchdog-timeout" not in cluster.properties
    said = sbd.render(cluster)
    assert "sbd -d /dev/sda -d /dev/sdb -d /dev/sdc -1 30 -4 60 create" in said
    assert 'SBD_DEVICE="/dev/sda;/dev/sdb;/dev/sdc"' in said


def test_a_device_has_the_time_it_needs() -> None:
    cluster = fenced("bmc: {agent: fence_lab, timeout: 90s}", own="bmc: {plug: node1}")
    params = primitive(cluster, "bmc-node1").params
    assert (params["pcmk_off_timeout"], params["power_timeout"]) == ("90s", "90")
    assert cluster.properties["stonith-timeout"] == "100s"


def test_with_a_third_vote_two_nodes_are_like_many() -> None:
    cluster = cluster_of(TWO.replace("{name: demo}", "{name: demo, qdevice: {host: third}}"))
    assert (cluster.totem.two_node, cluster.totem.wait_for_all) == (False, False)
    assert "priority-fencing-delay" not in cluster.properties
    assert "pcmk_delay_base" not in primitive(cluster, "bmc-node1").params
    conf = corosync.render(cluster)
    assert "host: third" in conf and "votes: 1" in conf and "two_node" not in conf


def test_the_worst_case_is_the_sum_of_what_has_to_follow_each_other() -> None:
    text = guests("web1: timeouts: {start: 30s}", "db1: timeouts: {start: 40s}, after: [web1]")
    web, db = (found(cluster_of(text), name) for name in ("web1", "db1"))
    assert web == {
        "noticing the loss (token and consensus)": 6_600, "planning": 3_000,
        "fencing node1, level 1: bmc-node1": 60_000, "starting web1": 30_000,
    }  # fmt: skip
    assert db == web | {"starting db1": 40_000}


def test_of_the_nodes_a_guest_may_run_on_the_slowest_to_fence_counts() -> None:
    slow = ", slow: {agent: fence_apc, timeout: 50s}"
    text = guests("web1: timeouts: {start: 30s}, nodes: [node1, node2]", "db1: nodes: [node1]")
    text = text.replace("fence_lab}", f"fence_lab, timeout: 20s}}{slow}", 1)
    text = text.replace("{bmc: {plug: node2}}", "{bmc: {plug: node2}, slow: {plug: 2}}")
    assert found(cluster_of(text), "web1")["fencing node2, level 2: slow-node2"] == 50_000
    assert found(cluster_of(text), "db1")["fencing node1, level 1: bmc-node1"] == 20_000


def test_devices_in_one_level_are_all_turned_off_and_then_all_on() -> None:
    text = guests("web1: nodes: [node1]").replace(
        "{devices: {bmc: {agent: fence_lab}}}",
        "{devices: {bmc: {agent: fence_lab, timeout: 20s}, b: {agent: fence_apc, timeout: 30s}}, "
        "levels: [[bmc, b]]}",
    )
    text = text.replace("{bmc: {plug: node1}}", "{bmc: , b: {pcmk_on_timeout: 5s}}")
    terms = found(cluster_of(text), "web1")
    assert (
        terms["fencing node1, level 1: bmc-node1 and b-node1"] == 20_000 + 30_000 + 60_000 + 5_000
    )


def test_the_delay_of_two_nodes_counts_and_without_fencing_nothing_is_waited_for() -> None:
    two = guests("web1: nodes: [node1]").replace(
        "  node3: {links: [10.0.0.3, 10.0.1.3], fencing: {bmc: {plug: node3}}}\n", ""
    )
    assert found(cluster_of(two), "web1")["delays before node1 is fenced"] == 5_000 + 10_000
    off = two.replace("{name: demo}", "{name: demo, fencing: false}")
    assert not [what for what in found(cluster_of(off), "web1") if "fenc" in what]


def found(cluster: Cluster, name: str) -> dict[str, int]:
    """The terms of a guest's worst case, in milliseconds."""
    times = {time.name: time for time in failovers(cluster)}
    return {term.what: term.milliseconds for term in times[name].terms}


def primitive(cluster: Cluster, name: str) -> Primitive:
    by_name = {p.id: p for resource in cluster.resources for p in primitives(resource)}
    return by_name[name]


def test_every_device_of_a_node_has_its_delay_and_the_priorities_theirs_once() -> None:
    two = guests("web1: nodes: [node1]").replace(
        "  node3: {links: [10.0.0.3, 10.0.1.3], fencing: {bmc: {plug: node3}}}\n", ""
    )
    levels = two.replace("fence_lab}}", "fence_lab}, pdu: {agent: fence_apc}}").replace(
        "{bmc: {plug: node1}}", "{bmc: , pdu: {plug: 1}}"
    )
    assert found(cluster_of(levels), "web1")["delays before node1 is fenced"] == 2 * 5_000 + 10_000


def test_a_message_on_a_disk_breaks_the_tie_of_two_nodes_as_well() -> None:
    bare = "".join(
        line.partition(", fencing")[0] + "}\n" if "node1:" in line or "node2:" in line else line
        for line in TWO.splitlines(keepends=True)
    )
    made = cluster_of(
        bare.replace("devices: {bmc: {agent: fence_lab}}", "watchdog: {disks: [/dev/a]}")
    )
    assert primitive(made, "sbd-node1").params["pcmk_delay_base"] == "5s"
    assert "pcmk_delay_base" not in primitive(made, "sbd-node2").params


def test_where_nothing_but_the_watchdog_fences_it_is_waited_for() -> None:
    bare = guests("web1: timeouts: {start: 30s}").replace(
        "fencing: {bmc: {plug: node", "rack: {x: {n"
    )
    for number in (1, 2, 3):
        bare = bare.replace(f", rack: {{x: {{n{number}}}}}", "")
    text = bare.replace("devices: {bmc: {agent: fence_lab}}", "watchdog: {timeout: 10s}")
    assert found(cluster_of(text), "web1")["fencing node1, level 1: watchdog"] == 20_000


def test_whoever_is_cut_off_is_let_in_again_though_no_resource_waits_for_it() -> None:
    """Pacemaker unfences only where a resource requires it, or a device provides it."""
    made = fenced(
        "san: {agent: fence_scsi, devices: /dev/sda}, bmc: {agent: fence_lab}", own="bmc: , san: "
    )
    assert primitive(made, "san-node1").meta == {"provides": "unfencing"}
    assert primitive(made, "bmc-node1").meta == {}
    bans = {(each.rsc, each.node) for each in made.constraints if hasattr(each, "score")}
    assert ("bmc-node1", "node1") in bans and ("san-node1", "node1") not in bans
