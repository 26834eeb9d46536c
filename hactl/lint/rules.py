"""The rules, in the order they are asked; the problems are sorted by line afterwards."""

from __future__ import annotations

from hactl.lint import Rule
from hactl.lint.addresses import addresses, links, node_ids
from hactl.lint.agents import agents
from hactl.lint.blocklist import blocklist
from hactl.lint.capacity import capacity, survival
from hactl.lint.devices import devices
from hactl.lint.fencing import fencing, two_nodes
from hactl.lint.gateways import gateways
from hactl.lint.machines import files, machines
from hactl.lint.meta_attributes import meta_attributes
from hactl.lint.mounts import mounts
from hactl.lint.names import names
from hactl.lint.networks import networks
from hactl.lint.orders import contradictions, order_cycles, together_cycles
from hactl.lint.parameters import parameters
from hactl.lint.placement import placement
from hactl.lint.properties import properties
from hactl.lint.references import references
from hactl.lint.storage import (
    image_fencing,
    lets_itself_in,
    lock_manager,
    storage,
    unused,
)
from hactl.lint.timing import (
    checking,
    failures,
    fencing_time,
    membership,
    migrating,
    raw_stopping,
    stopping,
)
from hactl.lint.watchdog import third_vote, watchdog

# What can be said of an entry whatever others are missing.
LOCAL: tuple[Rule, ...] = (
    references,
    names,
    order_cycles,
    together_cycles,
    contradictions,
    addresses,
    machines,
    networks,
    storage,
    mounts,
    gateways,
    lets_itself_in,
    parameters,
    properties,
    meta_attributes,
    raw_stopping,
)
WHOLE: tuple[Rule, ...] = (
    placement,
    capacity,
    survival,
    fencing,
    two_nodes,
    watchdog,
    third_vote,
    unused,
    lock_manager,
    image_fencing,
    membership,
    fencing_time,
    devices,
    blocklist,
    stopping,
    checking,
    failures,
    migrating,
    links,
    node_ids,
    files,
    agents,
)
