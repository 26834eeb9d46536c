"""Changes of shape: a topology before and after, in which parts come, leave or change their kind.

Each names what is done to a resource that stays, or that stays under its name as something else.
"""

from __future__ import annotations

from itertools import permutations
from typing import Any

Document = dict[str, Any]
Shape = tuple[Document, Document]

NODES = {
    f"n{n}": {"links": [f"10.0.0.{n}", f"10.0.1.{n}"], "fencing": {"bmc": {"plug": f"n{n}"}}}
    for n in (1, 2, 3)
}
DIRECTORY = {"kind": "directory", "path": "/srv/d", "device": "nas:/d", "fstype": "nfs4"}
GUEST = {"cpus": 1, "memory": "1GiB", "disks": ["dir"], "nics": ["lan"]}
ISCSI = {
    "kind": "iscsi",
    "iqn": "iqn.2026-11.demo:0",
    "chap": {"file": "/etc/hactl/0"},
    "luns": ["img"],
    "address": "10.8.0.7/24",
}
ALUA = {**ISCSI, "mode": "alua", "address": "10.8.0.0/24"}
NVMEOF = {
    "kind": "nvmeof",
    "nqn": "nqn.2026-11.com.example:0",
    "auth": {"file": "/etc/hactl/0"},
    "namespaces": ["img"],
    "address": "10.8.0.7/24",
}
ANA = {**NVMEOF, "mode": "ana", "address": "10.8.0.0/24"}
IMAGE = {"kind": "rbd", "image": "p/img"}
CONTAINER = {"path": "/srv/d/c", "networks": ["lan"]}
BRIDGE = {"kind": "bridge", "bridge": "br0"}
OVS = {"kind": "ovs", "bridge": "br0"}


def topology(**sections: Any) -> Document:
    """Return three nodes with a bridge, a directory and a guest, and ``sections`` beside them."""
    made: Document = {
        "cluster": {"name": "t"},
        "nodes": NODES,
        "fencing": {"devices": {"bmc": {"agent": "fence_lab"}}},
        "networks": {"lan": BRIDGE},
        "storage": {"dir": DIRECTORY},
        "guests": {"web": GUEST},
    }
    for name, section in sections.items():
        made[name] = {**made.get(name, {}), **section} if isinstance(section, dict) else section
    return made


def member(name: str) -> Document:
    return {"id": name, "agent": "ocf:pacemaker:Dummy"}


def primitive(name: str, **more: Any) -> Document:
    return {"kind": "primitive", **member(name), **more}


def group(*members: str, name: str = "g", **more: Any) -> Document:
    return {"kind": "group", "id": name, "members": [member(each) for each in members], **more}


def raw(before: list[Document], after: list[Document]) -> Shape:
    return topology(raw=before), topology(raw=after)


CLONED: Document = {"clone": True}
PROMOTABLE: Document = {"clone": True, "clone_meta": {"promotable": True}}
UNIQUE: Document = {"clone": True, "clone_meta": {"globally-unique": True, "clone-max": 2}}
ABC = group("a", "b", "c")

