"""Every id of a resource is known with the key it comes from: asked of what is derived."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hactl import derive
from hactl.derive import needs
from hactl.derive.origins import origins
from hactl.model.resource import Clone, Group, Primitive, Resource
from hactl.topology.load import loads
from hactl.topology.schema.networks import KINDS as NETWORKS
from hactl.topology.schema.storage import KINDS as STORAGE

ROOT = Path(__file__).parents[3]
TOPOLOGIES = sorted([*ROOT.glob("examples/*.yaml"), *ROOT.glob("tests/hactl/golden/*/*.yaml")])


def ids(resource: Resource | Primitive | Group) -> Iterator[str]:
    yield resource.id
    if isinstance(resource, Clone):
        yield from ids(resource.of)
    elif isinstance(resource, Group):
        for member in resource.members:
            yield member.id


@pytest.mark.parametrize("path", TOPOLOGIES, ids=[f"{p.parent.name}-{p.stem}" for p in TOPOLOGIES])
def test_all_ids_of_the_cluster_have_an_origin_and_nothing_else_has(path: Path) -> None:
    topology = loads(path.read_text(), str(path))
    found = derive.prepared(topology.document, needs.nothing_read(topology.document))
    cluster = derive.build(topology)
    in_cluster = sorted(each for resource in cluster.resources for each in ids(resource))
    assert sorted(origin.id for origin in origins(topology.document, found)) == in_cluster


def test_every_kind_answers_for_itself() -> None:
    for kind in (*STORAGE, *NETWORKS):
        assert not kind.__abstractmethods__, kind
