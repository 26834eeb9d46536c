"""What is wrong with a topology as a whole: every rule fires once, and says where and why."""

import pytest

from hactl.errors import Severity
from tests.hactl.topologies import BASE, guests, problems_of, said

TWO = """\
cluster: {name: two%s}
nodes:
  node1: {links: [10.0.0.1, 10.0.1.1], fencing: {bmc: {%s}}}
  node2: {links: [10.0.0.2, 10.0.1.2], fencing: {bmc: {%s}}}
fencing: {devices: {bmc: {agent: fence_ipmilan}}}
"""
ROOM = """\
cluster: {name: room}
nodes:
  node1: {cpus: 4, memory: 9GiB, fencing: {bmc: }}
  node2: {cpus: 4, memory: 9GiB, fencing: {bmc: }}
fencing: {devices: {bmc: {agent: fence_lab}}}
storage: {vms: {kind: directory, path: /srv/vms}}
"""


def sized(*sizes: str) -> str:
    lines = (f"  g{n}: {{{size}, disks: [vms]}}\n" for n, size in enumerate(sizes, 1))
    return ROOM + "guests:\n" + "".join(lines)


def cluster(more: str) -> str:
    return BASE.replace("{name: demo}", f"{{name: demo, {more}}}")


def raw(*items: str) -> str:
    return BASE + "raw:\n" + "".join(f"  - {item}\n" for item in items)


