"""Resources: primitives, groups and clones, with what runs them and how."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Agent:
    """An agent as Pacemaker names it: ``ocf:heartbeat:IPaddr2``, ``stonith:fence_lab``."""

    standard: str
    provider: str
    type: str

    @classmethod
    def named(cls, name: str) -> Agent:
        """Read ``ocf:heartbeat:IPaddr2`` or ``systemd:libvirtd``."""
        standard, _, rest = name.partition(":")
        provider, colon, type_ = rest.partition(":")
        return cls(standard, provider, type_) if colon else cls(standard, "", rest)

    def __str__(self) -> str:
        return ":".join(part for part in (self.standard, self.provider, self.type) if part)


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation with its interval and timeout in milliseconds.

    ``depth`` is how deep a monitor looks (OCF_CHECK_LEVEL); 0 is what every agent does.
    """

    name: str
    timeout: int
    interval: int = 0
    options: Mapping[str, str] = field(default_factory=dict)
    depth: int = 0


@dataclass(frozen=True, slots=True)
class Primitive:
    """One resource. ``kind`` is what the operator calls it: guest, network, raw ..."""

    id: str
    agent: Agent
    kind: str
    params: Mapping[str, str] = field(default_factory=dict)
    meta: Mapping[str, str] = field(default_factory=dict)
    operations: tuple[Operation, ...] = ()
    utilization: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Group:
    """Primitives that run on one node, started in order."""

    id: str
    kind: str
    members: tuple[Primitive, ...]
    meta: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Clone:
    """A primitive or group that runs on every node."""

    id: str
    kind: str
    of: Primitive | Group
    meta: Mapping[str, str] = field(default_factory=dict)


Resource = Primitive | Group | Clone


def primitives(resource: Resource) -> tuple[Primitive, ...]:
    """Return the primitives a resource is made of."""
    match resource:
        case Primitive():
            return (resource,)
        case Group():
            return resource.members
        case Clone():
            return primitives(resource.of)
