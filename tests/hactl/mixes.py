"""Random topologies that mix all kinds of networks, storage and gateways; small, and legal."""

from __future__ import annotations

from random import Random
from typing import Any, Protocol

from hypothesis import strategies as st

Document = dict[str, Any]


class Choice(Protocol):
    """Decides what is in a mix: hypothesis, which makes it small, or a seed that is kept."""

    def number(self, least: int, most: int) -> int: ...
    def some(self, of: list[str], most: int) -> list[str]: ...

    def yes(self) -> bool:
        return bool(self.number(0, 1))

    def one(self, *choices: Any) -> Any:
        return choices[self.number(0, len(choices) - 1)]


class Drawn(Choice):
    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw

    def number(self, least: int, most: int) -> int:
        return self.draw(st.integers(least, most))

    def some(self, of: list[str], most: int) -> list[str]:
        choices = st.lists(st.sampled_from(of), unique=True, max_size=most)
        return self.draw(choices) if of else []


class Seeded(Choice):
    def __init__(self, seed: int) -> None:
        self.random = Random(seed)

    def number(self, least: int, most: int) -> int:
        return self.random.randint(least, most)

    def some(self, of: list[str], most: int) -> list[str]:
        return self.random.sample(of, self.number(0, min(most, len(of))))


@st.composite
def mixes(draw: st.DrawFn, most_nodes: int = 3) -> Document:
    """A document whose needs are all met: everything in it can run on every node."""
    return mix(Drawn(draw), 1, most_nodes)


def mix(choice: Choice, least_nodes: int, most_nodes: int) -> Document:
    nodes = [f"n{number}" for number in range(1, choice.number(least_nodes, most_nodes) + 1)]
    document: Document = {
        "cluster": {"name": "mix"},
        "nodes": {name: {"fencing": {"bmc": {"plug": name}}} for name in nodes},
        "fencing": {"devices": {"bmc": {"agent": "fence_lab"}}},
        "networks": networks(choice),
        "storage": shared_storage(choice, locks=len(nodes) > 1),
    }
    if len(nodes) == 1:  # Nobody is left to fence it.
        document["cluster"]["fencing"] = False
        del document["fencing"]
        document["nodes"] = {nodes[0]: {}}
    places = Places(choice, document)
    for section, one, most in (("guests", guest, 3), ("containers", container, 2)):
        number = choice.number(0, most)
        document[section] = {f"{section[0]}{n}": one(places, n) for n in range(number)}
    number = choice.number(0, 3)
    document["gateways"] = {f"gw.{n}-x": gateway(places, n, len(nodes)) for n in range(number)}
    return {name: section for name, section in document.items() if section}


def networks(choice: Choice) -> Document:
    found: Document = {}
    if choice.yes():
        found["lan"] = {"kind": "bridge", "bridge": "br-lan"}
    for name in choice.some(["ovs-a", "ovs.b"], 2):
        found[name] = {"kind": "ovs", "bridge": f"br{name[-1]}", "internal": {f"i{name[-1]}": 10}}
        if choice.yes():
            found[name]["service"] = "systemd:openvswitch-switch"
    return found


def shared_storage(choice: Choice, *, locks: bool) -> Document:
    """What all nodes have at once, some of it in or on other storage."""
    found: Document = {}
    if choice.yes():
        found["nfs"] = {"kind": "directory", "path": "/srv", "device": "nas:/srv"}
    if choice.yes():
        found["plain"] = {"kind": "directory", "path": "/srv/plain"}
    if locks and choice.yes():
        found |= {"vg-s": {"kind": "lvm", "vg": "vgs", "mode": "shared"}}
        if choice.yes():
            found["pv"] = {"kind": "rbd", "image": "p/pv"}
            found["vg-s"]["devices"] = ["pv"]
    if locks and choice.yes():
        device = choice.one("/dev/mapper/g", "g-image", "/dev/vgs/g")
        if device == "g-image":
            found["g-image"] = {"kind": "rbd", "image": "p/g"}
        if not device.startswith("/dev/vgs") or "vg-s" in found:
            found["g"] = {"kind": "gfs2", "path": "/srv/g", "device": device, "journals": 3}
            if choice.yes():
                found["inner"] = {"kind": "directory", "path": "/srv/g/in", "device": "nas:/in"}
    return found


class Places:
    """Where things are: storage that many share, and images and volume groups for one user."""

    def __init__(self, choice: Choice, document: Document) -> None:
        self.choice = choice
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
        if "vg-s" in self.document["storage"] and self.choice.yes():
            return {"storage": "vg-s", "volume": f"lv{self.made}"}
        name = f"vg{self.made}"
        group = {"kind": "lvm", "vg": name}
        if self.choice.yes():
            group |= {"devices": [self.image()]}
        self.document["storage"][name] = group
        return {"storage": name, "volume": "lv"}

    def alone(self, disk: Any) -> bool:
        """Whether a disk is on one node at a time."""
        storage = self.document["storage"][disk if isinstance(disk, str) else disk["storage"]]
        exclusive = storage["kind"] == "lvm" and storage.get("mode") != "shared"
        return exclusive or storage.get("attach") == "mapped"

    def some(self, of: list[str], most: int = 2) -> list[str]:
        return self.choice.some(of, most)


def guest(places: Places, number: int) -> Document:
    disks: list[Any] = list(places.some(places.directories))
    for kind in places.some(["native", "mapped", "volume"]) or ["native"]:
        disks.append(places.volume() if kind == "volume" else places.image(attach=kind))
    nics = places.some(list(places.document["networks"]))
    found: Document = {"cpus": 1, "memory": "1GiB", "disks": disks, "nics": nics}
    if any(places.alone(disk) for disk in disks):
        found["live_migration"] = False
    if number and places.choice.yes():
        found["after"] = [f"g{number - 1}"]
    if places.choice.yes():
        found["priority"] = number
    return found


def container(places: Places, number: int) -> Document:
    home = places.choice.one(*places.directories, "") if places.directories else ""
    path = places.document["storage"][home]["path"] if home else "/var/lib/lxc"
    found: Document = {"path": f"{path}/c{number}"}
    plugs = places.some(list(places.document["networks"]))
    found["networks"] = plugs
    if plugs and places.choice.yes():
        found["address"] = f"10.9.9.{number + 1}/24"
    if places.choice.yes():
        found["storage"] = [places.image()]
    return found


def gateway(places: Places, number: int, nodes: int) -> Document:
    iscsi, several = places.choice.yes(), places.choice.yes()
    secret = {"file": f"/etc/hactl/{number}"}
    found: Document = (
        {"kind": "iscsi", "iqn": f"iqn.2026-11.demo:{number}", "chap": secret}
        if iscsi
        else {"kind": "nvmeof", "nqn": f"nqn.2026-11.com.example:{number}", "auth": secret}
    )
    served: list[Any] = [places.image()]
    if not several and places.choice.yes():
        served.append(places.volume())
    found["luns" if iscsi else "namespaces"] = served
    found["address"] = f"10.8.{number}.0/24" if several else f"10.8.{number}.7/24"
    if several:
        found["mode"] = "alua" if iscsi else "ana"
        found["gateways"] = places.choice.one(*range(1, nodes + 1))
    elif places.choice.yes():
        found["gate"] = False
    if places.document["networks"] and places.choice.yes():
        found["network"] = places.choice.one(*places.document["networks"])
        if found["network"] != "lan":
            found["vlan"] = 10
    return found
