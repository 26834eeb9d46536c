"""Fencing that a topology would get wrong: named where it stands, with what mends it."""

import pytest

from tests.hactl.topologies import BASE, cluster_of, said

CEPH = BASE.replace("{bmc: {plug: node1}}", "{bmc: {plug: node1}, ceph: }").replace(
    "fence_lab}}}",
    "fence_lab}, ceph: {agent: fence_ceph_blocklist, on_target: true, addresses: %s}}}",
)
IPMI = BASE.replace("agent: fence_lab", "agent: fence_ipmilan, username: fence")
PDUS = BASE.replace(
    "{bmc: {agent: fence_lab}}",
    "{a: {agent: fence_apc_snmp, ip: 10.9.0.1}, b: {agent: fence_apc_snmp, ip: 10.9.0.2}}%s",
)


def outlets(text: str, *lacking: str) -> str:
    for number in (1, 2, 3):
        own = ", ".join(
            f"{name}: {{plug: {number}}}" for name in "ab" if f"{name}{number}" not in lacking
        )
        text = text.replace(f"{{bmc: {{plug: node{number}}}}}", f"{{{own}}}")
    return text


def node2(text: str, was: str, now: str) -> str:
    assert was in text
    return text.replace(was, now)


CASES = {
    "plugs of two nodes, exchanged": (
        BASE.replace("{plug: node1}", "{plug: node2}", 1).replace(
            "10.0.1.2], fencing: {bmc: {plug: node2}", "10.0.1.2], fencing: {bmc: {plug: node1}"
        ),
        [
            "t.yaml:3: nodes.node1.fencing.bmc.plug: fencing node1 would hit node2: the plug is "
            "called 'node2'; give node1 a plug of its own",
            "t.yaml:4: nodes.node2.fencing.bmc.plug: fencing node2 would hit node1: the plug is "
            "called 'node1'; give node2 a plug of its own",
        ],
    ),
    "one plug for two": (
        BASE.replace("{plug: node1}", "{plug: x}").replace("{plug: node2}", "{plug: x}"),
        [
            "t.yaml:4: nodes.node2.fencing.bmc.plug: fencing node2 would hit node1: both are plug "
            "'x'; give node2 a plug of its own"
        ],
    ),
    "one controller for two": (
        IPMI.replace("{plug: node1}", "{ip: 10.9.0.1}")
        .replace("{plug: node2}", "{ip: 10.9.0.1}")
        .replace("{plug: node3}", "{ip: 10.9.0.3}"),
        [
            "t.yaml:4: nodes.node2.fencing.bmc.ip: fencing node2 would hit node1: 10.9.0.1 is the "
            "controller of both; write the address of the controller of node2"
        ],
    ),
    "a reboot that is none": (
        BASE.replace("{plug: node2}", "{plug: node2, pcmk_reboot_action: metadata}"),
        [
            "t.yaml:4: nodes.node2.fencing.bmc.pcmk_reboot_action: pcmk_reboot_action=metadata: it "
            "would say metadata, and Pacemaker take it for reboot; remove pcmk_reboot_action"
        ],
    ),
    "a parameter of Pacemaker's that is misspelt, of an agent nobody knows": (
        BASE.replace("fence_lab", "fence_unheard, pcmk_reboot_timeuot: 5s"),
        [
            "t.yaml:6: fencing.devices.bmc.pcmk_reboot_timeuot: Pacemaker knows no such parameter "
            "of a fence device; did you mean 'pcmk_reboot_timeout'?"
        ],
    ),
    "an agent that gives itself longer than Pacemaker does": (
        BASE.replace("{plug: node2}", "{plug: node2, pcmk_off_timeout: 20s}"),
        [
            "t.yaml:4: nodes.node2.fencing.bmc: the agent gives itself 60 s (power_timeout)"
            ", Pacemaker gives it 20 s; set power_timeout, pcmk_off_timeout and "
            "pcmk_reboot_timeout to the same"
        ],
    ),
    "a maintenance mode that would stay": (
        BASE.replace("{name: demo}", "{name: demo, properties: {maintenance-mode: true}}"),
        [
            "t.yaml:1: cluster.properties.maintenance-mode: maintenance-mode is on: while "
            "nothing is managed, nobody is fenced; set maintenance-mode=false"
        ],
    ),
    "one guest of libvirt for two nodes": (
        BASE.replace("{plug: node1}", "{plug: bmc-node1}")
        .replace("{plug: node2}", "{plug: bmc-node1}")
        .replace("fence_lab", "fence_libvirt, uri: 'qemu:///system'"),
        [
            "t.yaml:4: nodes.node2.fencing.bmc.plug: fencing node2 would hit node1: both are plug "
            "'bmc-node1'; give node2 a plug of its own"
        ],
    ),
    "a delay that outweighs the priorities": (
        BASE.replace(
            "{name: demo}", "{name: demo, properties: {priority-fencing-delay: 5s}}"
        ).replace("{plug: node2}", "{plug: node2, pcmk_delay_base: 12s}"),
        [
            "t.yaml:1: cluster.properties.priority-fencing-delay: priority-fencing-delay=5s is "
            "less than twice the longest delay of a device (12 s), so the node with the more "
            "important resources may lose; set priority-fencing-delay to 24s"
        ],
    ),
    "a list of nodes beside the nodes": (
        BASE.replace("{plug: node2}", "{plug: node2, pcmk_host_list: node1}"),
        [
            "t.yaml:4: nodes.node2.fencing.bmc.pcmk_host_list: is written by hactl: each node has "
            "a device of its own; remove it, and write plug: where the node names the device"
        ],
    ),
    "a device that fences nobody": (
        BASE.replace("fence_lab}}", "fence_lab}, spare: {agent: fence_apc}}"),
        [
            "t.yaml:6: warning: fencing.devices.spare: fences no node; add fencing: {spare: {}} to "
            "the nodes it fences, or remove it"
        ],
    ),
    "a delay nobody can read": (
        BASE.replace("{plug: node2}", "{plug: node2, pcmk_delay_base: five}"),
        [
            "t.yaml:4: nodes.node2.fencing.bmc.pcmk_delay_base: pcmk_delay_base is 'five', which "
            "is not a time: Pacemaker takes its default; write pcmk_delay_base=60s or the like"
        ],
    ),
    "the watchdog among the levels": (
        BASE.replace("fence_lab}}}", "fence_lab}}, levels: [[bmc], [watchdog]], watchdog: {}}"),
        [
            "t.yaml:6: fencing.levels[1][0]: there is no fence device 'watchdog'; remove it: "
            "fencing.watchdog is the last level by itself"
        ],
    ),
    "supplies in levels of their own": (
        outlets(PDUS % ", levels: [[a], [b]]"),
        [
            f"t.yaml:6: fencing.levels[{n}]: {one} without {other}: a node with two supplies "
            f"would be called off, and run on; one level with all of its outlets: {one},{other}"
            for n, (one, other) in enumerate((("a", "b"), ("b", "a")))
        ],
    ),
    "one supply, where the others have two": (
        outlets(PDUS % ", levels: [[a, b]]", "b2"),
        [
            "t.yaml:4: warning: nodes.node2.fencing: has a and not b: with a second supply it "
            "would be called off, and run on; add b, or give it a level of its own if it has one "
            "supply only"
        ],
    ),
    "storage from which a node cannot be cut off": (
        CEPH % "node2=10.9.9.2",
        [
            "t.yaml:3: nodes.node1.fencing.ceph: addresses: there is no node 'node1' in it; "
            "see `hactl agents describe fence_ceph_blocklist`"
        ],
    ),
    "storage from which another would be cut off": (
        CEPH % "node1=10.0.1.2",
        [
            "t.yaml:6: fencing.devices.ceph.addresses: 10.0.1.2/32 of node1 is an address of "
            "node2, which would be cut off; write the addresses of node1"
        ],
    ),
    "a cut that heals too soon": (
        CEPH % "node1=10.9.9.1, expire: 1h",
        [
            "t.yaml:3: nodes.node1.fencing.ceph: expire: must be at least 86400 s, a day; "
            "see `hactl agents describe fence_ceph_blocklist`"
        ],
    ),
    "a libvirt that nobody can reach": (
        BASE.replace("agent: fence_lab", "agent: fence_libvirt, uri: host1.example"),
        [
            f"t.yaml:{n + 2}: nodes.node{n}.fencing.bmc: uri: 'host1.example' is not a libvirt URI "
            "such as qemu+tls://host1/system; see `hactl agents describe fence_libvirt`"
            for n in (1, 2, 3)
        ],
    ),
    "a device that a constraint keeps from everybody": (
        BASE + "raw:\n" + "".join(
            f"  - {{kind: location, resource: bmc-node2, node: {node}, score: -INFINITY}}\n"
            for node in ("node1", "node3")
        ),
        [
            "t.yaml:4: nodes.node2: no other node may use the device that fences it, and nobody "
            "fences itself; ban the device from node2, and from no other node",
            "t.yaml:4: nodes.node2.fencing.bmc: no node may use it; remove the location "
            "constraints that ban it everywhere",
        ],
    ),
    "a cluster of one node": (
        "cluster: {name: t}\nnodes: {node1: {fencing: {bmc: {}}}}\n"
        "fencing: {devices: {bmc: {agent: fence_lab}}}\n",
        [
            "t.yaml:2: nodes.node1: it is the only node of the cluster: nobody else is there to "
            "fence it; add a second node, or set cluster.fencing: false"
        ],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), CASES.values(), ids=CASES)