CASES = {
    "a fence device that is not there": (
        BASE.replace("{bmc: {plug: node2}}", "{bmx: {plug: node2}}"),
        ["t.yaml:4: nodes.node2.fencing.bmx: there is no fence device 'bmx'; did you mean 'bmc'?"],
    ),
    "a level of a device that is not there": (
        BASE.replace("fence_lab}}", "fence_lab}}, levels: [[bmc], [pdu]]"),
        ["t.yaml:6: fencing.levels[1][0]: there is no fence device 'pdu'; known: bmc"],
    ),
    "a device that is in no level": (
        BASE.replace(
            "fence_lab}}", "fence_lab}, pdu: {agent: fence_apc}}, levels: [[pdu]]"
        ).replace("{bmc: {plug: node1}}", "{bmc: , pdu: }"),
        [
            f"t.yaml:{line}: nodes.node{line - 2}.fencing.bmc: bmc is in no level, "
            "so it is never tried; add it to fencing.levels"
            for line in (3, 4, 5)
        ],
    ),
    "a storage that is not there": (
        guests("web1: storage: [vns]"),
        ["t.yaml:10: guests.web1.storage[0]: there is no storage 'vns'; did you mean 'vms'?"],
    ),
    "a guest that names itself": (
        guests("web1: apart: [web1]"),
        ["t.yaml:10: guests.web1.apart: web1 names itself; remove it"],
    ),
    "a guest that is not there": (
        guests("web1: after: [db1]"),
        [
            "t.yaml:10: guests.web1.after[0]: there is no guest, container or gateway 'db1'; "
            "known: web1"
        ],
    ),
    "together in a circle": (
        guests("a: together: [b]", "b: together: [c]", "c: together: [a]"),
        [
            "t.yaml:10: guests.a.together: is together in a circle: a → b → c → a; "
            "leave one out: it follows from the others"
        ],
    ),
    "together by a detour and yet apart": (
        guests("a: together: [b]", "b: together: [c]", "c: apart: [a]"),
        [
            "t.yaml:12: guests.c.apart: c is to be both together with and apart from a; "
            "leave one of the two out"
        ],
    ),
    "together without a node in common": (
        guests("a: together: [b], nodes: [node1]", "b: nodes: [node2]"),
        [
            "t.yaml:11: guests.b.nodes: a, b are to be together but share no node; "
            "give them a node in common"
        ],
    ),
    "two that cannot change places": (
        guests("a: live_migration: false, apart: [b]", "b: after: [a]"),
        [
            "t.yaml:11: warning: guests.b.after[0]: cannot change places with a, which keeps apart "
            "from it: a would wait until b was migrated, and b until a has started; "
            "leave one of the two out, or write live_migration: false for b"
        ],
    ),
    "two that can change places": (
        guests(
            "a: live_migration: false, apart: {b: 1000, c: INFINITY, d: INFINITY}",
            "b: after: [a]",
            "c: after: [a], live_migration: false",
            "d: ",
            "e: after: [b], apart: [b]",
            "f: after: [a], apart: [a]",
        ),
        [],
    ),
    "more guests apart than there are nodes": (
        guests("a: apart: [b, c, d]", "b: apart: [c, d]", "c: apart: [d]", "d"),
        [
            "t.yaml:10: guests.a.apart: a, b, c, d must all be apart: 4 guests on 3 nodes; "
            "add nodes, or make it a wish: apart: {NAME: 1000}"
        ],
    ),
    "a raw order of nothing": (
        raw("{kind: order, first: lam, then: lan}"),
        ["t.yaml:10: raw[0].first: there is no resource 'lam'; did you mean 'lan'?"],
    ),
    "a raw circle": (
        guests("web1: nics: [lan]") + "raw: [{kind: order, first: web1, then: lan}]\n",
        ["t.yaml:11: raw[0]: starts in a circle: lan → web1 → lan; leave one of these orders out"],
    ),
    "a raw location on no node": (
        raw("{kind: location, resource: lan, node: nod1, score: 5}"),
        ["t.yaml:10: raw[0].node: there is no node 'nod1'; did you mean 'node1'?"],
    ),
    "an agent of ours that is not there": (
        raw("{kind: primitive, id: p, agent: 'ocf:hactl:LinuxBrige'}"),
        [
            "t.yaml:10: raw[0].agent: hactl has no agent ocf:hactl:LinuxBrige; "
            "did you mean 'ocf:hactl:LinuxBridge'?"
        ],
    ),
    "a parameter that the agent does not have": (
        raw("{kind: primitive, id: p, agent: 'ocf:hactl:LinuxBridge', params: {brige: b}}"),
        [
            "t.yaml:10: raw[0].params.brige: ocf:hactl:LinuxBridge has no parameter 'brige'; "
            "did you mean 'bridge'?"
        ],
    ),
    "a parameter that has a key": (
        BASE.replace("bridge: br-lan", "bridge: br-lan, params: {bridge: br1}"),
        [
            "t.yaml:7: networks.lan.params.bridge: has a key of its own; "
            "write bridge: beside params:"
        ],
    ),
    "a value that the agent refuses": (
        raw("{kind: primitive, id: p, agent: 'ocf:hactl:LinuxBridge', params: {mtu: 5}}"),
        [
            "t.yaml:10: raw[0].params.mtu: '5' is less than 68; "
            "see `hactl agents describe LinuxBridge`"
        ],
    ),
    "a parameter that the agent needs": (
        raw("{kind: primitive, id: p, agent: 'ocf:hactl:LinuxBridge'}"),
        [
            "t.yaml:10: raw[0]: bridge: this required parameter is not set; "
            "see `hactl agents describe LinuxBridge`"
        ],
    ),
    "parameters that only together are wrong": (
        guests("web1: stop_mode: save"),
        [
            "t.yaml:10: guests.web1: save_dir: has to be given with stop_mode=save; "
            "see `hactl agents describe KvmGuest`"
        ],
    ),
    "a parameter that the fence agent does not have": (
        BASE.replace("{plug: node1}", "{plg: node1}"),
        [
            "t.yaml:3: nodes.node1.fencing.bmc.plg: stonith:fence_lab has no parameter 'plg'; "
            "did you mean 'plug'?"
        ],
    ),
    "a guest too big for every node": (
        sized("cpus: 1, memory: 10GiB"),
        [
            "t.yaml:8: guests.g1: is too big for every node: needs 10240MiB memory, the largest "
            "node has 8192MiB memory, 4 cpus to give; make it smaller, or the nodes' reserve"
        ],
    ),
    "a guest with too many cores for the nodes it may run on": (
        sized("cpus: 5, memory: 1GiB, nodes: [node2]"),
        [
            "t.yaml:8: guests.g1: is too big for any node it may run on: needs 5 cpus, the "
            "largest node has 8192MiB memory, 4 cpus to give; make it smaller, or the nodes' "
            "reserve"
        ],
    ),
    "more guests than all nodes hold": (
        sized(*["cpus: 1, memory: 6GiB"] * 3),
        [
            "t.yaml:2: nodes: all guests together need 2048MiB memory more than all nodes have; "
            "add nodes, or make guests smaller"
        ],
    ),
    "a node that does not say what it has": (
        ROOM.replace("node2: {cpus: 4, memory: 9GiB", "node2: {cpus: 4"),
        ["t.yaml:4: nodes.node2: does not say its memory, other nodes do; add memory:"],
    ),
    "a loss that cannot be survived": (
        guests("web1: must_survive: 1, nodes: [node1]"),
        [
            "t.yaml:10: guests.web1.must_survive: must survive the loss of 1 nodes but can run "
            "on only 1; let it run on more nodes, or lower must_survive"
        ],
    ),
    "a loss that takes the quorum": (
        guests("web1: must_survive: 2"),
        [
            "t.yaml:10: warning: guests.web1.must_survive: the loss of 2 of 3 nodes at once also "
            "loses the quorum; add nodes; without quorum nothing runs, whatever else is left"
        ],
    ),
    "no fencing": (
        BASE.replace("{name: demo}", "{name: demo, fencing: false}"),
        [
            "t.yaml:1: warning: cluster.fencing: without fencing, a node that hangs and comes "
            "back can write where another took over; only where no data can be lost"
        ],
    ),
    "two nodes that start alone": (
        TWO % (", wait_for_all: false", "", ""),
        [
            "t.yaml:1: warning: cluster.wait_for_all: a node that starts alone fences the other, "
            "which then does the same; remove it: with two nodes it is on by default"
        ],
    ),
    "two nodes that shoot at the same moment": (
        TWO % ("", "pcmk_delay_base: 5s", "pcmk_delay_base: 5s"),
        [
            "t.yaml:5: fencing.devices: both nodes are fenced after the same delay (5s), so they "
            "can shoot each other; give pcmk_delay_base to one node only, or to none and leave "
            "it to hactl"
        ],
    ),
    "quorum ignored": (
        cluster("no_quorum_policy: ignore"),
        [
            "t.yaml:1: warning: cluster.no_quorum_policy: no-quorum-policy=ignore lets both halves "
            "of a split cluster fence each other; write no_quorum_policy: stop, or freeze"
        ],
    ),
    "a token out of range": (
        cluster("token: 100ms"),
        [
            "t.yaml:1: cluster.token: 100ms is out of range; "
            "write a time from 300ms to 5min; 1s to 10s work"
        ],
    ),
    "a token that is very short": (
        cluster("token: 500ms"),
        [
            "t.yaml:1: warning: cluster.token: 500ms makes every pause of a node a reason to "
            "fence it; write at least 1s"
        ],
    ),
    "consensus before the token is lost": (
        cluster("token: 10s, consensus: 11s"),
        [
            "t.yaml:1: cluster.consensus: 11s is less than 1.2 × token (10s); "
            "write at least 12s, or leave it out"
        ],
    ),
    "a controller lost before it is noticed": (
        cluster("token: 10s, dc_deadtime: 5s"),
        [
            "t.yaml:1: warning: cluster.dc_deadtime: 5s is over before a lost controller is "
            "noticed; write at least 10s (token)"
        ],
    ),
    "fencing that takes longer than it may": (
        cluster("stonith_timeout: 60s").replace(
            "{plug: node1}", "{plug: node1, pcmk_delay_base: 10s, pcmk_off_timeout: 60}"
        ),
        [
            "t.yaml:3: nodes.node1.fencing.bmc: fencing may take 70s with its delay, "
            "stonith_timeout is 60s; set cluster.stonith_timeout to more than 70s"
        ],
    ),
    "nothing but a dump to prove that a node is off": (
        BASE.replace("agent: fence_lab", "agent: fence_kdump"),
        [
            f"t.yaml:{line}: nodes.node{line - 2}: fence_kdump says only that a node is "
            "dumping; one that hangs is never fenced; add a device that switches its power"
            for line in (3, 4, 5)
        ],
    ),
    "a dump that the power is cut in": (
        BASE.replace(
            "fence_lab}}", "fence_lab}, kd: {agent: fence_kdump}}, levels: [[bmc], [kd]]"
        ).replace("{bmc: {plug: node1}}", "{bmc: , kd: }"),
        [
            "t.yaml:6: fencing.levels[1]: kd waits for a dump that a device before or beside it "
            "has cut short; put it first in fencing.levels, alone"
        ],
    ),
    "a node that is cut off from its storage only": (
        BASE.replace("agent: fence_lab", "agent: fence_scsi, devices: /dev/sda"),
        [
            f"t.yaml:{line}: warning: nodes.node{line - 2}.fencing: fence_scsi cuts it off from "
            "its storage and leaves it running, with its addresses; add a device that switches "
            "its power, or fencing.watchdog"
            for line in (3, 4, 5)
        ],
    ),
    "a watchdog that counts in fractions": (
        BASE.replace("fence_lab}}}", "fence_lab}}, watchdog: {timeout: 5500ms}}"),
        [
            "t.yaml:6: fencing.watchdog.timeout: 5500ms: SBD counts in whole seconds; "
            "write 5s or more"
        ],
    ),
    "a nervous watchdog": (
        BASE.replace("fence_lab}}}", "fence_lab}}, watchdog: {timeout: 2s}}"),
        [
            "t.yaml:6: warning: fencing.watchdog.timeout: 2s makes every pause of a node a "
            "reason to reset it; write at least 5s"
        ],
    ),
    "SBD with two disks": (
        BASE.replace("fence_lab}}}", "fence_lab}}, watchdog: {disks: [/dev/sda, /dev/sdb]}}"),
        [
            "t.yaml:6: fencing.watchdog.disks: with two disks the loss of one leaves no majority; "
            "write one disk, or three"
        ],
    ),
    "fencing that is over before a node has read its message": (
        cluster("stonith_timeout: 20s").replace(
            "fence_lab}}}", "fence_lab}}, watchdog: {timeout: 10s, disks: [/dev/sda]}}"
        ),
        [
            "t.yaml:1: cluster.stonith_timeout: 20s is over before a node has read its message and "
            "been reset (1.2 × msgwait, msgwait = 2 × 10s); write at least 24s, or leave it out"
        ],
    ),
    "a node given up before its watchdog has reset it": (
        cluster("properties: {stonith-watchdog-timeout: 8s}").replace(
            "fence_lab}}}", "fence_lab}}, watchdog: {}}"
        ),
        [
            "t.yaml:1: cluster.properties.stonith-watchdog-timeout: 8s gives a node up before its "
            "watchdog has surely reset it; write at least 10s, or leave it out"
        ],
    ),
    "SBD without a disk and with two votes": (
        (TWO % ("", "plug: 1", "plug: 2")).replace("ipmilan}}}", "ipmilan}}, watchdog: {}}"),
        [
            "t.yaml:5: fencing.watchdog: with 2 votes nobody knows who has lost, so no node would "
            "reset itself, or both would; add cluster.qdevice, or disks: to fencing.watchdog"
        ],
    ),
    "a watchdog that does not wait for the third vote": (
        (TWO % (", qdevice: {host: third}", "plug: 1", "plug: 2")).replace(
            "ipmilan}}}", "ipmilan}}, watchdog: {timeout: 20s}}"
        ),
        [
            "t.yaml:5: fencing.watchdog.timeout: 20s is over while the vote of the qdevice may "
            "still come (30s), so healthy nodes would be reset; write at least 35s"
        ],
    ),
    "a third vote from one of the two": (
        TWO % (", qdevice: {host: 10.0.0.2}", "plug: 1", "plug: 2"),
        [
            "t.yaml:1: cluster.qdevice.host: is node2, whose loss would take two votes; run "
            "corosync-qnetd on a machine outside of the cluster"
        ],
    ),
    "a third vote for halves that cannot be": (
        cluster("qdevice: {host: third}"),
        [
            "t.yaml:1: warning: cluster.qdevice.algorithm: 3 nodes cannot split in halves, so "
            "ffsplit adds nothing but a tie; write lms, or leave out the qdevice"
        ],
    ),
    "a stop that is over before the shutdown": (
        guests("web1: shutdown_timeout: 2min, timeouts: {stop: 60s}"),
        [
            "t.yaml:10: guests.web1.timeouts.stop: 60s leaves 35s of the 120s that it may take "
            "to shut down (shutdown_timeout), and then it is destroyed; write at least 150s"
        ],
    ),
    "two checks that Pacemaker cannot tell apart": (
        guests("web1: deep_monitor: 10s"),
        [
            "t.yaml:10: guests.web1: has two operations monitor every 10s; "
            "give them different intervals (monitor and deep_monitor of a guest)"
        ],
    ),
    "two operations of one name and interval": (
        raw(
            "{kind: primitive, id: p, agent: 'ocf:pacemaker:Dummy', operations: "
            "[{name: monitor, timeout: 9s}, {name: monitor, timeout: 8s}]}"
        ),
        [
            "t.yaml:10: raw[0]: has two operations monitor every 0s; "
            "give them different intervals (monitor and deep_monitor of a guest)"
        ],
    ),
    "a most that is less": (
        guests("web1: max_memory: 512MiB"),
        ["t.yaml:10: guests.web1.max_memory: is less than its memory; raise it, or lower memory"],
    ),
    "failures forgotten before they are counted": (
        cluster("defaults: {failure_timeout: 20s}"),
        [
            "t.yaml:1: warning: cluster.defaults.failure_timeout: 20s forgets failures before 3 "
            "of them can be counted; write at least 60s"
        ],
    ),
    "a migration that is over before it can end": (
        guests("web1: migration: {bandwidth: 10MiB/s}, timeouts: {migrate: 60s}"),
        [
            "t.yaml:10: guests.web1.timeouts.migrate: 60s is over before its memory is copied "
            "once (102400ms at 10MiB/s); write more, or raise the bandwidth"
        ],
    ),
    "an address twice": (
        BASE.replace("10.0.1.3", "10.0.0.1"),
        [
            "t.yaml:5: nodes.node3.links[1]: the address 10.0.0.1 is also that of "
            "nodes.node1.links[0]; give it to one"
        ],
    ),
    "a MAC address twice": (
        guests(
            "a: nics: [{network: lan, mac: 52:54:00:AA:00:01}]",
            "b: nics: [{network: lan, mac: 52:54:00:aa:00:01}]",
        ),
        [
            "t.yaml:11: guests.b.nics[0]: the MAC address 52:54:00:aa:00:01 is also that of "
            "guests.a.nics[0]; give it to one"
        ],
    ),
    "a bridge twice": (
        BASE.replace("br-lan}}", "br-lan}, san: {kind: bridge, bridge: br-lan}}"),
        [
            "t.yaml:7: networks.san.bridge: the bridge br-lan is also that of "
            "networks.lan.bridge; give it to one"
        ],
    ),
    "a port twice": (
        BASE.replace(
            "br-lan}}", "br-lan, ports: [eth2]}, san: {kind: bridge, bridge: b, ports: [eth2]}}"
        ),
        [
            "t.yaml:7: networks.san.ports[0]: the port eth2 is also that of "
            "networks.lan.ports[0]; give it to one"
        ],
    ),
    "a directory twice": (
        BASE.replace("/srv/vms}}", "/srv/vms}, more: {kind: directory, path: /srv/vms/}}"),
        [
            "t.yaml:8: storage.more.path: the directory /srv/vms is also that of "
            "storage.vms.path; give it to one"
        ],
    ),
    "a disk twice": (
        guests("a", "b: kernel: /srv/vms/k").replace(
            "disks: [vms], kernel", "disks: [{path: /srv/vms/a.qcow2}], kernel"
        ),
        [
            "t.yaml:11: guests.b.disks[0]: the disk /srv/vms/a.qcow2 is also that of "
            "guests.a.disks[0]; give it to one"
        ],
    ),
    "a node without links": (
        BASE.replace("links: [10.0.0.3, 10.0.1.3]", "links: [10.0.0.3]"),
        [
            "t.yaml:5: nodes.node3.links: has 1 links, other nodes have 2; "
            "give every node one address on each link"
        ],
    ),
    "one link only": (
        BASE.replace(", 10.0.1.1", "").replace(", 10.0.1.2", "").replace(", 10.0.1.3", ""),
        [
            "t.yaml:2: warning: nodes: the nodes have one link only: one cable or switch takes "
            "the cluster apart; give every node a second address on another network"
        ],
    ),
    "a node id on some nodes": (
        BASE.replace("node1: {", "node1: {id: 1, ").replace("node2: {", "node2: {id: 2, "),
        ["t.yaml:5: nodes.node3: has no id, other nodes have one; add id: to all nodes or none"],
    ),
    "a node id twice": (
        BASE.replace("node1: {", "node1: {id: 1, ")
        .replace("node2: {", "node2: {id: 2, ")
        .replace("node3: {", "node3: {id: 1, "),
        ["t.yaml:5: nodes.node3.id: the id 1 is also that of nodes.node1.id; give it to one"],
    ),
    "a guest that is half described": (
        BASE + "guests:\n  web1: {memory: 1GiB}\n",
        [
            "t.yaml:10: guests.web1: has no cpus; add cpus:, or a definition:",
            "t.yaml:10: guests.web1: has nothing to boot from; add disks: [STORAGE], or a kernel:",
        ],
    ),
    "a disk that is nowhere": (
        guests("web1").replace("[vms]", "[{format: raw}]"),
        [
            "t.yaml:10: guests.web1.disks[0]: needs a storage or a path; "
            "write one of them; hactl finds the storage a path is in"
        ],
    ),
    "a kernel's command line without a kernel": (
        guests("web1: cmdline: quiet"),
        ["t.yaml:10: guests.web1.cmdline: means nothing without a kernel; add kernel:"],
    ),
    "a VLAN on a Linux bridge": (
        guests("web1: nics: [{network: lan, vlan: 10}]"),
        [
            "t.yaml:10: guests.web1.nics[0].vlan: libvirt cannot put an interface of a Linux "
            "bridge in a VLAN; make the network of kind ovs, or a bridge with a port like eth2.10"
        ],
    ),
    "a disk that no storage holds": (
        guests("web1").replace("[vms]", "[{path: /var/lib/web1.qcow2}]"),
        [
            "t.yaml:10: warning: guests.web1: /var/lib/web1.qcow2 is in no storage of this file; "
            "make sure every node has it, or add the storage it is in"
        ],
    ),
    "a property with a key of its own": (
        cluster("properties: {migration-limit: 5}"),
        [
            "t.yaml:1: cluster.properties.migration-limit: has a key of its own: "
            "cluster.migration_limit; write migration_limit:"
        ],
    ),
    "a property of Pacemaker's own": (
        cluster("properties: {dc-version: 2}"),
        ["t.yaml:1: cluster.properties.dc-version: is written by Pacemaker itself; remove it"],
    ),
    "a property that is gone": (
        cluster("properties: {default-resource-stickiness: 100}"),
        [
            "t.yaml:1: cluster.properties.default-resource-stickiness: is gone from Pacemaker; "
            "use cluster.defaults.stickiness"
        ],
    ),
    "a property that is misspelled": (
        cluster("properties: {maintenence-mode: true}"),
        [
            "t.yaml:1: warning: cluster.properties.maintenence-mode: is not a property this hactl "
            "knows; Pacemaker ignores unknown ones silently; did you mean 'maintenance-mode'?"
        ],
    ),
    "a kind of network that is not there": (
        BASE.replace("kind: bridge", "kind: vxlan"),
        [
            "t.yaml:7: networks.lan.kind: 'vxlan' is not a kind that this hactl knows; "
            "write bridge or ovs"
        ],
    ),
    "a kind of raw item that is not there": (
        raw("{kind: primitve, id: x}", "{id: y}", "x"),
        [
            "t.yaml:10: raw[0].kind: 'primitve' is not a kind that this hactl knows; "
            "did you mean 'primitive'?",
            "t.yaml:11: raw[1]: has no kind; "
            "add kind: primitive, group, order, colocation, location or xml",
            "t.yaml:12: raw[2]: 'x' is not a mapping; "
            "write keys below it, indented, or {key: value}",
        ],
    ),
    "keys of other tools": (
        BASE + "containers:\n  c1: {rootfs: /srv/vms/c1}\n",
        [
            "t.yaml:10: containers.c1.rootfs: unknown key; "
            "write path: the directory that holds the container's config"
        ],
    ),
}


