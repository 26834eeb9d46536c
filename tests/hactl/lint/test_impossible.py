"""What can never be right is refused, with the place and the mend: by kind, not by case."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hactl.lint.option_values import BOOLEANS, META, PROPERTIES
from hactl.topology import units
from hactl.topology.jsonschema import json_schema
from tests.hactl.topologies import BASE, guests, said

DOMAIN = "<domain><name>%s</name><uuid>%s</uuid><memory>1</memory><vcpu>1</vcpu></domain>"
UUID = "11111111-1111-1111-1111-111111111111"
ONE_LINK = BASE
for _number in (1, 2, 3):
    ONE_LINK = ONE_LINK.replace(f", 10.0.1.{_number}]", "]")


def storage(entry: str, base: str = BASE) -> str:
    return base.replace("{vms: ", f"{{{entry}, vms: ")


def containers(*entries: str) -> str:
    return BASE + "containers:\n" + "".join(f"  {entry}\n" for entry in entries)


def raw(item: str) -> str:
    return BASE + f"raw:\n  - {item}\n"


def cluster(more: str) -> str:
    return BASE.replace("{name: demo}", f"{{name: demo, {more}}}")


REFUSED = {
    "a stop that is over before anybody could shut down": (
        guests("a: timeouts: {stop: 1s}"),
        "guests.a.timeouts.stop: 1s leaves no time to shut down",
    ),
    "the same of a container": (
        containers("c: {path: /srv/vms/c, networks: [lan], timeouts: {stop: 2s}}"),
        "containers.c.timeouts.stop: 2s leaves no time to shut down",
    ),
    "the same in Pacemaker's words": (
        raw(
            "{kind: primitive, id: g, agent: 'ocf:hactl:KvmGuest', params: {definition: /srv/g.xml,"
            " shutdown_timeout: 90s}, operations: [{name: stop, timeout: 60s}]}"
        ),
        "raw[0].operations[0].timeout: 60s leaves 35s of the 90s that it may take to shut down",
    ),
    "two containers in one directory": (
        containers(
            "c: {path: /srv/vms/x, container: c, networks: [lan]}",
            "d: {path: /srv/vms/x, container: d, networks: [lan]}",
        ),
        "containers.d.path: the container's directory /srv/vms/x is also that of",
    ),
    "two containers of one name": (
        containers(
            "c: {path: /srv/vms/c, container: x, networks: [lan]}",
            "d: {path: /srv/vms/d, container: x, networks: [lan]}",
        ),
        "containers.d.container: the container x in /srv/vms is also that of",
    ),
    "a file system of one machine on all": (
        storage("data: {kind: directory, path: /srv/data, device: /dev/sdb, fstype: ext4}"),
        "storage.data.fstype: ext4 is for one machine at a time",
    ),
    "a file system of one machine in a clone in Pacemaker's words": (
        raw(
            "{kind: primitive, id: fs, agent: 'ocf:heartbeat:Filesystem', clone: true,"
            " params: {device: /dev/sdb, directory: /srv/x, fstype: xfs}}"
        ),
        "raw[0].params.fstype: xfs is for one machine at a time",
    ),
    "a mount over the system": (
        storage('data: {kind: directory, path: /usr, device: "nas:/x", fstype: nfs4}'),
        "storage.data.path: a mount on /usr hides",
    ),
    "storage that is the root": (
        storage("data: {kind: directory, path: /}"),
        "storage.data.path: / is the node's own root",
    ),
    "a disk of SBD that is there twice": (
        BASE.replace("fencing: {dev", "fencing: {watchdog: {disks: [/a, /b, /a]}, dev"),
        "fencing.watchdog.disks[2]: the disk of SBD /a is also that of",
    ),
    "two nodes on one outlet, whoever asks for it": (
        BASE.replace("{bmc: {plug: node1}}", "{p: {plug: 7}}")
        .replace("{bmc: {plug: node2}}", '{q: {plug: "07"}}')
        .replace(
            "bmc: {agent: fence_lab}",
            "bmc: {agent: fence_lab}, p: {agent: fence_apc, ip: pdu1},"
            " q: {agent: fence_apc_snmp, ip: PDU1}",
        ),
        "fencing node2 would hit node1",
    ),
    "guests apart on one node": (
        guests("a: nodes: [node1]", "b: nodes: [node1], apart: [a]"),
        "must all be apart: 2 guests on one node",
    ),
    "guests apart on nodes that do not suffice": (
        guests(
            "a: nodes: [node1, node2]",
            "b: nodes: [node1, node2], apart: [a]",
            "c: nodes: [node1, node2], apart: [a, b]",
        ),
        "must all be apart: 3 guests on 2 nodes",
    ),
    "a volume group on itself": (
        storage("v: {kind: lvm, vg: data, devices: [/dev/data/lv1]}"),
        "storage.v: lies on itself: v → v",
    ),
    "a volume group on itself by its name": (
        storage("v: {kind: lvm, vg: data, devices: [v]}"),
        "storage.v: lies on itself: v → v",
    ),
    "a remote node called like a node": (
        guests("a: meta: {remote-node: NODE1}"),
        "guests.a.meta.remote-node: the remote node node1 is also that of nodes.node1",
    ),
    "a remote node called like a resource": (
        guests("a: meta: {remote-node: b}", "b"),
        "the name 'b', the id hactl makes for the remote node, is taken by guests.b",
    ),
    "everything stopped": (
        cluster("properties: {stop-all-resources: true}"),
        "cluster.properties.stop-all-resources: stops everything in this file",
    ),
    "nothing allowed": (
        cluster("properties: {symmetric-cluster: false}"),
        "cluster.properties.symmetric-cluster: lets nothing run",
    ),
    "a path in two spellings": (
        guests("a: kernel: /srv/vms/./a"),
        "guests.a.kernel: '/srv/vms/./a' goes nowhere with '.'",
    ),
    "a disk of SBD in two spellings": (
        BASE.replace("\nfencing: {", "\nfencing: {watchdog: {disks: [/dev/disk/../sda]}, ", 1),
        "fencing.watchdog.disks[0]: '/dev/disk/../sda' goes upwards with '..'",
    ),
    "a controller at its node's own address": (
        BASE.replace("plug: node1", "plug: node1, ip: 10.0.1.2"),
        "nodes.node1.fencing.bmc.ip: 10.0.1.2 is the address of nodes.node2.links[1]",
    ),
    "a plug with a blank": (
        BASE.replace("plug: node2", "plug: ' node1'"),
        "nodes.node2.fencing.bmc.plug: fencing node2 would hit node1",
    ),
    "a file system of memory for all nodes": (
        storage("data: {kind: directory, path: /srv/data, device: tmpfs, fstype: tmpfs}"),
        "storage.data.fstype: tmpfs is each node's own",
    ),
    "a container inside another": (
        containers(
            "c: {path: /srv/vms/c, networks: [lan]}",
            "d: {path: /srv/vms/c/d, networks: [lan]}",
        ),
        "containers.d.path: /srv/vms/c/d lies in the directory of containers.c",
    ),
    "an IPv4 address in the words of IPv6": (
        containers("c: {path: /srv/vms/c, networks: [lan], address: '::ffff:10.0.0.9/120'}"),
        "containers.c.address: ::ffff:a00:9 is an IPv4 address",
    ),
    "the MAC address of a group": (
        guests("a: nics: [{network: lan, mac: '01:00:5e:00:00:01'}]"),
        "guests.a.nics[0].mac: '01:00:5e:00:00:01' is not a MAC address",
    ),
    "a bridge that is its own port": (
        BASE.replace("networks: {", "networks: {x: {kind: bridge, bridge: b, ports: [b]}, ", 1),
        "networks.x.ports[0]: b is the bridge of networks.x, which can be a port of no bridge",
    ),
    "a bridge of Linux in another": (
        BASE.replace(
            "networks: {",
            "networks: {y: {kind: bridge, bridge: c}, x: {kind: bridge, bridge: b, ports: [c]}, ",
            1,
        ),
        "networks.x.ports[0]: c is the bridge of networks.y",
    ),
    "the loopback device as a port": (
        BASE.replace("networks: {", "networks: {x: {kind: ovs, bridge: b, uplinks: [lo]}, ", 1),
        "networks.x.uplinks[0]: lo is the loopback device",
    ),
    "a start every ten seconds": (
        raw(
            "{kind: primitive, id: x, agent: 'ocf:pacemaker:Dummy',"
            " operations: [{name: start, interval: 10s, timeout: 10s}]}"
        ),
        "raw[0].operations[0].interval: start is not repeated",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), REFUSED.values(), ids=REFUSED)
def test_it_is_refused(text: str, expected: str) -> None:
    found = [problem for problem in said(text) if expected in problem]
    assert found, said(text)
    assert "warning" not in found[0]
    assert found[0].startswith("t.yaml:")
    assert "; " in found[0], "the mend"


WARNED = {
    "a device that every node has for itself": (
        BASE.replace("plug: node1", "plug: node1, ip: '::1'"),
        "nodes.node1.fencing.bmc.ip: ::1 is not a machine's address",
    ),
    "a node that is liked and closed": (
        guests("a: nodes: [node1], prefer: {node1: 5, node2: 10, node3: -5}"),
        "guests.a.prefer: a may not run on node2: it runs on node1 only",
    ),
    "an operation that nobody calls": (
        raw(
            "{kind: primitive, id: x, agent: 'ocf:pacemaker:Dummy',"
            " operations: [{name: stopp, timeout: 10s}]}"
        ),
        "raw[0].operations[0].name: stopp is not an operation that Pacemaker calls; did you",
    ),
}


@pytest.mark.parametrize(("text", "expected"), WARNED.values(), ids=WARNED)
def test_it_is_warned_of(text: str, expected: str) -> None:
    assert len([problem for problem in said(text) if f"warning: {expected}" in problem]) == 1


def test_two_definitions_of_one_name_or_uuid_are_refused() -> None:
    text = BASE + "guests: {a: {definition: /srv/vms/a.xml}, b: {definition: /srv/vms/b.xml}}\n"
    same = {"/srv/vms/a.xml": DOMAIN % ("x", UUID), "/srv/vms/b.xml": DOMAIN % ("x", UUID.upper())}
    problems = said(text, same)
    assert [p for p in problems if "guests.b.definition: the guest's name x is also" in p]
    assert [p for p in problems if f"guests.b.definition: the guest's UUID {UUID} is also" in p]


def test_one_name_under_two_libvirts_is_two_guests() -> None:
    text = BASE + (
        "guests: {a: {definition: /srv/vms/a.xml}, "
        "b: {definition: /srv/vms/b.xml, uri: 'qemu:///session'}}\n"
    )
    other = UUID.replace("1", "2")
    same = {"/srv/vms/a.xml": DOMAIN % ("x", UUID), "/srv/vms/b.xml": DOMAIN % ("x", other)}
    assert not [problem for problem in said(text, same) if "is also that of" in problem]


def test_a_read_only_file_system_may_be_on_every_node() -> None:
    entry = "data: {kind: directory, path: /srv/iso, device: /dev/sdb, fstype: ext4, options: ro}"
    assert said(storage(entry)) == []


def test_memory_saved_on_one_node_is_warned_of() -> None:
    (problem,) = said(guests("a: stop_mode: save, save_dir: /var/save"))
    assert "warning: guests.a.save_dir: /var/save is in no storage of this file" in problem
    assert said(guests("a: stop_mode: save, save_dir: /srv/vms/save")) == []
    assert said(guests("a: stop_mode: save, save_dir: /var/save, nodes: [node1]")) == []


def test_links_that_the_lock_manager_does_not_use_are_warned_of() -> None:
    shared = "shared: {kind: gfs2, path: /srv/shared, device: /dev/sdx, journals: 3}"
    (problem,) = [p for p in said(storage(shared)) if "links" in p]
    assert "warning: nodes.node1.links: DLM uses 10.0.0.1 alone" in problem
    assert said(storage(shared, ONE_LINK)) == []


def time_keys(schema: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield (definition, key) of everything that takes a time, 0 excluded."""
    for name, definition in schema["$defs"].items():
        for key, node in definition.get("properties", {}).items():
            if units.TIME_PATTERN_ABOVE_0 in str(node.get("pattern", node.get("anyOf", ""))):
                yield name, key