RAW: dict[str, Shape] = {
    "group minus its first": raw([ABC], [group("b", "c")]),
    "group minus its middle": raw([ABC], [group("a", "c")]),
    "group minus its last": raw([ABC], [group("a", "b")]),
    "group minus two": raw([ABC], [group("b")]),
    "group plus a first": raw([group("b", "c")], [ABC]),
    "group plus a middle": raw([group("a", "c")], [ABC]),
    "group plus a last": raw([group("a", "b")], [ABC]),
    "group with another first": raw([ABC], [group("x", "b", "c")]),
    "group with another middle": raw([ABC], [group("a", "x", "c")]),
    "group with another last": raw([ABC], [group("a", "b", "x")]),
    "group in reverse": raw([ABC], [group("c", "b", "a")]),
    "group of another name": raw([ABC], [group("a", "b", "c", name="h")]),
    "group that lets one go": raw([ABC], [group("a", "b"), primitive("c")]),
    "group that takes one in": raw([group("a", "b"), primitive("c")], [ABC]),
    "group taken apart": raw([ABC], [primitive("a"), primitive("b"), primitive("c")]),
    "group put together": raw([primitive("a"), primitive("b"), primitive("c")], [ABC]),
    "group split in two": raw([ABC], [group("a"), group("b", "c", name="h")]),
    "two groups made one": raw([group("a"), group("b", "c", name="h")], [ABC]),
    "member from one group to another": raw(
        [group("a", "b"), group("c", name="h")], [group("a"), group("b", "c", name="h")]
    ),
    "group cloned": raw([ABC], [group("a", "b", "c", **CLONED)]),
    "group no longer cloned": raw([group("a", "b", "c", **CLONED)], [ABC]),
    "cloned group minus its middle": raw(
        [group("a", "b", "c", **CLONED)], [group("a", "c", **CLONED)]
    ),
    "cloned group plus a member": raw(
        [group("a", "c", **CLONED)], [group("a", "b", "c", **CLONED)]
    ),
    "primitive cloned": raw([primitive("a")], [primitive("a", **CLONED)]),
    "clone made a primitive": raw([primitive("a", **CLONED)], [primitive("a")]),
    "clone made promotable": raw([primitive("a", **CLONED)], [primitive("a", **PROMOTABLE)]),
    "promotable made a clone": raw([primitive("a", **PROMOTABLE)], [primitive("a", **CLONED)]),
    "promotable made a primitive": raw([primitive("a", **PROMOTABLE)], [primitive("a")]),
    "clone made unique": raw([primitive("a", **CLONED)], [primitive("a", **UNIQUE)]),
    "unique made a plain clone": raw([primitive("a", **UNIQUE)], [primitive("a", **CLONED)]),
    "primitive made unique": raw([primitive("a")], [primitive("a", **UNIQUE)]),
    "clone on fewer nodes": raw(
        [primitive("a", **CLONED)], [primitive("a", clone=True, clone_meta={"clone-max": 1})]
    ),
    "primitive of another name": raw([primitive("a")], [primitive("x")]),
    "primitive of another agent": raw(
        [primitive("a")], [{**primitive("a"), "agent": "ocf:pacemaker:Stateful"}]
    ),
    "primitive that takes a group's name": raw([group("a", "b")], [primitive("g")]),
    "group that takes a primitive's name": raw([primitive("g")], [group("a", "b")]),
}


def disk(image: Document, **more: Any) -> Document:
    """Return a topology in which a guest uses one image, attached in some way."""
    guest = {**GUEST, "disks": ["img"], "live_migration": False, **more}
    return topology(storage={"img": image}, guests={"db": guest})


def volume(**more: Any) -> Document:
    group = {"kind": "lvm", "vg": "vg0", **more}
    below = {"img": IMAGE} if "devices" in more else {}
    guest = {**GUEST, "disks": [{"storage": "vg", "volume": "lv"}], "live_migration": False}
    return topology(storage={"vg": group, **below}, guests={"db": guest})


def holding(section: Document) -> Document:
    return topology(storage={"dir": section})


ATTACHED = {
    f"image {one} -> {two}": (disk({**IMAGE, "attach": one}), disk({**IMAGE, "attach": two}))
    for one, two in permutations(("native", "mapped", "everywhere"), 2)
}
PLAIN = {"kind": "directory", "path": "/srv/d"}
STORAGE: dict[str, Shape] = {
    **ATTACHED,
    "volume group exclusive -> shared": (volume(), volume(mode="shared")),
    "volume group shared -> exclusive": (volume(mode="shared"), volume()),
    "volume group gets a device": (volume(), volume(devices=["img"])),
    "volume group loses its device": (volume(devices=["img"]), volume()),
    "volume group on an image shared -> exclusive": (
        volume(mode="shared", devices=["img"]),
        volume(devices=["img"]),
    ),
    "directory no longer mounted": (topology(), holding(PLAIN)),
    "directory mounted": (holding(PLAIN), topology()),
    "directory from elsewhere": (topology(), holding({**DIRECTORY, "device": "nas:/e"})),
    "directory of another name": (
        topology(),
        {
            **topology(guests={"web": {**GUEST, "disks": ["vms"]}}),
            "storage": {"vms": DIRECTORY},
        },
    ),
    "disk from an image to a directory": (
        disk({**IMAGE, "attach": "mapped"}),
        topology(guests={"db": {**GUEST, "live_migration": False}}),
    ),
    "image of another name": (
        disk({**IMAGE, "attach": "mapped"}),
        topology(
            storage={"other": {**IMAGE, "attach": "mapped"}},
            guests={"db": {**GUEST, "disks": ["other"], "live_migration": False}},
        ),
    ),
    "guest loses a disk": (
        disk({**IMAGE, "attach": "mapped"}, disks=["dir", "img"]),
        disk({**IMAGE, "attach": "mapped"}, disks=["dir"]),
    ),
}


def gateway(kind: Document, **more: Any) -> Document:
    images = {"img": IMAGE, "two": {"kind": "rbd", "image": "p/two"}}
    served = {**kind, **more}
    return topology(storage=images, gateways={"gw": served})


