"""A whole cluster: everything the CIB and corosync.conf will say, as one frozen value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from hactl.model.constraint import Constraint
from hactl.model.fencing import FencingLevel, Watchdog
from hactl.model.kept import Kept
from hactl.model.node import Node
from hactl.model.resource import Resource
from hactl.model.totem import Totem


@dataclass(frozen=True, slots=True)
class Cluster:
    """Everything hactl wants; properties and defaults are spelled in Pacemaker's own words."""

    name: str
    totem: Totem
    nodes: tuple[Node, ...] = ()
    resources: tuple[Resource, ...] = ()
    constraints: tuple[Constraint, ...] = ()
    fencing_levels: tuple[FencingLevel, ...] = ()
    watchdog: Watchdog | None = None
    properties: Mapping[str, str] = field(default_factory=dict)
    resource_defaults: Mapping[str, str] = field(default_factory=dict)
    operation_defaults: Mapping[str, str] = field(default_factory=dict)
    kept: tuple[Kept, ...] = ()
