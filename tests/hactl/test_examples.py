"""The examples on Pacemaker's own scheduler: all of it starts, and stops, in the right order."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest
from lxml import etree

from hactl import catalog, intent
from hactl.cib import document
from hactl.cib.options import PROPERTY_SET
from hactl.model.cluster import Cluster
from hactl.model.constraint import Order, OrderKind
from hactl.model.resource import Clone, Group, Resource, primitives
from tests.hactl.pacemaker import needs_pacemaker

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))
GOLDEN = sorted(Path(__file__).parent.glob("golden/*/topology.yaml"))
KINDS = {"ovs", "rbd", "lvm", "gfs2", "iscsi", "nvmeof", "bridge", "directory"}

by_example = pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
# The golden cases have every key of every kind.
by_case = pytest.mark.parametrize(
    "example", [*EXAMPLES, *GOLDEN], ids=lambda path: f"{path.parent.name}-{path.stem}"
)


@dataclass(frozen=True)
class Step:
    """What is done to a primitive on a node; its place among the steps is the time."""

    time: int
    action: str
    primitive: str
    node: str


def cluster_of(example: Path) -> Cluster:
    def read(path: str) -> bytes:
        return (example.parent / "files" / path.lstrip("/")).read_bytes()

    return intent.reads(example.read_text(), str(example), read)[0]


def steps(cib: Path, *more: str) -> list[Step]:
    """Return what the scheduler does, in its order, and leave what comes of it in ``cib``.after."""
    after = cib.with_suffix(".after")
    done = subprocess.run(
        ["crm_simulate", "--output-as=xml", "-S", "-x", str(cib), "-O", str(after), *more],
        capture_output=True,
        check=True,
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "CIB_shadow_dir": str(cib.parent)},
    )
    actions = etree.fromstring(done.stdout).iterfind("transition/rsc_action")
    return [
        Step(
            time, action.get("op", ""), instance(action.get("resource", "")), action.get("node", "")
        )
        for time, action in enumerate(actions)
    ]


def instance(name: str) -> str:
    return re.sub(":[0-9]+$", "", name)


def started(cluster: Cluster, folder: Path) -> tuple[list[Step], Path]:
    cold = folder / "cold.xml"
    cold.write_bytes(document.text(document.cib(cluster)))
    return steps(cold), cold.with_suffix(".after")


def changed(settled: Path, **change: str) -> Path:
    """Return a CIB with a cluster property, or with a node in standby."""
    root = etree.parse(str(settled)).getroot()
    for name, value in change.items():
        if name == "standby":
            (node,) = root.xpath("//node[@uname=$name]", name=value)
            nvset = etree.SubElement(node, "instance_attributes", id="t-attributes")
            etree.SubElement(nvset, "nvpair", id="t-standby", name="standby", value="on")
        else:
            (nvset,) = root.xpath("//cluster_property_set[@id=$id]", id=PROPERTY_SET)
            property_ = name.replace("_", "-")
            etree.SubElement(nvset, "nvpair", id="t-property", name=property_, value=value)
    written = settled.with_name(f"changed-{'-'.join(change)}.xml")
    written.write_bytes(etree.tostring(root))
    return written


def start_pairs(cluster: Cluster) -> Iterator[tuple[str, str]]:
    """Yield primitives of which the first starts before the other."""
    yield from in_groups(cluster)
    for order in orders(cluster):
        if order.first_action == "start":
            yield order_ends(cluster, order)


def stop_pairs(cluster: Cluster) -> Iterator[tuple[str, str]]:
    """Yield primitives of which the first stops before the other; a wish is not an order."""
    yield from ((other, one) for one, other in in_groups(cluster))
    for order in orders(cluster):
        one, other = order_ends(cluster, order)
        if order.first_action == "stop":
            yield one, other
        elif order.kind is OrderKind.MANDATORY and order.symmetrical:
            yield other, one


def in_groups(cluster: Cluster) -> Iterator[tuple[str, str]]:
    for resource in cluster.resources:
        inner = resource.of if isinstance(resource, Clone) else resource
        if isinstance(inner, Group):
            yield from pairwise(member.id for member in inner.members)


def orders(cluster: Cluster) -> Iterator[Order]:
    return (each for each in cluster.constraints if isinstance(each, Order))


def order_ends(cluster: Cluster, order: Order) -> tuple[str, str]:
    """Return the primitives of two resources that come to meet in an order."""
    by_id: dict[str, Resource] = {p.id: p for r in cluster.resources for p in primitives(r)}
    by_id |= {resource.id: resource for resource in cluster.resources}
    one, other = by_id[order.first], by_id[order.then]
    # What stops first is the last member of its group.
    return (first(one), last(other)) if order.first_action == "stop" else (last(one), first(other))


def first(resource: Resource) -> str:
    return primitives(resource)[0].id


def last(resource: Resource) -> str:
    return primitives(resource)[-1].id


def out_of_order(pairs: Iterator[tuple[str, str]], done: list[Step], action: str) -> list[str]:
    """Return the pairs that are not done in this order on one of the nodes."""
    times = {(step.primitive, step.node): step.time for step in done if step.action == action}
    return [
        f"{action} {other} on {node} before {one}"
        for one, other in pairs
        for (name, node), time in times.items()
        if name == other and times.get((one, node), -1) > time
    ]


def test_there_is_an_example_of_every_kind() -> None:
    text = "".join(path.read_text() for path in EXAMPLES)
    assert {kind for kind in KINDS if f"kind: {kind}" not in text} == set()


@by_example
def test_nothing_is_wrong_with_it(example: Path) -> None:
    _, problems = intent.read(str(example))
    # What they point to is not on this machine.
    assert [str(p) for p in problems if "cannot be read here" not in p.message] == []


@needs_pacemaker
@by_case
def test_all_of_it_starts_in_the_right_order(example: Path, tmp_path: Path) -> None:
    cluster = cluster_of(example)
    done, _ = started(cluster, tmp_path)
    all_ = {p.id for resource in cluster.resources for p in primitives(resource)}
    assert all_ == {step.primitive for step in done if step.action == "start"}
    assert out_of_order(start_pairs(cluster), done, "start") == []


@needs_pacemaker
@by_case
def test_all_of_it_stops_in_the_reverse_order(example: Path, tmp_path: Path) -> None:
    cluster = cluster_of(example)
    _, settled = started(cluster, tmp_path)
    done = steps(changed(settled, stop_all_resources="true"))
    stopped = {step.primitive for step in done if step.action == "stop"}
    assert stopped == {p.id for resource in cluster.resources for p in primitives(resource)}
    assert out_of_order(stop_pairs(cluster), done, "stop") == []


@needs_pacemaker
@by_case
def test_a_node_is_drained_from_the_top(example: Path, tmp_path: Path) -> None:
    cluster = cluster_of(example)
    _, settled = started(cluster, tmp_path)
    done = steps(changed(settled, standby=cluster.nodes[0].name))
    assert out_of_order(stop_pairs(cluster), done, "stop") == []
    assert out_of_order(start_pairs(cluster), done, "start") == []


@needs_pacemaker
def test_a_wrong_order_would_be_seen(tmp_path: Path) -> None:
    """The detector fires: what starts in the right order is not in the reverse one."""
    cluster = cluster_of(ROOT / "examples/gfs2.yaml")
    done, _ = started(cluster, tmp_path)
    assert out_of_order(stop_pairs(cluster), done, "start")


@needs_pacemaker
@pytest.mark.parametrize("name", ["iscsi", "nvmeof"])
def test_one_path_of_several_is_the_optimized_one(name: str, tmp_path: Path) -> None:
    cluster = cluster_of(ROOT / f"examples/{name}.yaml")
    done, settled = started(cluster, tmp_path)
    (promoted,) = [step for step in done if step.action == "promote"]
    (lost,) = [
        step for step in steps(changed(settled, standby=promoted.node)) if step.action == "promote"
    ]
    assert lost.node != promoted.node


@by_case
def test_our_agents_take_the_parameters_they_are_given(example: Path) -> None:
    made = [
        primitive
        for resource in cluster_of(example).resources
        for primitive in primitives(resource)
        if str(primitive.agent).startswith("ocf:hactl:")
    ]
    assert {str(p.agent) for p in made if catalog.declared_by(str(p.agent)) is None} == set()
    unknown = [
        f"{primitive.id}: {name}"
        for primitive in made
        for name in primitive.params
        if name not in (catalog.declared_by(str(primitive.agent)) or ())
    ]
    refused = [said for p in made for said in catalog.judge(str(p.agent), p.params)]
    assert unknown + refused == []