SERVERS = {"iscsi": ISCSI, "alua": ALUA, "nvmeof": NVMEOF, "ana": ANA}
GATEWAYS: dict[str, Shape] = {
    **{
        f"gateway {one} -> {two}": (gateway(SERVERS[one]), gateway(SERVERS[two]))
        for one, two in permutations(SERVERS, 2)
    },
    **{
        f"{name} gate {'off' if gate else 'on'}": (
            gateway(SERVERS[name], gate=gate),
            gateway(SERVERS[name], gate=not gate),
        )
        for name in ("iscsi", "nvmeof")
        for gate in (True, False)
    },
    "alua on fewer nodes": (gateway(ALUA), gateway(ALUA, gateways=1)),
    "alua on more nodes": (gateway(ALUA, gateways=1), gateway(ALUA)),
    "gateway gets an image": (gateway(ISCSI), gateway(ISCSI, luns=["img", "two"])),
    "gateway loses an image": (gateway(ISCSI, luns=["img", "two"]), gateway(ISCSI)),
    "alua gets an image": (gateway(ALUA), gateway(ALUA, luns=["img", "two"])),
    "alua loses an image": (gateway(ALUA, luns=["img", "two"]), gateway(ALUA)),
    "gateway at another address": (gateway(ISCSI), gateway(ISCSI, address="10.8.0.9/24")),
    "gateway at two addresses": (
        gateway(ISCSI),
        gateway(ISCSI, address=["10.8.0.7/24", "10.9.0.7/24"]),
    ),
    "gateway on a network": (gateway(ISCSI), gateway(ISCSI, network="lan")),
    "gateway off its network": (gateway(ISCSI, network="lan"), gateway(ISCSI)),
    "gateway goes": (gateway(ISCSI), topology(storage={"img": IMAGE})),
    "gateway of another name": (
        gateway(ISCSI),
        topology(storage={"img": IMAGE}, gateways={"other": ISCSI}),
    ),
}


def network(kind: Document) -> Document:
    return topology(networks={"lan": kind})


def contained(**more: Any) -> Document:
    images = {"img": {**IMAGE, "attach": "mapped"}}
    return topology(storage=images, containers={"c": {**CONTAINER, **more}})


WORKLOAD: dict[str, Shape] = {
    "bridge -> Open vSwitch": (network(BRIDGE), network(OVS)),
    "Open vSwitch -> bridge": (network(OVS), network(BRIDGE)),
    "Open vSwitch gets its daemon": (
        network(OVS),
        network({**OVS, "service": "systemd:openvswitch-switch"}),
    ),
    "Open vSwitch loses its daemon": (
        network({**OVS, "service": "systemd:openvswitch-switch"}),
        network(OVS),
    ),
    "network of another name": (
        topology(),
        {**topology(guests={"web": {**GUEST, "nics": ["net"]}}), "networks": {"net": BRIDGE}},
    ),
    "guest off its network": (topology(), topology(guests={"web": {**GUEST, "nics": []}})),
    "guest of another name": (topology(), {**topology(), "guests": {"www": GUEST}}),
    "guest confined": (topology(), topology(guests={"web": {**GUEST, "nodes": ["n3"]}})),
    "guest gets another to wait for": (
        topology(guests={"db": GUEST}),
        topology(guests={"db": GUEST, "web": {**GUEST, "after": ["db"]}}),
    ),
    "guests apart": (
        topology(guests={"db": GUEST}),
        topology(guests={"db": GUEST, "web": {**GUEST, "apart": ["db"]}}),
    ),
    "guests together": (
        topology(guests={"db": GUEST}),
        topology(guests={"db": GUEST, "web": {**GUEST, "together": ["db"]}}),
    ),
    "container gets an address": (contained(), contained(address="10.9.9.9/24")),
    "container loses its address": (contained(address="10.9.9.9/24"), contained()),
    "container gets storage": (contained(), contained(storage=["img"])),
    "container loses its storage": (contained(storage=["img"]), contained()),
    "container -> guest": (contained(), topology(guests={"c": GUEST})),
    "guest -> container": (topology(guests={"c": GUEST}), contained()),
    "device of another name": (
        topology(),
        {
            **topology(),
            "nodes": {n: {**each, "fencing": {"pdu": {"plug": n}}} for n, each in NODES.items()},
            "fencing": {"devices": {"pdu": {"agent": "fence_lab"}}},
        },
    ),
    "node goes": (
        topology(),
        {**topology(), "nodes": {n: NODES[n] for n in ("n1", "n2")}},
    ),
    "everything goes but the nodes": (
        contained(address="10.9.9.9/24"),
        {name: topology()[name] for name in ("cluster", "nodes", "fencing")},
    ),
}

SHAPES: dict[str, Shape] = {**RAW, **STORAGE, **GATEWAYS, **WORKLOAD}
