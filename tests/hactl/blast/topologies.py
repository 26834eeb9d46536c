"""Random topologies for the blast radius: mixes of all kinds, with what ties and divides guests."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

from hactl.errors import TopologyError
from tests.hactl.blast.settled import Source
from tests.hactl.mixes import Choice, Document, Seeded, mix

WISHES = (100, 300)
MUSTS = ("INFINITY", *WISHES)


def random_topology(seed: int) -> Source | None:
    """Return the topology of a seed; None if what it ties and divides contradicts itself."""
    choice = Seeded(seed)
    document = mix(choice, 2, 3)
    for dress in (bridges, shared_volumes, room, ties, likings):
        if choice.yes():
            dress(document, choice)
    try:
        return Source.of_document(f"seed {seed}", document)
    except TopologyError:
        return None


def wishful_topology(seed: int) -> Source | None:
    """Return one in which many have wishes, and there is room for all."""
    choice = Seeded(seed)
    document = mix(choice, 2, 3)
    if choice.yes():
        shared_volumes(document, choice)
    ties(document, choice, WISHES)
    likings(document, choice)
    try:
        return Source.of_document(f"wishes {seed}", document)
    except TopologyError:
        return None


def bridges(document: Document, choice: Choice) -> None:
    """Plug guests into many bridges."""
    names = ["dmz", "san", "lab"][: choice.number(1, 3)]
    networks = document.setdefault("networks", {})
    networks |= {name: {"kind": "bridge", "bridge": f"br-{name}"} for name in names}
    for guest in document.get("guests", {}).values():
        guest["nics"] = [*guest["nics"], *choice.some(names, 3)]


def shared_volumes(document: Document, choice: Choice) -> None:
    """Add guests that share an exclusive volume group, some with an image of their own."""
    storage = document.setdefault("storage", {})
    storage["vg-x"] = {"kind": "lvm", "vg": "vgx"}
    if choice.yes():
        storage["img-x"] = {"kind": "rbd", "image": "p/x"}
        storage["vg-x"]["devices"] = ["img-x"]
    guests = document.setdefault("guests", {})
    for number in range(choice.number(2, 3)):
        disks: list[Any] = [{"storage": "vg-x", "volume": f"v{number}"}]
        if choice.yes():
            storage[f"own{number}"] = {"kind": "rbd", "image": f"p/o{number}", "attach": "mapped"}
            disks.append(f"own{number}")
        guest = {"cpus": 1, "memory": "1GiB", "disks": disks, "live_migration": False}
        guests[f"x{number}"] = guest | {
            "nics": choice.some(sorted(document.get("networks", {})), 2)
        }


def room(document: Document, choice: Choice) -> None:
    """Give the nodes room for some guests more or less than there are."""
    memory = f"{choice.number(2, 6)}GiB"
    for node in document["nodes"].values():
        node |= {"cpus": 16, "memory": memory}
    for number, guest in enumerate(document.get("guests", {}).values()):
        guest["priority"] = number


def ties(document: Document, choice: Choice, scores: Sequence[Any] = MUSTS) -> None:
    """Keep some together and some apart, as a must or as a wish."""
    sections = [document.get(name, {}) for name in ("guests", "containers", "gateways")]
    all_ = {name: entry for section in sections for name, entry in section.items()}
    pairs = [pair for pair in combinations(sorted(all_), 2) if choice.number(0, 3) == 0]
    for one, other in pairs[:4]:
        entry = all_[one]
        entry.setdefault(choice.one("together", "apart"), {})[other] = choice.one(*scores)


def likings(document: Document, choice: Choice) -> None:
    """Let some like or dislike nodes, and some be confined."""
    nodes = sorted(document["nodes"])
    for section in ("guests", "containers", "gateways"):
        for entry in document.get(section, {}).values():
            if choice.yes():
                entry["prefer"] = {node: choice.number(-300, 300) for node in choice.some(nodes, 2)}
            if len(nodes) > 2 and choice.number(0, 4) == 0:
                entry["nodes"] = nodes[:2]