@pytest.mark.parametrize(("text", "messages"), CASES.values(), ids=CASES.keys())
def test_what_is_wrong_is_said_where_it_is(text: str, messages: list[str]) -> None:
    assert said(text) == messages


def test_a_topology_without_faults_has_no_problems() -> None:
    assert said(guests("a: nics: [lan], apart: [b]", "b: nics: [lan], after: [a]")) == []


def test_faults_of_form_do_not_hide_what_is_wrong_with_the_rest() -> None:
    text = guests(
        "a: memroy: 1GiB",
        "b: nics: [lam], after: [c]",
        "c: after: [b]",
        "vms",
        "d: priority: high, nics: [lam]",
    )
    text += "networks2: {}\nraw: [{kind: order, first: nope, then: b}]\n"
    assert [line.split(":")[1] for line in said(text)] == ["10", "11", "11", "13", "14", "15", "16"]


def test_what_only_follows_from_a_fault_of_form_is_not_said() -> None:
    text = guests("a: nics: [lan]", "b: priority: high").replace("bridge: br-lan", "brigde: br-lan")
    assert said(text) == [
        "t.yaml:7: networks.lan.bridge: is missing; add bridge:",
        "t.yaml:7: networks.lan.brigde: unknown key; did you mean 'bridge'?",
        "t.yaml:11: guests.b.priority: 'high' is not a whole number; write a whole number",
    ]


