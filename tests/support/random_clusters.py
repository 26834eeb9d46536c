"""Random topologies in which not everything fits or may meet: what a loss does to them differs."""

from __future__ import annotations

from random import Random
from typing import Any

Document = dict[str, Any]


def random_cluster(seed: int) -> Document:
    """Return a legal topology of three to five nodes; the same seed makes the same."""
    dice = Random(seed)
    nodes = [f"n{number}" for number in range(1, dice.choice((3, 3, 4, 5)) + 1)]
    sized = dice.random() < 0.7
    document: Document = {
        "cluster": {"name": "chance"},
        "nodes": {name: node(dice, name, sized=sized) for name in nodes},
        "fencing": {"devices": {"bmc": {"agent": "fence_lab"}}},
        "networks": {"lan": {"kind": "bridge", "bridge": "br-lan"}} if dice.random() < 0.6 else {},
        "storage": {"vms": {"kind": "directory", "path": "/srv/vms", **device(dice)}},
        "guests": {},
        "containers": {},
        "gateways": {},
    }
    names: list[str] = []
    for number in range(dice.randint(2, 9)):
        add(dice, document, nodes, names, number, sized=sized)
    return {key: value for key, value in document.items() if value}


def device(dice: Random) -> Document:
    return {"device": "nas:/vms"} if dice.random() < 0.5 else {}


def node(dice: Random, name: str, *, sized: bool) -> Document:
    found: Document = {"fencing": {"bmc": {"plug": name}}}
    if sized:
        found |= {"cpus": 16, "memory": f"{dice.choice((9, 9, 11, 17))}GiB"}
    return found


def add(
    dice: Random,
    document: Document,
    nodes: list[str],
    names: list[str],
    number: int,
    *,
    sized: bool,
) -> None:
    """Add a guest, a container or a gateway; it names only what came before it."""
    kind = dice.choice(("guest", "guest", "guest", "container", "gateway"))
    name = f"{kind[0]}{number}"
    entry = {"guest": guest, "container": container, "gateway": gateway}[kind](
        dice, document, number, sized=sized
    )
    if dice.random() < 0.4:
        entry["priority"] = dice.randint(0, 3)
    if dice.random() < 0.3:
        entry["prefer"] = {dice.choice(nodes): dice.choice((50, 5000))}
    if dice.random() < 0.15 and kind != "gateway":
        entry["nodes"] = dice.sample(nodes, 2)
    others = [other for other in names if not everywhere(document, other)]
    if entry.get("mode"):
        entry.pop("prefer", None)
    elif others and dice.random() < 0.35:
        entry["apart"] = dice.sample(others, min(len(others), dice.randint(1, 2)))
    elif others and dice.random() < 0.2:
        entry["together"] = [dice.choice(others)]
    document[f"{kind}s"][name] = entry
    names.append(name)


def everywhere(document: Document, name: str) -> bool:
    return bool(document["gateways"].get(name, {}).get("mode"))


def guest(dice: Random, document: Document, number: int, *, sized: bool) -> Document:
    memory = dice.choice((1, 2, 3, 4, 6, 8)) if sized else 1
    found: Document = {"cpus": 1, "memory": f"{memory}GiB", "disks": ["vms"]}
    if document["networks"] and dice.random() < 0.7:
        found["nics"] = ["lan"]
    if dice.random() < 0.2:
        document["storage"][f"i{number}"] = {"kind": "rbd", "image": f"p/i{number}"}
        found |= {"disks": ["vms", {"storage": f"i{number}"}]}
    return found


def container(dice: Random, document: Document, number: int, *, sized: bool) -> Document:
    found: Document = {"path": f"/srv/vms/c{number}"}
    if sized:
        found["memory"] = f"{dice.choice((1, 2, 4))}GiB"
    if document["networks"]:
        found |= {"networks": ["lan"], "address": f"10.9.9.{number + 1}/24"}
    return found


def gateway(dice: Random, document: Document, number: int, *, sized: bool) -> Document:  # noqa: ARG001
    document["storage"][f"i{number}"] = {"kind": "rbd", "image": f"p/g{number}"}
    found: Document = {
        "kind": "iscsi",
        "iqn": f"iqn.2026-11.demo:{number}",
        "luns": [f"i{number}"],
        "chap": {"file": f"/etc/hactl/{number}"},
        "address": f"10.8.{number}.7/24",
    }
    if dice.random() < 0.4:
        found |= {"mode": "alua", "gateways": 2, "address": f"10.8.{number}.0/24"}
    return found
