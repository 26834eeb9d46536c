"""What `hactl status` shows, as values: nodes, resources, failures, fencing; reads nothing."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from hactl.fencing.drill.marks import Begun
from hactl.fencing.drill.proofs import Standing


class State(StrEnum):
    """What a resource does, the worst first where several instances differ."""

    FAILED = "failed"
    BLOCKED = "blocked"
    BUSY = "busy"
    STOPPED = "stopped"
    DISABLED = "disabled"
    UNMANAGED = "unmanaged"
    PARTIAL = "partial"
    RUNNING = "running"


@dataclass(frozen=True, slots=True)
class NodeStatus:
    """``state``: online, standby, maintenance, pending, unclean or offline."""

    name: str
    state: str
    dc: bool = False
    remote: bool = False
    running: int = 0


@dataclass(frozen=True, slots=True)
class ResourceStatus:
    """A top-level resource; ``doing`` is what is under way, ``since`` seconds since the epoch.

    ``promoted`` are the nodes a promotable clone is promoted on, None for what has no roles;
    ``absent`` those it should run on as well, ``unpromoted`` those it should be promoted on.
    """

    id: str
    kind: str
    state: State
    nodes: tuple[str, ...] = ()
    failures: int = 0
    doing: str = ""
    since: int | None = None
    promoted: tuple[str, ...] | None = None
    absent: tuple[str, ...] = ()
    unpromoted: tuple[str, ...] = ()

    @property
    def healthy(self) -> bool:
        broken = self.state in (State.FAILED, State.BLOCKED, State.STOPPED)
        return not broken and not self.absent and not self.unpromoted


@dataclass(frozen=True, slots=True)
class FailureStatus:
    """A failed operation as crm_mon lists it until it is cleaned up."""

    resource: str
    node: str
    operation: str
    code: str
    reason: str
    when: str

    def __str__(self) -> str:
        why = self.reason or self.code
        return f"{self.resource}: {self.operation} on {self.node} failed: {why} ({self.when})"


@dataclass(frozen=True, slots=True)
class FencingStatus:
    """The last fencing of a node; ``outcome``: success, failed or pending."""

    node: str
    action: str
    outcome: str
    when: str


@dataclass(frozen=True, slots=True)
class Status:
    """Everything `hactl status` shows; ``problems`` and ``notices`` are a sentence each.

    Without a problem all is well. A notice is about what somebody wants so, or has left so.
    """

    cluster: str
    quorate: bool
    dc: str
    nodes: tuple[NodeStatus, ...]
    resources: tuple[ResourceStatus, ...]
    failures: tuple[FailureStatus, ...]
    fencing: tuple[FencingStatus, ...]
    fencing_enabled: bool
    maintenance: bool
    proofs: tuple[Standing, ...] = ()
    drills: tuple[Begun, ...] = ()
    problems: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()
