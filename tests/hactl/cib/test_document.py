"""The whole configuration: Pacemaker's own schema and tools accept it."""

import re
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from lxml import etree

from hactl.cib import document
from hactl.cib.ownership import edited_by_hand, is_ours
from hactl.errors import HactlError, TopologyError
from hactl.model.cluster import Cluster
from hactl.model.resource import Agent, Primitive
from hactl.model.totem import Totem
from tests.hactl.pacemaker import needs_pacemaker, schema
from tests.hactl.strategies import topologies
from tests.hactl.topologies import BASE, cluster_of, guests

EXAMPLES = Path(__file__).parents[3] / "examples"


def rendered(text: str) -> etree._Element:
    return document.cib(cluster_of(text))


@needs_pacemaker
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(topologies())
def test_every_topology_becomes_a_valid_cib(text: str) -> None:
    try:
        made = rendered(text)
    except TopologyError as exc:
        # Two names that would make one id are refused: that is another test's business.
        assert all("the id" in p.message or "is an id" in p.message for p in exc.problems), exc
        assume(False)
    schema("pacemaker-3.7").assertValid(etree.ElementTree(made))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(topologies())
def test_what_was_written_comes_back_as_it_was(text: str) -> None:
    try:
        cluster = cluster_of(text)
    except TopologyError:
        assume(False)
    again = etree.fromstring(document.text(document.cib(cluster)))
    for resource in cluster.resources:
        for primitive in _primitives(resource):
            pairs = again.xpath("//primitive[@id=$id]/instance_attributes/nvpair", id=primitive.id)
            assert {pair.get("name"): pair.get("value") for pair in pairs} == primitive.params


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(topologies())
def test_everything_rendered_is_marked_as_ours_and_unedited(text: str) -> None:
    try:
        made = rendered(text)
    except TopologyError:
        assume(False)
    resources = list(made.find("configuration/resources"))
    assert all(is_ours(resource) and not edited_by_hand(resource) for resource in resources)
    assert all(is_ours(constraint) for constraint in made.find("configuration/constraints"))


# Pacemaker 3.0.2 has other names for these, and reads the old ones, which all releases know.
RENAMED = re.compile(
    r"Support for legacy name '(stonith|fence)-[a-z-]+' for cluster option 'fencing-"
)


@needs_pacemaker
@pytest.mark.parametrize("example", sorted(EXAMPLES.glob("*.yaml")), ids=lambda path: path.stem)
def test_crm_verify_has_nothing_to_say_to_the_examples(example: Path, tmp_path: Path) -> None:
    cib = tmp_path / "cib.xml"
    cib.write_bytes(document.text(rendered(example.read_text())))
    done = subprocess.run(
        ["crm_verify", "-VV", "-x", str(cib)], capture_output=True, text=True, check=False
    )
    said = [line for line in (done.stdout + done.stderr).splitlines() if not RENAMED.search(line)]
    assert said in ([], ["Configuration may need attention"])
    assert done.returncode == (78 if said else 0)


@needs_pacemaker
@pytest.mark.parametrize("version", ["pacemaker-3.7", "pacemaker-3.9"])
def test_nothing_is_said_that_a_newer_schema_refuses(version: str) -> None:
    made = rendered((EXAMPLES / "three-node.yaml").read_text())
    schema(version).assertValid(etree.ElementTree(made))


def test_nothing_is_said_that_pacemaker_3_removed() -> None:
    text = b"".join(
        document.text(rendered(path.read_text())) for path in sorted(EXAMPLES.glob("*.yaml"))
    )
    for gone in (b"<lifetime", b"<master", b'role="Master"', b"Slave", b"moon", b"nagios", b"rkt"):
        assert gone not in text
    orders = etree.fromstring(document.text(rendered(guests("web1: nics: [lan]")))).iter(
        "rsc_order"
    )
    assert all("score" not in order.attrib for order in orders)


def test_two_elements_with_one_id_are_refused() -> None:
    twin = Primitive("web1", Agent.named("ocf:pacemaker:Dummy"), "raw")
    cluster = Cluster("demo", Totem(3000, 3600), resources=(twin, twin))
    with pytest.raises(HactlError, match="two elements of the CIB would have the id 'web1'"):
        document.configuration(cluster)


def test_the_same_topology_always_gives_the_same_bytes() -> None:
    once, again = (document.text(rendered(guests("web1: nics: [lan]"))) for _ in range(2))
    assert once == again


def test_a_cluster_without_resources_is_a_valid_cib() -> None:
    assert rendered(BASE).find("configuration/resources") is not None


def _primitives(resource: object) -> tuple[Primitive, ...]:
    from hactl.model.resource import primitives

    return primitives(resource)  # type: ignore[arg-type]