def test_what_is_wrong_is_said_where_it_is(text: str, expected: list[str]) -> None:
    assert said(text) == expected


def levels(text: str, node: str) -> list[tuple[str, ...]]:
    return [level.devices for level in cluster_of(text).fencing_levels if level.node == node]


def test_outlets_of_one_node_are_one_level_though_nobody_wrote_it() -> None:
    assert levels(outlets(PDUS % ""), "node1") == [("a-node1", "b-node1")]


def test_a_controller_keeps_a_level_of_its_own_beside_two_outlets() -> None:
    text = outlets(PDUS % "").replace("{a: {plug: 1}", "{bmc: , a: {plug: 1}")
    text = text.replace("devices: {a", "devices: {bmc: {agent: fence_lab}, a")
    assert levels(text, "node1") == [("bmc-node1",), ("a-node1", "b-node1")]


def test_a_level_does_not_shrink_to_the_storage_beside_power_that_a_node_lacks() -> None:
    text = BASE.replace(
        "{devices: {bmc: {agent: fence_lab}}}",
        "{devices: {bmc: {agent: fence_lab}, pdu: {agent: fence_apc}, san: {agent: fence_scsi}}, "
        "levels: [[bmc, san], [pdu, san]]}",
    ).replace("{bmc: {plug: node1}}", "{pdu: {plug: 1}, san: }")
    assert levels(text, "node1") == [("pdu-node1", "san-node1")]


def test_an_agent_says_no_before_it_is_killed() -> None:
    text = BASE.replace(
        "{devices: {bmc: {agent: fence_lab}}}",
        "{devices: {bmc: {agent: fence_lab}, kd: {agent: fence_kdump, timeout: 30s}}}",
    )
    made = cluster_of(
        text.replace("{bmc: {plug: node1}}", "{bmc: , kd: }").replace(
            "{name: demo}", "{name: demo, stonith_timeout: 50s}"
        )
    )
    params = {each.id: each.params for each in made.resources if each.kind == "fencing"}
    assert params["kd-node1"]["timeout"] == "27"
    assert params["bmc-node1"]["power_timeout"] == "50"
