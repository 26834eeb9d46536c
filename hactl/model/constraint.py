"""Constraints between resources, and between resources and nodes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

INFINITY = 1_000_000


class OrderKind(StrEnum):
    MANDATORY = "Mandatory"
    OPTIONAL = "Optional"
    SERIALIZE = "Serialize"


@dataclass(frozen=True, slots=True)
class Order:
    """``first`` does ``first_action`` before ``then`` does ``then_action``."""

    first: str
    then: str
    kind: OrderKind = OrderKind.MANDATORY
    first_action: str = "start"
    then_action: str = "start"
    symmetrical: bool = True


@dataclass(frozen=True, slots=True)
class Colocation:
    """``rsc`` is placed where ``with_rsc`` is; away from it if the score is negative.

    The sign matters as much as the size: ±`INFINITY` is a must, everything else a wish. Without
    ``influence``, ``with_rsc`` stays where it runs even where ``rsc`` cannot.
    """

    rsc: str
    with_rsc: str
    score: int = INFINITY
    rsc_role: str = ""
    with_rsc_role: str = ""
    influence: bool = True


@dataclass(frozen=True, slots=True)
class Location:
    """How much ``rsc`` likes ``node``."""

    rsc: str
    node: str
    score: int


@dataclass(frozen=True, slots=True)
class BaseScore:
    """How much ``rsc`` likes every node alike; above 0.

    Pacemaker runs nothing where the sum of its scores is below 0, be it the last node left.
    """

    rsc: str
    score: int


@dataclass(frozen=True, slots=True)
class Confinement:
    """``rsc`` runs on these nodes and nowhere else."""

    rsc: str
    nodes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Promotion:
    """How much a promotable clone likes to be promoted on ``node``: above 0, or -INFINITY."""

    rsc: str
    node: str
    score: int


Constraint = Order | Colocation | Location | BaseScore | Confinement | Promotion
