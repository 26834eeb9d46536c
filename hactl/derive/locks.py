"""The lock managers that shared storage needs: one clone of each, for all that needs it."""

from __future__ import annotations

from hactl.derive.parts import Parts
from hactl.model.dependency import needs
from hactl.model.resource import Agent, Clone, Operation, Primitive
from hactl.topology.schema.document import Document
from hactl.topology.schema.storage_kind import DLM, LVMLOCKD

CONTROLD = Agent("ocf", "pacemaker", "controld")
LVMLOCKD_AGENT = Agent("ocf", "heartbeat", "lvmlockd")
# A node that lost its lock manager can neither use nor give back what it has locked: the others
# wait for it until it is fenced.
FENCE = {"on-fail": "fence"}
CLONE = {"interleave": "true"}
DLM_OPERATIONS = (
    Operation("start", 90_000),
    Operation("stop", 100_000, options=FENCE),
    Operation("monitor", 20_000, 10_000, FENCE),
)
LVMLOCKD_OPERATIONS = (
    Operation("start", 90_000),
    Operation("stop", 90_000, options=FENCE),
    Operation("monitor", 90_000, 30_000, FENCE),
)


def locks_volumes(document: Document) -> bool:
    """Whether a volume group is locked by lvmlockd."""
    return any(LVMLOCKD in storage.lock_managers for storage in document.storage.values())


def locks(document: Document) -> bool:
    """Whether anything needs the distributed lock manager."""
    return any(DLM in storage.lock_managers for storage in document.storage.values())


def lock_parts(document: Document) -> Parts:
    found: list[Clone] = []
    if locks(document):
        daemon = Primitive(f"{DLM}-daemon", CONTROLD, "storage", operations=DLM_OPERATIONS)
        found.append(Clone(DLM, "storage", daemon, CLONE))
    if not locks_volumes(document):
        return Parts(tuple(found))
    daemon = Primitive(
        f"{LVMLOCKD}-daemon", LVMLOCKD_AGENT, "storage", operations=LVMLOCKD_OPERATIONS
    )
    found.append(Clone(LVMLOCKD, "storage", daemon, CLONE))
    return Parts(tuple(found), needs(LVMLOCKD, DLM))
