"""The rules, in the order they are asked; the problems are sorted by line afterwards."""

from __future__ import annotations

from hactl.topology.lint import Rule
from hactl.topology.lint.addresses import addresses, links, node_ids
from hactl.topology.lint.agents import agents
from hactl.topology.lint.blocklist import blocklist
from hactl.topology.lint.capacity import capacity, survival
from hactl.topology.lint.devices import devices
from hactl.topology.lint.fencing import fencing, quorum, two_nodes
from hactl.topology.lint.gateways import gateways
from hactl.topology.lint.machines import files, machines
from hactl.topology.lint.names import names
from hactl.topology.lint.networks import networks
from hactl.topology.lint.orders import contradictions, order_cycles, together_cycles
from hactl.topology.lint.parameters import parameters
from hactl.topology.lint.placement import placement
from hactl.topology.lint.properties import properties
from hactl.topology.lint.references import references
from hactl.topology.lint.storage import (
    image_fencing,
    lets_itself_in,
    lock_manager,
    storage,
    unused,
)
from hactl.topology.lint.timing import (
    checking,
    failures,
    fencing_time,
    membership,
    migrating,
    never,
    stopping,
)
from hactl.topology.lint.watchdog import third_vote, watchdog

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
    gateways,
    lets_itself_in,
    parameters,
    properties,
)
WHOLE: tuple[Rule, ...] = (
    placement,
    capacity,
    survival,
    fencing,
    two_nodes,
    watchdog,
    third_vote,
    quorum,
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
    never,
    links,
    node_ids,
    files,
    agents,
)
