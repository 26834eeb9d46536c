"""The transition graph of the scheduler: every operation it would carry out, on which node.

The summary that crm_simulate prints has one line for a resource, whatever happens to it: of a
resource that is active on three nodes it names one, and a start that comes with a promotion it
calls a promotion. The graph leaves nothing out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lxml.etree import _Element

START, STOP = "start", "stop"
PROMOTE, DEMOTE = "promote", "demote"
MIGRATE_TO, MIGRATE_FROM = "migrate_to", "migrate_from"
# All others look at a resource or tell it something, and interrupt nobody.
ACTING = frozenset({START, STOP, PROMOTE, DEMOTE, MIGRATE_TO, MIGRATE_FROM})


@dataclass(frozen=True, slots=True)
class Operation:
    """One call of an agent. ``instance`` has a number only in a globally unique clone."""

    action: str
    instance: str
    node: str


def operations(graph: _Element) -> Iterator[Operation]:
    """Yield what the agents would be asked to do to resources, beside looking."""
    for element in graph.iterfind("synapse/action_set/rsc_op"):
        primitive = element.find("primitive")
        if element.get("operation") in ACTING and primitive is not None:
            yield Operation(
                element.get("operation", ""), primitive.get("id", ""), element.get("on_node", "")
            )