def test_a_wish_to_be_apart_is_no_contradiction() -> None:
    assert said(guests("a: together: [b]", "b: apart: {a: 100}")) == []


def test_two_guests_on_the_same_bridge_may_be_apart() -> None:
    assert said(guests("a: nics: [lan], apart: [b]", "b: nics: [lan]")) == []


def test_peers_that_name_each_other_are_no_circle() -> None:
    assert said(guests("a: together: [b]", "b: together: [a]")) == []


def test_two_nodes_with_different_delays_are_fine() -> None:
    assert said(TWO % ("", "pcmk_delay_base: 5s", "")) == []


def test_a_secret_kept_by_pacemaker_may_be_named() -> None:
    text = BASE.replace("{agent: fence_lab}", "{agent: fence_ipmilan, password: 'lrm://'}")
    assert said(text) == []


def test_two_nodes_survive_the_loss_of_one() -> None:
    text = TWO % ("", "", "") + "storage: {vms: {kind: directory, path: /srv/vms}}\n"
    text += "guests: {web1: {cpus: 1, memory: 1GiB, disks: [vms], must_survive: 1}}\n"
    assert said(text) == []


def test_a_chain_of_thousands_is_no_circle() -> None:
    lines = ["g0"] + [f"g{n}: after: [g{n - 1}]" for n in range(1, 3000)]
    assert said(guests(*lines)) == []


def test_every_error_says_how_to_mend_it() -> None:
    for text, _ in CASES.values():
        assert all(problem.hint for problem in problems_of(text))


def test_warnings_and_errors_are_told_apart() -> None:
    (warning,) = problems_of(cluster("token: 500ms"))
    (error,) = problems_of(cluster("token: 100ms"))
    assert (warning.severity, error.severity) == (Severity.WARNING, Severity.ERROR)
