"""Random topologies that mix all kinds of networks, storage and gateways; small, and legal."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

Document = dict[str, Any]


@st.composite
def mixes(draw: st.DrawFn, most_nodes: int = 3) -> Document:
    """A document whose needs are all met: everything in it can run on every node."""
    nodes = [f"n{number}" for number in range(1, draw(st.integers(1, most_nodes)) + 1)]
    document: Document = {
        "cluster": {"name": "mix"},
        "nodes": {name: {"fencing": {"bmc": {"plug": name}}} for name in nodes},
        "fencing": {"devices": {"bmc": {"agent": "fence_lab"}}},
        "networks": draw(networks()),
        "storage": draw(shared_storage(locks=len(nodes) > 1)),
    }
    if len(nodes) == 1:  # Nobody is left to fence it.
        document["cluster"]["fencing"] = False
        del document["fencing"]
        document["nodes"] = {nodes[0]: {}}
    places = Places(draw, document)
    for section, one, most in (("guests", guest, 3), ("containers", container, 2)):
        number = draw(st.integers(0, most))
        document[section] = {f"{section[0]}{n}": one(places, n) for n in range(number)}
    number = draw(st.integers(0, 3))
    document["gateways"] = {f"gw.{n}-x": gateway(places, n, len(nodes)) for n in range(number)}
    return {name: section for name, section in document.items() if section}


@st.composite
def networks(draw: st.DrawFn) -> Document:
    found: Document = {}
    if draw(st.booleans()):
        found["lan"] = {"kind": "bridge", "bridge": "br-lan"}
    for name in draw(st.lists(st.sampled_from(["ovs-a", "ovs.b"]), unique=True)):
        found[name] = {"kind": "ovs", "bridge": f"br{name[-1]}", "internal": {f"i{name[-1]}": 10}}
        if draw(st.booleans()):
            found[name]["service"] = "systemd:openvswitch-switch"
    return found


@st.composite
def shared_storage(draw: st.DrawFn, *, locks: bool) -> Document:
    """What all nodes have at once, some of it in or on other storage."""
    found: Document = {}
    if draw(st.booleans()):
        found["nfs"] = {"kind": "directory", "path": "/srv", "device": "nas:/srv"}
    if draw(st.booleans()):
        found["plain"] = {"kind": "directory", "path": "/srv/plain"}
    if locks and draw(st.booleans()):
        found |= {"vg-s": {"kind": "lvm", "vg": "vgs", "mode": "shared"}}
        if draw(st.booleans()):
            found["pv"] = {"kind": "rbd", "image": "p/pv"}
            found["vg-s"]["devices"] = ["pv"]
    if locks and draw(st.booleans()):
        device = draw(st.sampled_from(["/dev/mapper/g", "g-image", "/dev/vgs/g"]))
        if device == "g-image":
            found["g-image"] = {"kind": "rbd", "image": "p/g"}
        if not device.startswith("/dev/vgs") or "vg-s" in found:
            found["g"] = {"kind": "gfs2", "path": "/srv/g", "device": device, "journals": 3}
            if draw(st.booleans()):
                found["inner"] = {"kind": "directory", "path": "/srv/g/in", "device": "nas:/in"}
    return found


class Places:
    """Where things are: storage that many share, and images and volume groups for one user."""

    def __init__(self, draw: st.DrawFn, document: Document) -> None:
        self.draw = draw
        self.document = document
        kinds = {name: each["kind"] for name, each in document["storage"].items()}
        self.directories = [name for name, kind in kinds.items() if kind in ("directory", "gfs2")]
        self.made = 0

    def image(self, **more: Any) -> str:
        self.made += 1
        name = f"img{self.made}"
        self.document["storage"][name] = {"kind": "rbd", "image": f"p/{name}", **more}
        return name

    def volume(self) -> dict[str, str]:
        """Return a logical volume in a volume group of its own, or in the shared one."""
        self.made += 1
        if "vg-s" in self.document["storage"] and self.draw(st.booleans()):
            return {"storage": "vg-s", "volume": f"lv{self.made}"}
        name = f"vg{self.made}"
        group = {"kind": "lvm", "vg": name}
        if self.draw(st.booleans()):
            group |= {"devices": [self.image()]}
        self.document["storage"][name] = group
        return {"storage": name, "volume": "lv"}

    def alone(self, disk: Any) -> bool:
        """Whether a disk is on one node at a time."""
        storage = self.document["storage"][disk if isinstance(disk, str) else disk["storage"]]
        exclusive = storage["kind"] == "lvm" and storage.get("mode") != "shared"
        return exclusive or storage.get("attach") == "mapped"

    def some(self, of: list[str], most: int = 2) -> list[str]:
        choices = st.lists(st.sampled_from(of), unique=True, max_size=most)
        return self.draw(choices) if of else []

    def one(self, *choices: Any) -> Any:
        return self.draw(st.sampled_from(choices))


def guest(places: Places, number: int) -> Document:
    disks: list[Any] = list(places.some(places.directories))
    for kind in places.some(["native", "mapped", "volume"]) or ["native"]:
        disks.append(places.volume() if kind == "volume" else places.image(attach=kind))
    nics = places.some(list(places.document["networks"]))
    found: Document = {"cpus": 1, "memory": "1GiB", "disks": disks, "nics": nics}
    if any(places.alone(disk) for disk in disks):
        found["live_migration"] = False
    if number and places.draw(st.booleans()):
        found["after"] = [f"g{number - 1}"]
    if places.draw(st.booleans()):
        found["priority"] = number
    return found


def container(places: Places, number: int) -> Document:
    home = places.one(*places.directories, "") if places.directories else ""
    path = places.document["storage"][home]["path"] if home else "/var/lib/lxc"
    found: Document = {"path": f"{path}/c{number}"}
    plugs = places.some(list(places.document["networks"]))
    found["networks"] = plugs
    if plugs and places.draw(st.booleans()):
        found["address"] = f"10.9.9.{number + 1}/24"
    if places.draw(st.booleans()):
        found["storage"] = [places.image()]
    return found


def gateway(places: Places, number: int, nodes: int) -> Document:
    iscsi, several = places.draw(st.booleans()), places.draw(st.booleans())
    secret = {"file": f"/etc/hactl/{number}"}
    found: Document = (
        {"kind": "iscsi", "iqn": f"iqn.2026-11.demo:{number}", "chap": secret}
        if iscsi
        else {"kind": "nvmeof", "nqn": f"nqn.2026-11.com.example:{number}", "auth": secret}
    )
    served: list[Any] = [places.image()]
    if not several and places.draw(st.booleans()):
        served.append(places.volume())
    found["luns" if iscsi else "namespaces"] = served
    found["address"] = f"10.8.{number}.0/24" if several else f"10.8.{number}.7/24"
    if several:
        found["mode"] = "alua" if iscsi else "ana"
        found["gateways"] = places.one(*range(1, nodes + 1))
    elif places.draw(st.booleans()):
        found["gate"] = False
    if places.document["networks"] and places.draw(st.booleans()):
        found["network"] = places.one(*places.document["networks"])
        if found["network"] != "lan":
            found["vlan"] = 10
    return found
