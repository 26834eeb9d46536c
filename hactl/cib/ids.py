"""Ids of what hactl writes: readable, stable, and different whenever the content is.

The id of a constraint is a function of its whole content, so "same id, other content" in a live
CIB can only be an edit by hand. The words between the names tell them apart; where a name itself
contains such a word the id carries a digest, so that no two constraints ever share one.
"""

from __future__ import annotations

import hashlib
from functools import singledispatch

from hactl.cib.ownership import PREFIX
from hactl.model.constraint import (
    INFINITY,
    BaseScore,
    Colocation,
    Confinement,
    Location,
    Order,
    OrderKind,
    Promotion,
)
from hactl.model.fencing import FencingLevel

WORDS = frozenset(
    {"then", "with", "from", "on", "and", "for", "by", "as"}
    | {"start", "stop", "promote", "demote", "optional", "serialize", "oneway"}
)
COLOCATION = ("colocate with", "near with", "far from", "apart from")
WITHOUT_INFLUENCE = ("follow with", "seek with", "shun from", "flee from")
LOCATION = ("pin on", "prefer on", "avoid on", "ban from")


def derived(owner: str, part: str, name: str = "") -> str:
    """Return the id of a part of ``owner``: ``web1-meta_attributes``, as pcs would call it."""
    return f"{owner}-{part}-{name}" if name else f"{owner}-{part}"


def operation_id(owner: str, name: str, interval: str) -> str:
    return f"{owner}-{name}-interval-{interval}"


def own(*parts: str) -> str:
    """Return an id of hactl's own: ``hactl-node1-utilization``."""
    return PREFIX + "-".join(parts)


@singledispatch
def constraint_id(constraint: object) -> str:
    """Return the id of a constraint or fencing level, an injective function of its content."""
    raise TypeError(f"no id for {constraint!r}")


@constraint_id.register
def _(order: Order) -> str:
    names = (order.first, order.then)
    kind = "" if order.kind is OrderKind.MANDATORY else f"-{order.kind.lower()}"
    if order == Order(*names, order.kind, "stop", "stop", symmetrical=False):
        return spelled(order, names, f"stop-{order.first}-then-{order.then}{kind}")
    first = acting(order.first_action, order.first)
    then = acting(order.then_action, order.then)
    once = "" if order.symmetrical else "-oneway"
    return spelled(order, names, f"order-{first}-then-{then}{kind}{once}")


@constraint_id.register
def _(colocation: Colocation) -> str:
    rsc, other = colocation.rsc, colocation.with_rsc
    rsc += f"-as-{colocation.rsc_role.lower()}" if colocation.rsc_role else ""
    other += f"-as-{colocation.with_rsc_role.lower()}" if colocation.with_rsc_role else ""
    words = COLOCATION if colocation.influence else WITHOUT_INFLUENCE
    text = scored(rsc, other, colocation.score, words)
    return spelled(colocation, (colocation.rsc, colocation.with_rsc), text)


@constraint_id.register
def _(location: Location) -> str:
    names = (location.rsc, location.node)
    return spelled(location, names, scored(*names, location.score, LOCATION))


@constraint_id.register
def _(base: BaseScore) -> str:
    return spelled(base, (base.rsc,), f"base-{base.rsc}-{base.score}")


@constraint_id.register
def _(confinement: Confinement) -> str:
    nodes = "-and-".join(confinement.nodes)
    names = (confinement.rsc, *confinement.nodes)
    return spelled(confinement, names, f"only-{confinement.rsc}-on-{nodes}")


@constraint_id.register
def _(promotion: Promotion) -> str:
    names = (promotion.rsc, promotion.node)
    text = f"promote-{promotion.rsc}-on-{promotion.node}-{promotion.score}"
    return spelled(promotion, names, text)


@constraint_id.register
def _(level: FencingLevel) -> str:
    devices = "-and-".join(level.devices)
    text = f"level-{level.index}-for-{level.node}-by-{devices}"
    return spelled(level, (level.node, *level.devices), text)


def scored(name: str, other: str, score: int, words: tuple[str, str, str, str]) -> str:
    """``words`` are what always, rather, rather not and never are called: "colocate with"."""
    always, rather, rather_not, never = words
    if abs(score) >= INFINITY:
        verb, amount = (always if score > 0 else never), ""
    else:
        verb, amount = (rather if score >= 0 else rather_not), f"-{abs(score)}"
    doing, where = verb.split()
    return f"{doing}-{name}-{where}-{other}{amount}"


def acting(action: str, name: str) -> str:
    return name if action == "start" else f"{action}-{name}"


def spelled(value: object, names: tuple[str, ...], text: str) -> str:
    if not any(WORDS.intersection(name.split("-")) for name in names):
        return PREFIX + text
    digest = hashlib.sha256(repr(value).encode()).hexdigest()[:12]
    return f"{PREFIX}x{digest}-{text}"
