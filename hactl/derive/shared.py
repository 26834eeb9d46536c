"""Where what several share is placed: on a node where all of them may run, if there is one."""

from __future__ import annotations

from collections.abc import Iterator

from hactl.derive.needs import Survey
from hactl.derive.workload import find
from hactl.model.constraint import INFINITY, Location
from hactl.topology.schema.document import Document

# Below the stickiness of one resource (1000): no reason to move what runs.
ALL_MAY_RUN = 900


def leanings(document: Document, survey: Survey) -> Iterator[Location]:
    """Yield for the first of each chain how much it likes the nodes of its users.

    Its users have no influence on where it goes (`hactl.derive.storage.placed_with`), or one could
    take it away from the others. So where one of them may not run on every node, it is told: the
    score of a node is the share of the users that may run there.
    """
    for chain in dict.fromkeys(survey.chains.values()):
        users = sorted(frozenset().union(*(survey.users[name] for name in chain)))
        may = {
            node: sum(may_run(document, user, node) for user in users) for node in document.nodes
        }
        if len(users) > 1 and len(set(may.values())) > 1:
            for node, number in may.items():
                if number:
                    yield Location(chain[0], node, ALL_MAY_RUN * number // len(users))


def may_run(document: Document, user: str, node: str) -> bool:
    """Whether the topology lets a guest, container or gateway run on a node."""
    placed = find(document, user)
    if placed is None:
        return True
    return node in (placed.nodes or document.nodes) and placed.prefer.get(node, 0) > -INFINITY
