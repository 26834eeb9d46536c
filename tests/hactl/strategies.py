"""Random topologies without errors, as the text of a file."""

from __future__ import annotations

import json
import shlex
from typing import Any

from hypothesis import strategies as st

# Words that hactl itself puts between names make the worst names.
WORDS = ["a", "b", "then", "with", "from", "on", "stop", "and", "for", "by", "1", "optional"]
LINKS = ["-", ".", "_"]
TEXTS = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S", "Zs"]), min_size=1)
HOSTILE = st.sampled_from(
    ['"><primitive id="x"/>', "]]>", "&x;", "<!-- -->", "'", "%s{0}$PATH`id`"]
)


@st.composite
def names(draw: st.DrawFn) -> str:
    parts = draw(st.lists(st.sampled_from(WORDS), min_size=1, max_size=4))
    name = draw(st.sampled_from(["g", "x", "_"])) + draw(st.sampled_from(LINKS)).join(parts)
    return name + draw(st.sampled_from(["", "-2", "-instance_attributesx"]))


def some(names: list[str], most: int = 3) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(names), unique=True, max_size=most) if names else st.just([])


@st.composite
def workloads(draw: st.DrawFn, earlier: list[str], nodes: list[str]) -> dict[str, Any]:
    """What a guest or container may say; it names only what came before, so nothing is circular."""
    found: dict[str, Any] = {}
    if draw(st.booleans()):
        found["priority"] = draw(st.integers(-100, 100))
    if draw(st.booleans()):
        found["after"] = draw(some(earlier))
    if draw(st.booleans()):
        scores = st.integers(1, 1000)
        found["apart"] = draw(
            st.dictionaries(st.sampled_from(earlier), scores) if earlier else st.just({})
        )
    if draw(st.booleans()):
        found["prefer"] = draw(st.dictionaries(st.sampled_from(nodes), st.integers(-500, 500)))
    if draw(st.booleans()):
        found["nodes"] = draw(st.lists(st.sampled_from(nodes), min_size=1, unique=True))
    if draw(st.booleans()):
        found["timeouts"] = {"start": draw(st.sampled_from(["1500ms", "90s", "5min"]))}
    return found


@st.composite
def networks(draw: st.DrawFn) -> dict[str, Any]:
    """A Linux bridge, or one of Open vSwitch's."""
    if draw(st.booleans()):
        return {"kind": "bridge", "bridge": "br0"}
    found: dict[str, Any] = {"kind": "ovs", "bridge": "br0", "internal": {"br0v10": 10}}
    found["uplinks"] = ["eth8", "eth9"]
    if draw(st.booleans()):
        found["bond"] = {"name": "bond0", "mode": "active-backup", "updelay": "100ms"}
    if draw(st.booleans()):
        found["vlans"] = [10, "20-29"]
    if draw(st.booleans()):
        found["service"] = "systemd:openvswitch-switch"
    return found


@st.composite
def images(draw: st.DrawFn, name: str) -> dict[str, Any]:
    found: dict[str, Any] = {"kind": "rbd", "image": f"pool/{name}"}
    if draw(st.booleans()):
        found["attach"] = draw(st.sampled_from(["native", "mapped", "everywhere"]))
    if draw(st.booleans()):
        found["options"] = ["osd_request_timeout=60"]
    return found


@st.composite
def shared(draw: st.DrawFn, names: list[str]) -> dict[str, Any]:
    """A volume group and a GFS2 file system, on it or on an image; none, one, or both."""
    found: dict[str, Any] = {}
    group, mount, image = names
    if draw(st.booleans()):
        found[group] = {"kind": "lvm", "vg": "vg1", "mode": draw(MODES)}
    if draw(st.booleans()):
        on_group = found.get(group, {}).get("mode") == "shared" and draw(st.booleans())
        device = "/dev/vg1/shared" if on_group else image
        found[mount] = {"kind": "gfs2", "path": "/srv/g", "device": device, "journals": 3}
        found[image] = {"kind": "rbd", "image": "pool/below"}
    return found


MODES = st.sampled_from(["exclusive", "shared"])
ISCSI = {"kind": "iscsi", "iqn": "iqn.2026-11.demo:a", "chap": {"file": "/etc/hactl/a"}}
NVMEOF = {"kind": "nvmeof", "nqn": "nqn.2026-11.com.example:a", "auth": {"file": "/etc/hactl/b"}}


@st.composite
def gateways(draw: st.DrawFn, used: str) -> dict[str, Any]:
    """A gateway that serves one image, from one node or from all."""
    several = draw(st.booleans())
    found = dict(draw(st.sampled_from([ISCSI, NVMEOF])))
    iscsi = found["kind"] == "iscsi"
    found["luns" if iscsi else "namespaces"] = [used]
    found["address"] = "10.9.8.0/24" if several else "10.9.8.7/24"
    if several:
        found["mode"] = "alua" if iscsi else "ana"
    elif draw(st.booleans()):
        found["gate"] = False
    if draw(st.booleans()):
        found["timeouts"] = {"start": "3min"}
    return found


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    pool = draw(st.lists(names(), min_size=16, max_size=16, unique_by=str.lower))
    node_names = draw(st.sampled_from([["n1", "n2"], ["1n", "n-on-2", "n.then.3"]]))
    lan, storage, device = [pool[0]], pool[1:3], pool[3]
    containers, guests, raw = pool[4:6], pool[6:9], pool[9]
    disk, served, gateway, *below = pool[10:16]
    document: dict[str, Any] = {
        "cluster": {"name": "demo"},
        "nodes": {name: {"fencing": {device: None}} for name in node_names},
        "fencing": {"devices": {device: {"agent": "fence_x", "label": draw(HOSTILE | TEXTS)}}},
        "networks": {lan[0]: draw(networks())},
        "storage": {
            storage[0]: {"kind": "directory", "path": "/srv/a"},
            storage[1]: {"kind": "directory", "path": "/srv/b", "device": draw(HOSTILE)},
        },
        "containers": {},
        "guests": {},
    }
    earlier: list[str] = []
    for number, name in enumerate(containers):
        entry = {"networks": draw(some(lan)), "health": shlex.quote(draw(HOSTILE | TEXTS))}
        if draw(st.booleans()):
            entry["address"] = f"10.9.9.{number + 1}/24"
        document["containers"][name] = entry | draw(workloads(earlier, node_names))
        earlier.append(name)
    for name in guests:
        entry = {"cpus": 1, "memory": "1GiB", "disks": [draw(st.sampled_from(storage))]}
        entry["nics"] = draw(some(lan))
        document["guests"][name] = entry | draw(workloads(earlier, node_names))
        earlier.append(name)
    if draw(st.booleans()):
        document["storage"][disk] = draw(images("disk"))
        document["guests"][guests[0]]["disks"] = [disk]
    document["storage"] |= draw(shared(below))
    if draw(st.booleans()):
        document["storage"][served] = {"kind": "rbd", "image": "pool/served"}
        document["gateways"] = {gateway: draw(gateways(served))}
    document["raw"] = [
        {
            "kind": "primitive",
            "id": raw,
            "agent": "ocf:pacemaker:Dummy",
            "clone": draw(st.booleans()),
        }
    ]
    return document


def topologies() -> st.SearchStrategy[str]:
    """Texts of topology files; JSON is YAML."""
    return documents().map(lambda document: json.dumps(document, indent=1, ensure_ascii=False))
