"""Clusters made from a seed: what runs, what it is to become, and what will fail on the way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from random import Random

from lxml import etree
from lxml.etree import _Element

from hactl.cib.merge import merge
from hactl.cib.ownership import mark, sealed
from tests.hactl.cibs import cib, dummy_text, wanted
from tests.hactl.live.cluster_on_file import Cluster

FOREIGN = (
    '<primitive id="power" class="stonith" type="fence_lab"/>'
    + dummy_text("shop")
    + dummy_text("till", meta="priority=1")
)
NODES = ("node1", "node2", "node3")


@dataclass(frozen=True)
class Site:
    """``old`` and ``new`` are what hactl renders, ``before`` the cluster at rest with ``old``.

    ``lasting``: what failed is found running once that is forgotten.
    """

    seed: int
    before: _Element
    old: _Element
    new: _Element
    failing: tuple[str, ...]
    lasting: bool = False

    def cluster(self, directory: Path, live: _Element | None = None) -> Cluster:
        """Return a cluster of its own in ``directory``, as it is before or as ``live``."""
        here = Cluster.of(self.before if live is None else live, directory, self.failing)
        here.lasting = self.lasting
        return here


@dataclass(frozen=True)
class Shape:
    """What a topology holds: memory by resource, members of the group, pairs in order.

    ``on_fail`` is what it says, by operation, for what is new.
    """

    memory: dict[str, str]
    members: tuple[str, ...]
    pairs: tuple[tuple[str, str], ...]
    timeout: str = "60s"
    on_fail: dict[str, str] = field(default_factory=dict)

    def rendered(self) -> _Element:
        resources = [self.resource(name) for name in self.memory]
        if self.members:
            resources.append(group(self.members))
        constraints = "".join(pair(*names) for names in self.pairs if self.has(names))
        id_ = sealed("hactl-stonith-timeout", "stonith-timeout", self.timeout)
        timeout = f'<nvpair id="{id_}" name="stonith-timeout" value="{self.timeout}"/>'
        return wanted(*resources, constraints=constraints, properties=timeout)

    def resource(self, name: str) -> _Element:
        made = etree.fromstring(dummy_text(name, memory=self.memory[name]))
        declare(made, self.on_fail if name.startswith("new") else {})
        return mark(made, "guest")

    def has(self, names: Sequence[str]) -> bool:
        return {*names} <= {*self.memory, *(["g"] if self.members else [])}


def site(seed: int, directory: Path) -> Site:
    """Return the site of ``seed``, settled in ``directory``."""
    rng = Random(seed)
    old = first_shape(rng)
    new = changed(old, rng)
    failing = tuple(failures(set(new.memory) - set(old.memory), rng))
    return settled(seed, old, new, failing, directory)


def settled(seed: int, old: Shape, new: Shape, failing: Sequence[str], directory: Path) -> Site:
    bare = cib(FOREIGN)
    fencing = bare.find(".//nvpair[@name='stonith-enabled']")
    assert fencing is not None
    fencing.set("value", "true")
    here = Cluster.of(merge(bare, old.rendered()), directory)
    return Site(seed, here.cib(), old.rendered(), new.rendered(), tuple(failing))


def first_shape(rng: Random) -> Shape:
    names = [f"r{number}" for number in range(1, rng.randint(3, 6))]
    tops = [*names, "g"]
    pairs = [(a, b) for a, b in pairwise(tops) if rng.random() < 0.6]
    return Shape(dict.fromkeys(names, "1"), ("m1", "m2", "m3")[: rng.randint(0, 3)], tuple(pairs))


def changed(old: Shape, rng: Random) -> Shape:
    """Return what ``old`` is to become: half of the time something goes."""
    going = [name for name in old.memory if rng.random() < 0.4] if rng.random() < 0.6 else []
    memory = {name: value for name, value in old.memory.items() if name not in going}
    memory |= {name: "2" for name in memory if rng.random() < 0.4}
    memory |= {f"new{number}": "1" for number in range(rng.choice([0, 0, 1, 2]))}
    members = old.members[: rng.randint(0, 3)] if rng.random() < 0.3 else old.members
    more = [("r1", "new0")] if rng.random() < 0.3 else []
    timeout = rng.choice(["60s", "90s"])
    shape = Shape(memory, members, (*old.pairs, *more), timeout)
    return shape if shape != old else Shape({**memory, "new0": "1"}, members, old.pairs, timeout)


def failures(new: set[str], rng: Random) -> list[str]:
    """Return what fails of what is new: nothing, its start, or its start and its stop."""
    fails = rng.choice([(), (), (), ("start",), ("start", "stop")])
    return [f"{name}_{op}_0@{node}=1" for name in sorted(new) for op in fails for node in NODES]


def declare(primitive: _Element, on_fail: Mapping[str, str]) -> None:
    """Say of operations of ``primitive`` what follows where they fail."""
    operations = primitive.find("operations")
    assert operations is not None
    for name, what in on_fail.items():
        op = operations.find(f"op[@name='{name}']")
        if op is None:
            id_ = f"{primitive.get('id')}-{name}-interval-0s"
            op = etree.SubElement(operations, "op", id=id_, name=name, interval="0s")
        op.set("on-fail", what)


def pair(first: str, then: str) -> str:
    return (
        f'<rsc_order id="hactl-order-{first}-then-{then}" first="{first}" then="{then}"/>'
        f'<rsc_colocation id="hactl-colocate-{then}-with-{first}" rsc="{then}"'
        f' with-rsc="{first}" score="INFINITY"/>'
    )


def group(members: Sequence[str]) -> _Element:
    made = etree.Element("group", id="g")
    made.extend(etree.fromstring(dummy_text(member)) for member in members)
    return mark(made, "raw")