TIMES = {
    "Cluster": "cluster: {name: demo, %s: 0s}",
    "Defaults": "cluster: {name: demo, defaults: {%s: 0s}}",
    "Migration": "cluster: {name: demo, migration: {%s: 0s}}",
    "QuorumDevice": "cluster: {name: demo, qdevice: {host: q.example.com, %s: 0s}}",
}
SECTIONS = {
    "Guest": guests("a: %s: 0s"),
    "Timeouts": guests("a: timeouts: {%s: 0s}"),
    "Container": containers("c: {path: /srv/vms/c, networks: [lan], %s: 0s}"),
    "StepTimeouts": storage("d: {kind: directory, path: /d, device: 'n:/d', timeouts: {%s: 0s}}"),
    "Device": BASE.replace("fence_lab}", "fence_lab, %s: 0s}"),
    "Watchdog": BASE.replace("fencing: {dev", "fencing: {watchdog: {%s: 0s}, dev"),
    "Fencing": BASE.replace("fencing: {dev", "fencing: {%s: 0s, dev"),
}


@pytest.mark.parametrize(
    ("text", "key"),
    [
        pytest.param(
            SECTIONS[name] if name in SECTIONS else BASE.replace("cluster: {name: demo}", line),
            key,
            id=f"{name}.{key}",
        )
        for name, key in time_keys(json_schema())
        if (line := TIMES.get(name, "")) or name in SECTIONS
    ],
)
def test_no_time_is_none_at_all(text: str, key: str) -> None:
    assert [p for p in said(text.replace("%s", key)) if f"{key}: '0s' leaves no time at all" in p]


