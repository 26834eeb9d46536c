"""The rules, in the order they are asked; the problems are sorted by line afterwards."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from hactl.derive.defaults import WRITTEN
from hactl.errors import Problem, Severity
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
from hactl.lint.operations import operations
from hactl.lint.orders import contradictions, exchanges, order_cycles, together_cycles
from hactl.lint.parameters import parameters
from hactl.lint.placement import placement
from hactl.lint.properties import properties
from hactl.lint.reach import reach
from hactl.lint.references import references
from hactl.lint.storage import (
    image_fencing,
    lets_itself_in,
    lock_manager,
    storage,
    unused,
)
from hactl.lint.subject import Rule, Subject
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
from hactl.topology.messages import dotted
from hactl.topology.yaml.positions import Step

# What can be said of an entry whatever others are missing.
LOCAL: tuple[Rule, ...] = (
    references,
    names,
    order_cycles,
    together_cycles,
    contradictions,
    addresses,
    reach,
    machines,
    networks,
    storage,
    mounts,
    gateways,
    lets_itself_in,
    parameters,
    properties,
    meta_attributes,
    operations,
    raw_stopping,
)
WHOLE: tuple[Rule, ...] = (
    placement,
    capacity,
    survival,
    fencing,
    two_nodes,
    exchanges,
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


# Where the file holds a cluster as it is, these advise: it runs with what they find.
ADVICE: tuple[Rule, ...] = (properties, devices, fencing_time, membership, reach)


def lint(subject: Subject) -> Iterator[Problem]:
    """Ask every rule."""
    as_it_is = subject.topology.document.cluster.settings == WRITTEN
    for rule in (*LOCAL, *WHOLE):
        for problem in rule(subject):
            advice = as_it_is and rule in ADVICE
            yield replace(problem, severity=Severity.WARNING) if advice else problem


def suspicions(subject: Subject, gone: Sequence[Sequence[Step]]) -> Iterator[Problem]:
    """Ask the rules that look at single entries, in a document from which keys are ``gone``.

    Says nothing of the entries they were in, nor of names that went with them: that may be only
    a consequence.
    """
    entries = [dotted(path[:2]) for path in gone]
    names = [repr(path[-1]) for path in gone]
    sections = type(subject.topology.document).model_fields
    whole = {path[0] for path in gone if len(path) == 1 and path[0] in sections}
    for rule in LOCAL:
        for problem in rule(subject):
            inside = any(f"{problem.path}.".startswith((f"{e}.", f"{e}[")) for e in entries)
            if not whole and not inside and not any(name in problem.message for name in names):
                yield problem
