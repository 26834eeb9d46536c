"""Clusters made from a seed: what runs, what it is to become, and what will fail on the way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from random import Random

from lxml import etree
from lxml.etree import _Element

from hactl.cib.merge import merge
from hactl.cib.ownership import mark, sealed
from tests.hactl.cibs import cib, dummy, dummy_text, wanted
from tests.hactl.live.cluster_on_file import Cluster

FOREIGN = (
    '<primitive id="power" class="stonith" type="fence_lab"/>'
    + dummy_text("shop")
    + dummy_text("till", meta="priority=1")
)
NODES = ("node1", "node2", "node3")


@dataclass(frozen=True)
class Site:
    """``old`` and ``new`` are what hactl renders, ``before`` the cluster at rest with ``old``."""

    seed: int
    before: _Element
    old: _Element
    new: _Element
    failing: tuple[str, ...]

    def cluster(self, directory: Path) -> Cluster:
        """Return a cluster of its own in ``directory``."""
        return Cluster.of(self.before, directory, self.failing)


@dataclass(frozen=True)
class Shape:
    """What a topology holds: memory by resource, members of the group, pairs in order."""

    memory: dict[str, str]
    members: tuple[str, ...]
    pairs: tuple[tuple[str, str], ...]
    timeout: str = "60s"

    def rendered(self) -> _Element:
        resources = [dummy(name, "guest", memory=value) for name, value in self.memory.items()]
        if self.members:
            resources.append(group(self.members))
        constraints = "".join(pair(*names) for names in self.pairs if self.has(names))
        id_ = sealed("hactl-stonith-timeout", "stonith-timeout", self.timeout)
        timeout = f'<nvpair id="{id_}" name="stonith-timeout" value="{self.timeout}"/>'
        return wanted(*resources, constraints=constraints, properties=timeout)

    def has(self, names: Sequence[str]) -> bool:
        return {*names} <= {*self.memory, *(["g"] if self.members else [])}


def site(seed: int, directory: Path) -> Site:
    """Return the site of ``seed``, settled in ``directory``."""
    rng = Random(seed)
    old = first_shape(rng)
    new = changed(old, rng)
    failing = tuple(failures(set(new.memory) - set(old.memory), rng))
    bare = cib(FOREIGN)
    fencing = bare.find(".//nvpair[@name='stonith-enabled']")
    assert fencing is not None
    fencing.set("value", "true")
    here = Cluster.of(merge(bare, old.rendered()), directory)
    return Site(seed, here.cib(), old.rendered(), new.rendered(), failing)


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