@pytest.mark.parametrize("name", PROPERTIES)
def test_a_property_takes_only_what_pacemaker_takes(name: str) -> None:
    (problem, *_) = said(cluster(f"properties: {{{name}: wrnog}}"))
    assert f"cluster.properties.{name}: 'wrnog' is not" in problem


@pytest.mark.parametrize("name", META)
def test_a_meta_attribute_takes_only_what_pacemaker_takes(name: str) -> None:
    (problem, *_) = said(guests(f"a: meta: {{{name}: wrnog}}"))
    assert f"guests.a.meta.{name}: 'wrnog' is not" in problem


@pytest.mark.parametrize("name", [name for name, values in META.items() if values is BOOLEANS])
@pytest.mark.parametrize("value", ["true", "False", "'yes'", "'0'"])
def test_pacemakers_spellings_of_a_boolean_are_taken(name: str, value: str) -> None:
    assert [p for p in said(guests(f"a: meta: {{{name}: {value}}}")) if name in p] == []


def test_a_misspelt_meta_attribute_is_warned_of() -> None:
    (problem,) = said(guests("a: meta: {target_role: Stopped}"))
    assert "warning: guests.a.meta.target_role" in problem
    assert "did you mean 'target-role'?" in problem


NOBODYS = st.one_of(
    st.ip_addresses(network="127.0.0.0/8"),
    st.ip_addresses(network="224.0.0.0/4"),
    st.ip_addresses(network="240.0.0.0/4"),
    st.ip_addresses(network="fe80::/10"),
    st.ip_addresses(network="ff00::/8"),
    st.sampled_from([ipaddress.ip_address(text) for text in ("0.0.0.0", "::", "::1")]),
)


@given(NOBODYS)
def test_an_address_that_reaches_nobody_is_refused(address: object) -> None:
    problems = said(
        containers(f"c: {{path: /srv/vms/c, networks: [lan], address: '{address}/24'}}")
    )
    assert [p for p in problems if "t.yaml:10: containers.c.address" in p]
    assert [p for p in said(BASE.replace("10.0.0.1,", f"'{address}',")) if "nodes.node1.links" in p]


@given(st.ip_addresses(network="10.0.0.0/8"), st.integers(8, 30))
def test_an_address_is_a_hosts_and_not_the_networks(address: object, length: int) -> None:
    network = ipaddress.ip_network(f"{address}/{length}", strict=False)
    for end in (network.network_address, network.broadcast_address):
        entry = f"c: {{path: /srv/vms/c, networks: [lan], address: {end}/{length}}}"
        assert [p for p in said(containers(entry)) if "address of its network" in p]
    host = network.network_address + 1
    entry = f"c: {{path: /srv/vms/c, networks: [lan], address: {host}/{length}}}"
    assert not [p for p in said(containers(entry)) if "containers.c.address" in p and "host" in p]
