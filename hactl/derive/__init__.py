"""A topology -> the cluster it stands for: here all that nobody wrote is inferred."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from hactl.derive.chains import chains, users
from hactl.derive.containers import container_parts
from hactl.derive.defaults import properties, resource_defaults, totem
from hactl.derive.fencing import fence_devices, fencing_levels, watchdog
from hactl.derive.gateways import gateway_parts
from hactl.derive.guests import guest_parts
from hactl.derive.locks import lock_parts
from hactl.derive.needs import Survey, nothing_read
from hactl.derive.networks import network_parts
from hactl.derive.nodes import nodes
from hactl.derive.packing import hints
from hactl.derive.parts import Parts, combined
from hactl.derive.raw import kept, raw_parts
from hactl.derive.shared import leanings
from hactl.derive.storage import storage_parts
from hactl.derive.unfencing import asked_for
from hactl.derive.wishes import base_scores
from hactl.model.cluster import Cluster
from hactl.topology.load import Topology
from hactl.topology.schema.document import Document


def build(topology: Topology, survey: Survey | None = None) -> Cluster:
    """Return everything the CIB and corosync.conf are to contain.

    Never fails on a well-formed document: what it cannot resolve (a dangling reference) it
    leaves out, for the lint to report.
    """
    document = topology.document
    survey = prepared(document, survey or nothing_read(document))
    made = combined(all_parts(document, survey))
    placed = nodes(document)
    if document.cluster.packing:
        found = tuple(hints(placed, made.resources, made.constraints))
        made = combined([made, Parts(constraints=found)])
    wishes = Parts(
        constraints=(*leanings(document, survey), *base_scores(made.constraints)),
    )
    parts = combined([made, wishes, raw_parts(document)])
    return Cluster(
        name=document.cluster.name,
        totem=totem(document),
        nodes=placed,
        resources=asked_for(parts.resources),
        constraints=parts.constraints,
        fencing_levels=fencing_levels(document),
        watchdog=watchdog(document),
        properties=properties(document),
        resource_defaults=resource_defaults(document),
        kept=kept(document),
    )


def prepared(document: Document, survey: Survey) -> Survey:
    """Return what was found with what follows from all of it: who meets whom, and where."""
    survey = replace(survey, users=users(document, survey))
    return replace(survey, chains=chains(document, survey))


def all_parts(document: Document, survey: Survey) -> Iterator[Parts]:
    yield fence_devices(document)
    yield network_parts(document)
    yield lock_parts(document)
    for name in document.storage:
        yield storage_parts(document, survey, name)
    for name in document.guests:
        yield guest_parts(document, name, survey)
    for name in document.containers:
        yield container_parts(document, name, survey)
    for name in document.gateways:
        yield gateway_parts(document, name, survey)
