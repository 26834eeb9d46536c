"""Which resources wait until their node was let in to its storage again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from hactl.derive.fencing import used_devices
from hactl.derive.needs import Survey
from hactl.derive.rbd_attachment import NATIVE
from hactl.model.fencing import LET_THEMSELVES_IN
from hactl.model.resource import Primitive, Resource, primitives
from hactl.topology.schema.document import Document

# Cuts a node off from Ceph, and lets it in as it joins.
CEPH_BLOCKLIST = "fence_ceph_blocklist"


def cut_off(document: Document) -> bool:
    """Whether a node may be cut off from Ceph, and so has to be let in."""
    devices = document.fencing.devices
    return document.cluster.fencing and any(
        devices[device].agent == CEPH_BLOCKLIST for _, device in used_devices(document)
    )


def on_ceph(document: Document) -> dict[str, str]:
    """Return the meta attributes of what opens a Ceph image."""
    return {"requires": "unfencing"} if cut_off(document) else {}


def opens_images(document: Document, survey: Survey, storage: Iterable[str]) -> dict[str, str]:
    """Return the meta attributes of what may open some of these by librbd."""
    if any(survey.attached.get(name) == NATIVE for name in storage):
        return on_ceph(document)
    return {}


def asked_for(resources: tuple[Resource, ...]) -> tuple[Resource, ...]:
    """Return resources of which at least one asks for nodes to be let in, if any device does that.

    Pacemaker does it for a resource that requires unfencing, or for a device that says so by
    itself: `provides`. Where nobody asks, a node that was cut off stays out for ever.
    """
    waiting = any(
        primitive.meta.get("requires") == "unfencing"
        for resource in resources
        for primitive in primitives(resource)
    )
    return resources if waiting else tuple(map(offering, resources))


def offering(resource: Resource) -> Resource:
    if isinstance(resource, Primitive) and resource.agent.type in LET_THEMSELVES_IN:
        return replace(resource, meta={**resource.meta, "provides": "unfencing"})
    return resource
